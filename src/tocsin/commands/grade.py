"""`tocsin grade`: the main job, and the short account of it that the terminal gets."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.options import Events, Format
from tocsin.commands.printing import json_text, paragraph, say
from tocsin.commands.progress import progress, silent
from tocsin.errors import UserError

if TYPE_CHECKING:
    from tocsin.results import Result

_MOST = 3  # of a list that may be long


def grade(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files or folders of one format, or the URL of a PostgreSQL database (OMOP).",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The folder to write to; files of an earlier run there are replaced.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    format: Annotated[Format, typer.Option(help="The format of the sources.")] = Format.auto,
    therapies: Annotated[
        Path | None, typer.Option(help="CSV: subject_id,time,cause,product.", metavar="FILE")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="CSV: subject_id,time,attribution.", metavar="FILE")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="Your own code list; it wins over ours.", metavar="FILE")
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(
            help="CSV: signal,low,high,unit, your laboratory's limits: grades organs for Lee, Penn and CARTOX.",
            metavar="FILE",
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="The scale of record, in place of the one of each cause.", metavar="NAME"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a number of the timeline or a reading setting; may be repeated.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="Grade by when each record was known, as the ward could have.")
    ] = False,
    events: Annotated[Events, typer.Option(help="Whose events to keep in events.parquet.")] = Events.episodes,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json.")] = False,
) -> None:
    """Grade CRS over time, for a whole source.

    Every subject who had an index therapy is graded, on every scale at once. The sum at the end accounts for every row.

    \b
    Examples:
      tocsin grade records/ --out results
      tocsin grade meds/ --therapies therapies.csv --out results
      tocsin grade "postgresql://user@host/database?schema=cdm" --out results
      tocsin grade bundles/ --out results --set fever_hold=48 --set zone=America/New_York
    """
    choices = read_settings(settings or [])
    from tocsin import api

    with progress() as bar:
        result = api.grade(
            sources, out=out, format=format, therapies=therapies, annotations=annotations, codes=codes, limits=limits,
            scale=scale, settings=choices, as_known=as_known, events=events.value, progress=bar.show if bar else silent,
        )  # fmt: skip
    if as_json:
        json_text(result.run)
        return
    from tocsin.report.terminal import NOTE

    for line in summary(result, out):
        say(line)
    paragraph(NOTE)


def read_settings(said: list[str]) -> dict[str, str]:
    """Return KEY=VALUE settings as a mapping."""
    for text in said:
        if "=" not in text.strip("="):
            raise UserError(f"--set {text}: write KEY=VALUE, for example --set fever_hold=48")
    pairs = [text.split("=", 1) for text in said]
    return {key.strip(): value.strip() for key, value in pairs}


def summary(result: "Result", out: Path) -> Iterator[str]:
    """Yield what a run found, in a few lines."""
    run = result.run
    found = f"{_count(run['episodes'], 'episode')} in {_count(run['subjects'], 'subject')} with a therapy"
    yield f"{found}, {sum(run['seconds'].values()):.1f} s; written to {out}"
    yield from _item("rows", _rows(run))
    yield from _item("peak grades", "; ".join(_peaks(result)))
    yield from _item("assumed units", _assumed(run["assumed_units"]))
    yield from _item("not mapped", _unmapped(out))
    for note in run["notes"]:
        yield from _item("note", note)
    yield from _item("next", _next(result, out))


def _item(name: str, text: str) -> Iterator[str]:
    """Yield one item of the account, folded; nothing for an empty one."""
    yield from wrap(
        text,
        80,
        initial_indent=f"  {name:<15}",
        subsequent_indent=" " * 17,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _rows(run: Mapping[str, Any]) -> str:
    parts = f"{run['rows_used']:,} used + {run['not_of_interest']:,} of no interest + {run['quarantined']:,} quarantined"
    reasons = Counter[str](run["quarantined_by_reason"]).most_common(_MOST)
    why = f" ({', '.join(f'{reason} {rows:,}' for reason, rows in reasons)})" if reasons else ""
    return f"{run['rows_read']:,} read = {parts}{why}"


def _peaks(result: "Result") -> Iterator[str]:
    """Yield the peaks on each scale of record: how many episodes of each, undecided ones as a set."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tocsin.grading.words import label
    from tocsin.knowledge.scales import scale as known
    from tocsin.records import scale_of_record
    from tocsin.report.labels import grades_text
    from tocsin.report.rows import peak_of

    found: dict[str, Counter[tuple[int, ...]]] = {}
    for cause in map(str, result.episodes["cause"].unique().to_pylist()):
        scale = scale_of_record(result.run, cause)
        of_cause = result.episodes.filter(pc.equal(result.episodes["cause"], pa.scalar(cause)))
        peaks = of_cause.group_by([f"{scale}_peak_low", f"{scale}_peak_high"]).aggregate([([], "count_all")])
        for row in peaks.to_pylist():
            found.setdefault(scale, Counter())[peak_of(row, scale)] += row["count_all"]
    for scale, counts in found.items():
        counted = ", ".join(f"{grades_text(peak)}: {rows:,}" for peak, rows in sorted(counts.items()))
        yield f"{label(known(scale))} grade {counted}"


def _assumed(units: Mapping[str, int]) -> str:
    if not units:
        return ""
    named = ", ".join(f"{name} {rows:,}" for name, rows in Counter(units).most_common(_MOST))
    more = f" and {len(units) - _MOST} more" if len(units) > _MOST else ""
    return f"{sum(units.values()):,} rows without a unit were read in the canonical one: {named}{more}"


def _unmapped(out: Path) -> str:
    with (out / "unmapped.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return ""
    named = ", ".join(f"{row['text'] or row['code']} ({int(row['rows']):,} rows)" for row in rows[:_MOST])
    return f"{named}{' and more' if len(rows) > _MOST else ''}: see {out / 'unmapped.csv'}"


def _next(result: "Result", out: Path) -> str:
    if not result.run["subjects"]:
        return "no therapy found: give --therapies FILE (CSV: subject_id,time,cause,product), keyed by the source's own ids"
    if not result.run["episodes"]:
        return "no fever inside a window after a therapy, so no episode: look into quarantine.parquet and unmapped.csv"
    from tocsin.records import of_subject

    first = of_subject(result.subjects, result.episodes.slice(0, 1).to_pylist()[0]["subject_id"])
    return f"tocsin show {out} --subject {first['source_id'].to_pylist()[0]}"
