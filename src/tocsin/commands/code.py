"""`tocsin code`: ICD-10-CM in claim order, and what the documentation lacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.printing import json_text, paragraph, say, table
from tocsin.commands.progress import progress, silent

if TYPE_CHECKING:
    from tocsin.coding.claim import Claim, ClaimCode, Gap


def code(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False)
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            help="The source's own id, or the subject_id; without it, every subject with an episode.",
            metavar="ID",
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="Read the peak by this scale, not the scale of record.", metavar="NAME"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Code CRS in ICD-10-CM, and say what the note lacks.

    The codes stand in claim order, by the code set of the fiscal year of the onset. A computed grade is not documentation:
    each gap is a query to the clinician, or a check in the notes.

    \b
    Examples:
      tocsin code results
      tocsin code results --subject 4711
    """
    from tocsin.coding.icd10cm import code as code_one
    from tocsin.coding.icd10cm import code_all
    from tocsin.results import read_result

    result = read_result(folder)
    if subject is not None:
        claim = code_one(result, subject, scale)
        json_text(claim.as_json()) if as_json else _show(claim)
        return
    with progress(grades=False) as bar:
        claims = list(code_all(result, scale, progress=bar.show if bar else silent))
    if as_json:
        json_text({"claims": [claim.as_json() for claim in claims]})
        return
    _list(claims, folder)


def _list(claims: "list[Claim]", folder: Path) -> None:
    """Print a line for each claim."""
    if not claims:
        say(f"{folder}: no subject has an episode, so there is nothing to code.")
        return
    rows = [
        (
            claim.source_id,
            str(claim.fiscal_year),
            "-".join(map(str, claim.peak)),
            ", ".join(line.code for line in claim.codes) or "none",
            str(sum(gap.kind == "query" for gap in claim.gaps)),
            str(sum(gap.kind == "check" for gap in claim.gaps)),
        )
        for claim in claims
    ]
    table(
        ("subject", "year", "peak", "codes in claim order", "queries", "checks"), rows, ("queries", "checks")
    )
    say()
    say(f"`tocsin code {folder} --subject ID` says why, and what the note lacks.")


def _show(claim: "Claim") -> None:
    """Print a claim with its reasons and gaps, the claims of earlier therapies after it."""
    if claim.fiscal_year is None:
        say(f"{claim.source_id}: no episode of CRS on record, so there is nothing to code.")
        return
    for one in (claim, *claim.earlier):
        peak = " or ".join(map(str, one.peak))
        say(f"{one.source_id}  fiscal year {one.fiscal_year}  peak grade {peak} ({one.scale})")
        say()
        for place, line in enumerate(one.codes, 1):
            _show_code(place, line)
        if not one.codes:
            say("  no code of this year says cytokine release syndrome")
        say()
        for gap in one.gaps:
            _show_gap(gap)
        say()
    say("A computed grade is not documentation. Not a medical device; for trained coders.")


def _show_code(place: int, line: "ClaimCode") -> None:
    """Print a code with its reason, what to use until it is documented, and the notes of the list."""
    doubt = " Recalled: confirm against the current list." if line.confidence == "recalled" else ""
    instead = f" Until documented: {line.instead}." if line.instead else ""
    paragraph(line.title, f"{place}. {line.code}")
    paragraph(f"{line.why}{instead}{doubt} {_basis(line)}", " " * 12)
    for note in line.notes:
        paragraph(note, " " * 12)


def _show_gap(gap: "Gap") -> None:
    """Print what the note may lack."""
    paragraph(f"{gap.what}. {gap.why} {_basis(gap)}", gap.kind)


def _basis(line: "ClaimCode | Gap") -> str:
    """Return the rule behind a line, its strength and how sure it is."""
    from tocsin.knowledge.sources import CONFIDENCE

    return f"[{line.rule}, {line.strength}, {CONFIDENCE[line.confidence]}]"
