"""`tocsin show`: one subject's course, drawn and explained; or the subjects that have one."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.printing import console, json_text, lines, say, table

if TYPE_CHECKING:
    from tocsin.report.course import Course, Row


def show(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False)
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            help="The source's own id, or the subject_id; without it, who has an episode.", metavar="ID"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a subject's course and its evidence.

    Draws the grade with temperature, pressure, support and treatment; under it each change with its reason and records.

    \b
    Examples:
      tocsin show results
      tocsin show results --subject 4711
    """
    if subject is None:
        _list(folder, as_json)
        return
    from tocsin.records import read_records
    from tocsin.report.build import build_course

    course = build_course(read_records(folder, subject))
    if as_json:
        json_text(course_json(course))
        return
    from tocsin.report.terminal import draw

    to = console()
    lines(draw(course, to.width), to)


def _list(folder: Path, as_json: bool) -> None:
    """Print the subjects that have an episode."""
    from tocsin.grading.words import label
    from tocsin.knowledge.scales import scale
    from tocsin.records import read_episodes, read_run, scale_of_record
    from tocsin.report.labels import grades_text, therapy_lane
    from tocsin.report.rows import peak_of

    run = read_run(folder)
    episodes, names = read_episodes(folder)
    found: list[dict[str, Any]] = []
    for row in episodes:
        record = scale_of_record(run, row["cause"])
        found.append(
            {
                **_head(row, names),
                "scale": record,
                "peak": list(peak_of(row, record)),
                "onset": row["onset"].isoformat(),
            }
        )
    if as_json:
        json_text({"episodes": found})
        return
    rows = [
        (
            one["source_id"], str(one["episode"]), therapy_lane(one["cause"], one["product"]), f"{row['onset']:%Y-%m-%d}",
            f"{grades_text(tuple(one['peak']))}  {label(scale(one['scale']))}", row["ended"] or "goes on",
        )
        for one, row in zip(found, episodes, strict=True)
    ]  # fmt: skip
    if rows:
        table(("subject", "no.", "therapy", "onset", "peak", "ended"), rows, ("no.",))
    else:
        say(f"{folder}: no subject has an episode.")


def _head(row: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    return {
        "subject_id": row["subject_id"],
        "source_id": names[row["subject_id"]],
        **{key: row[key] for key in ("episode", "cause", "product", "ended")},
    }


def course_json(course: "Course") -> dict[str, Any]:
    """Return a course as the JSON of `show`: episodes, and rows with their evidence; sets are sorted lists."""
    return {
        "subject_id": course.subject_id,
        "source_id": course.source_id,
        "episodes": [asdict(episode) for episode in course.episodes],
        "rows": [_row_json(row) for row in course.rows],
    }


def _row_json(row: "Row") -> dict[str, Any]:
    grades = {
        scale: {
            "grade": grades[0] if len(grades) == 1 else None,
            "set": list(grades),
            "recalled": scale in row.recalled,
        }
        for scale, grades in row.sets.items()
    }
    rest = (
        "time",
        "day",
        "episode",
        "closing",
        "scale",
        "driver",
        "fever",
        "fever_waived",
        "why",
        "settled_by",
        "flags",
    )
    said = {name: getattr(row, name) for name in rest}
    return {**said, "grades": grades, "evidence": [asdict(one) for one in row.evidence]}
