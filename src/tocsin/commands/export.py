"""`tocsin export`: the results of a run in somebody else's format."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

from tocsin.commands.printing import json_text, say
from tocsin.commands.progress import progress, silent


class To(StrEnum):
    """The formats of an export."""

    fhir = "fhir"
    omop = "omop"
    sdtm = "sdtm"
    meds = "meds"
    cibmtr = "cibmtr"


def export(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False)
    ],
    to: Annotated[To, typer.Option(help="The format.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            help="The folder to write to: new, empty, or an earlier export to the same format.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    revision: Annotated[
        str | None,
        typer.Option(
            help="cibmtr: the revision of form 4100 to fill; without it, every question we know.",
            metavar="NAME",
        ),
    ] = None,
    study: Annotated[str | None, typer.Option(help="sdtm: the STUDYID.", metavar="ID")] = None,
    reported: Annotated[
        Path | None,
        typer.Option(
            help="sdtm: CSV of the grades that the site gave, to compare: subject_id,start,end,scale,grade.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print export.json.")] = False,
) -> None:
    """Write results in other people's formats.

    FHIR R4 resources, OMOP CDM rows, SDTM and ADaM datasets, MEDS events and labels, or the answers for CIBMTR form 4100.

    \b
    Examples:
      tocsin export results --to fhir --out results-fhir
      tocsin export results --to sdtm --study ABC123 --reported site-grades.csv --out datasets
      tocsin export results --to cibmtr --revision 4.0 --out form-4100
    """
    from tocsin.exports import export as write
    from tocsin.results import read_result

    with progress(grades=False) as bar:
        result = read_result(folder)
        account = write(
            result, to.value, out, revision=revision, study=study, reported=reported,
            progress=bar.show if bar else silent,
        )  # fmt: skip
    if as_json:
        json_text(account)
        return
    for line in _summary(account, out):
        say(line)


def _summary(account: Mapping[str, Any], out: Path) -> Iterator[str]:
    """Yield what was written, and what a reader must know about it."""
    counts = ", ".join(f"{number:,} {name}" for name, number in account["counts"].items())
    yield from wrap(f"{counts}; written to {out}", 80, break_on_hyphens=False, break_long_words=False)
    for note in account["notes"]:
        yield from wrap(
            note,
            80,
            initial_indent="  note  ",
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
            break_long_words=False,
        )
