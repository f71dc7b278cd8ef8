"""`tocsin leaflet`: the page for a patient, with the therapy and its dates."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.beside import written_beside
from tocsin.commands.printing import json_text, paragraph
from tocsin.errors import UserError

if TYPE_CHECKING:
    from tocsin.report.leaflet import Treatment


def leaflet(
    out: Annotated[Path, typer.Option(help="The HTML file to write.", metavar="FILE", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Whose therapy and date to take from DIR.", metavar="ID")
    ] = None,
    product: Annotated[
        str | None, typer.Option(help="The product, where there is no DIR.", metavar="ID")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", help="The day of the latest dose: YYYY-MM-DD.", metavar="DATE")
    ] = None,
    language: Annotated[str, typer.Option(help="The language: en or es.", metavar="NAME")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print what the page says, as JSON.")] = False,
) -> None:
    """Write the page for a patient.

    One file to print or to open anywhere: what CRS is, when to call, what happens. Of the patient it holds only
    the therapy and its dates; without them there are lines to write on.

    \b
    Examples:
      tocsin leaflet --out leaflet.html
      tocsin leaflet results --subject 4711 --out leaflet.html
      tocsin leaflet --product teclistamab --date 2026-03-02 --language es --out leaflet.html
    """
    from tocsin.report.leaflet import draw

    treatment = _treatment(folder, subject, product, day)
    text = draw(treatment, language)
    with written_beside(out) as target:
        target.write(text)
    if as_json:
        json_text(_in_json(out, language, treatment))
        return
    paragraph(
        f"Written to {out}. Read it before you hand it on: it is general advice, and {_reviewed(language)}."
    )


def _treatment(
    folder: Path | None, subject: str | None, product: str | None, day: str | None
) -> "Treatment | None":
    """Return the therapy that the options name: one of a run's subjects, or a product."""
    from tocsin.report.leaflet import treatment_in, treatment_of

    if (folder is None) != (subject is None):
        raise UserError("DIR and --subject go together: give both, or neither")
    if folder is None or subject is None:
        return treatment_of(product, _date(day))
    if product or day:
        raise UserError("--product and --date are for a page without DIR: leave them out")
    from tocsin.records import read_records

    return treatment_in(read_records(folder, subject))


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--date {text}: no date; write YYYY-MM-DD, for example 2026-03-02") from None


def _reviewed(language: str) -> str:
    from tocsin.knowledge.patient_pages import patient_page

    page = patient_page(language)
    return "its translation has not been reviewed" if page.translation else "no clinician has reviewed it yet"


def _in_json(out: Path, language: str, treatment: "Treatment | None") -> dict[str, Any]:
    from tocsin.report.leaflet import said

    return {"out": str(out), **said(treatment, language)}
