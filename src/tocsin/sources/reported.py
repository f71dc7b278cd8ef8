"""The grades that a site reported, as rows of `reported.csv`: from that file beside our CSV layout, or from AE and CE of SDTM."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tocsin.errors import UserError
from tocsin.sources.sdtm import reported_grades
from tocsin.sources.source import Opening

NAME: Final = "reported.csv"
COLUMNS: Final = ("subject_id", "start", "end", "scale", "grade")
_OPTIONAL: Final = {"end", "scale"}


def reported_rows(opening: Opening, format: str, paths: Sequence[Path]) -> list[tuple[str, ...]]:
    """Return the rows that go with a source, as texts; a run keeps them, so that its grades can be compared with them.

    Raises UserError when a file of reported grades has no such columns.
    """
    if format == "sdtm":
        # SDTM does not say by which scale a study graded: an empty one is the scale of record.
        return [_of_sdtm(row) for row in reported_grades(opening, list(paths), scale="").to_pylist()]
    files = [path / NAME for path in paths if format == "csv" and (path / NAME).is_file()]
    return [tuple(row.values()) for file in files for _, row in reported_lines(file)]


def _of_sdtm(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of AE or CE; a date that stops at the month is none, nor are a start and an end before it."""
    backwards = row["start"] and row["end"] and row["end"] < row["start"]
    start, end = ("", "") if backwards else (_when(row, "start"), _when(row, "end"))
    grade = "" if row["grade"] is None else str(row["grade"])
    return (row["subject_id"], start, end, row["scale"], grade)


def _when(row: dict[str, Any], side: str) -> str:
    """Return a date as it stands, a time as the instant that it is."""
    text, instant = row[f"{side}_text"], row[side]
    return "" if instant is None else text if len(text) == len("2026-01-31") else f"{instant.isoformat()}Z"


def reported_lines(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a `reported.csv` with their lines, its columns in our order.

    Raises UserError when the file is missing, is no UTF-8 or lacks a column.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file; give a CSV file with the columns {','.join(COLUMNS)}")
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{file}: not UTF-8 text; save it as UTF-8") from None
    first = lines[0] if lines else ""
    rows = csv.DictReader(lines, delimiter=";" if first.count(";") > first.count(",") else ",")
    missing = [name for name in COLUMNS if name not in {*(rows.fieldnames or ()), *_OPTIONAL}]
    if missing:
        raise UserError(
            f"{file}: column {missing[0]} is missing; the first line must name {','.join(COLUMNS)}"
        )
    for row in rows:
        yield rows.line_num, {name: (row.get(name) or "").strip() for name in COLUMNS}
