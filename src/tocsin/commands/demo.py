"""`tocsin demo`: grades the bundled made-up patients, shows the table and one course."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.printing import console, json_text, lines, paragraph, say, table
from tocsin.commands.progress import progress, silent

if TYPE_CHECKING:
    from tocsin.results import Result

_SCALES = ("astct", "ctcae5", "lee2014")
_HEADS = ("patient", "therapy", "onset", "ASTCT", "CTCAE5", "Lee", "hours", "ended", "TCZ")  # fits 80 columns
_DRAWN = 1  # the patient whose course is drawn: a common one, from fever to tocilizumab and back


def demo(
    out: Annotated[Path | None, typer.Option(help="Keep the files in this folder.", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json.")] = False,
) -> None:
    """Grade the bundled made-up patients.

    Prints a table of their episodes and one course, drawn.

    \b
    Examples:
      tocsin demo
      tocsin demo --out demo-results
    """
    from tocsin import api
    from tocsin.demo import demo_folder

    with _folder(out) as folder:
        with progress() as bar:
            result = api.grade(demo_folder(), out=folder, progress=bar.show if bar else silent)
        if as_json:
            json_text(result.run)
            return
        _show(result, folder, out)


@contextmanager
def _folder(out: Path | None) -> Generator[Path]:
    """Give the folder to write to, one that goes away where none was named."""
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        yield Path(folder) / "demo"


def _show(result: "Result", folder: Path, out: Path | None) -> None:
    from tocsin.records import read_records, source_ids
    from tocsin.report.build import build_course
    from tocsin.report.terminal import NOTE, draw_course

    say("Made-up patients: no real person is behind any of them.")
    say()
    _table(result)
    say()
    to = console()
    names = source_ids(result.subjects)
    lines(draw_course(build_course(read_records(folder, names[_DRAWN])), to.width), to)
    say()
    if out is None:
        say("Nothing was kept. To look further:")
        say("  tocsin demo --out demo-results")
    else:
        say(f"The files are in {out}. To see the reason and the records of each grade:")
        say(f"  tocsin show {out} --subject {names[_DRAWN]}")
    paragraph(NOTE)


def _table(result: "Result") -> None:
    """Print a line per episode."""
    from tocsin.records import source_ids

    names = source_ids(result.subjects)
    rows = [_row(row, names, result.run) for row in result.episodes.to_pylist()]
    table(_HEADS, rows, ("onset", "hours", "TCZ"), gap=1)
    say()
    paragraph(
        "Onset in days after the therapy; peak grades, * on the scale of record, 2-3 where the record allows both; "
        "TCZ: doses of tocilizumab."
    )


def _row(row: dict[str, Any], names: dict[int, str], run: dict[str, Any]) -> tuple[str, ...]:
    """Return an episode as cells."""
    from tocsin.records import scale_of_record
    from tocsin.report.labels import day_text, days, grades_text, therapy_lane
    from tocsin.report.rows import peak_of

    record = scale_of_record(run, row["cause"])
    peaks = [grades_text(peak_of(row, scale)) + ("*" if scale == record else "") for scale in _SCALES]
    return (
        names[row["subject_id"]],
        therapy_lane(row["cause"], row["product"]),
        day_text(days(row["onset"], row["therapy_time"])),
        *peaks,
        f"{row['hours']:.0f}",
        row["ended"] or "goes on",
        str(row["tocilizumab_doses"]),
    )
