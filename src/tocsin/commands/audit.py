"""`tocsin audit`: the care on record against the guidance, rule by rule, with the cases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.printing import json_text, paragraph, say, table
from tocsin.commands.progress import progress, silent

if TYPE_CHECKING:
    from tocsin.guidance.audit import Audited, AuditReport

_MOST_CASES = 40


def audit(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False)
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: every case, with its times and event ids.")
    ] = False,
) -> None:
    """Compare care given with the guidance.

    Rule by rule: eligible, met, not met and not assessable, with times and the cases. What a record leaves open is counted as
    not assessable, never as not met.

    \b
    Examples:
      tocsin audit results
      tocsin audit results --json
    """
    from tocsin.guidance.audit import audit as run_audit
    from tocsin.results import read_result

    with progress(grades=False) as bar:
        report = run_audit(read_result(folder), progress=bar.show if bar else silent)
    if as_json:
        json_text(report.as_json())
        return
    if not report.episodes:
        say(f"{folder}: no subject has an episode, so there is nothing to audit.")
        return
    _show(report)


def _show(report: "AuditReport") -> None:
    rows = [_counts(row) for row in report.rows if row.cases]
    table(
        ("rule", f"what, of {report.episodes:,} episodes", "eligible", "met", "not met", "open", "hours"),
        rows,
        ("eligible", "met", "not met", "open"),
    )
    say()
    used = dict.fromkeys(row.audit.rule.id for row in report.rows if row.cases)
    paragraph(f"How strong: {'; '.join(map(_strength, used))}.")
    unused = [row.audit.rule.id for row in report.rows if not row.cases]
    if unused:
        say()
        paragraph(f"No case for: {', '.join(dict.fromkeys(unused))}.")
    say()
    _not_met(report)
    _open(report)
    paragraph(
        "hours: median, and from the lower to the upper quartile; open: not assessable. A record shows what was charted, not "
        "why: each case is for a person to judge. Not a medical device."
    )


def _strength(id: str) -> str:
    """Return a rule with its strength and how sure it is."""
    from tocsin.knowledge.rules import rule
    from tocsin.knowledge.sources import CONFIDENCE

    found = rule(id)
    return f"{id} {found.strength} ({CONFIDENCE[found.confidence]})"


def _counts(row: "Audited") -> tuple[str, ...]:
    counts, spread = row.counts, row.hours
    hours = (
        f"{spread['median']:.1f} ({spread['lower_quartile']:.1f} to {spread['upper_quartile']:.1f})"
        if spread
        else ""
    )
    names = ("eligible", "met", "not_met", "not_assessable")
    return (row.audit.rules[0], row.audit.title, *(f"{counts[name]:,}" for name in names), hours)


def _not_met(report: "AuditReport") -> None:
    """Print the cases that were not met."""
    found = [case for row in report.rows for case in row.cases if case.outcome == "not_met"]
    if not found:
        return
    say("Not met:")
    rows = [
        (case.rule, case.episode.source_id, str(case.episode.number), case.audit.replace("_", " "), case.why)
        for case in found[:_MOST_CASES]
    ]
    table(("rule", "subject", "no.", "what", "why"), rows, ("no.",))
    if len(found) > _MOST_CASES:
        say(f"... and {len(found) - _MOST_CASES:,} more: --json lists all")
    say()


def _open(report: "AuditReport") -> None:
    """Print why cases were not assessable."""
    rows = [
        (row.audit.rules[0], row.audit.id.replace("_", " "), f"{count:,}", why)
        for row in report.rows
        for why, count in row.open_reasons.items()
    ]
    if rows:
        say("Not assessable:")
        table(("rule", "what", "cases", "why"), rows, ("cases",))
        say()
