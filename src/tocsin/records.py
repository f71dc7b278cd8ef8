"""The records of one subject: picked out of the files of a run, or out of its tables in memory."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.episodes import TIME, record_scales
from tocsin.errors import UserError
from tocsin.knowledge.timeline import Timeline
from tocsin.knowledge.vocabulary import SCALES

Line = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE = pa.duration("us")  # numpy makes many of them into Python's at once
_MOST_COMPARED = 100_000  # ids that a misspelt one is compared with: comparing is slow


@dataclass(frozen=True)
class Records:
    """What a run holds of one subject, as plain rows in order of time; `run` is its `run.json`."""

    subject: Line
    grades: list[Line]
    episodes: list[Line]
    events: list[Line]
    run: Mapping[str, Any]


def numbers_in_force(run: Mapping[str, Any]) -> Timeline:
    """Return the numbers that a run was made with."""
    return Timeline(**{field.name: run["parameters"][field.name] for field in fields(Timeline)})


def scale_of_record(run: Mapping[str, Any], cause: str) -> str:
    """Return the scale that a run graded a cause by."""
    named = run["parameters"]["scale"]
    return named if named in SCALES else record_scales()[cause]


def zone_of(run: Mapping[str, Any]) -> ZoneInfo:
    """Return the zone in which a run read the times that name none."""
    return ZoneInfo(run["parameters"]["set"].get("zone", "UTC"))


def in_zone(records: Records, zone: ZoneInfo) -> Records:
    """Return the same records with every time as the clocks of a zone show it."""
    if zone.key == "UTC":
        return records  # as they are

    def shown(line: Line) -> Line:
        return {
            key: value.astimezone(zone) if isinstance(value, datetime) else value
            for key, value in line.items()
        }

    tables = {
        name: [shown(line) for line in getattr(records, name)] for name in ("grades", "episodes", "events")
    }
    return replace(records, **tables)


def pick(subject: Line, tables: Mapping[str, pa.Table], run: Mapping[str, Any]) -> Records:
    """Return one subject's records out of the tables of a run."""
    mine = {
        name: of_subject(tables[name], subject["subject_id"]) for name in ("grades", "episodes", "events")
    }
    return Records(subject=subject, run=run, **{name: lines_of(table) for name, table in mine.items()})


def lines_of(table: pa.Table) -> list[Line]:
    """Return the rows of a table as `to_pylist` does, five times as quick: at the bedside every call waits for them."""
    columns = [_values(column) for column in table.columns]
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: Any) -> list[Any]:
    """Return the values of a column; instants and repeated words not one by one as Arrow's own."""
    kind = column.type
    if kind == TIME:
        since: list[timedelta | None] = [one for chunk in column.chunks for one in _plain(chunk.view(_SINCE))]
        return [None if one is None else _EPOCH + one for one in since]
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    return column.to_pylist()


def _plain(column: Any) -> list[Any]:
    return column.to_numpy(zero_copy_only=False).tolist()


def of_subject(table: pa.Table, subject_id: int) -> pa.Table:
    """Return the rows of one subject."""
    ids = table["subject_id"]
    if len(ids) and ids[0].as_py() == subject_id == ids[-1].as_py() and pc.count_distinct(ids).as_py() == 1:
        return table  # a Bundle is mostly of one
    return table.filter(pc.equal(table["subject_id"], pa.scalar(subject_id)))


class Slices:
    """A table whose rows stand in order of subject_id: the rows of one subject are found without a scan."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._ids: Any = table["subject_id"].to_numpy()

    def of(self, subject_id: int) -> list[Line]:
        """Return the rows of one subject."""
        first, end = np.searchsorted(self._ids, [subject_id, subject_id + 1]).tolist()
        return lines_of(self._table.slice(first, end - first))


def read_records(folder: Path, subject: str) -> Records:
    """Read one subject's records from the folder of a run; `subject` is its number here or its id in the source.

    Raises UserError when the folder holds no whole run or the subject is not in it.
    """
    run = read_run(folder)
    found = find_subject(_read(folder, "subjects"), subject, str(folder))
    only = [("subject_id", "=", found["subject_id"])]
    tables = {name: _read(folder, name, filters=only) for name in ("grades", "episodes", "events")}
    return pick(found, tables, run)


def read_run(folder: Path) -> dict[str, Any]:
    """Read `run.json`: it is there when, and only when, the run is whole."""
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{folder}: no finished run in it; give the --out folder of `tocsin grade`") from None


def read_episodes(folder: Path) -> tuple[list[Line], dict[int, str]]:
    """Return the episodes of a run and the source's own id of each subject that has one."""
    read_run(folder)
    episodes = _read(folder, "episodes").to_pylist()
    chosen = {row["subject_id"] for row in episodes}
    return episodes, source_ids(_with(_read(folder, "subjects"), chosen))


def source_ids(subjects: pa.Table) -> dict[int, str]:
    """Return the source's own id of each subject."""
    return {
        row["subject_id"]: row["source_id"]
        for row in subjects.select(["subject_id", "source_id"]).to_pylist()
    }


def _with(subjects: pa.Table, chosen: set[int]) -> pa.Table:
    return subjects.filter(pc.is_in(subjects["subject_id"], pa.array(sorted(chosen), pa.int64())))


def _read(folder: Path, name: str, **options: Any) -> pa.Table:
    try:
        return pq.read_table(folder / f"{name}.parquet", **options)
    except (OSError, pa.ArrowException):
        raise UserError(f"{folder / name}.parquet: cannot be read; run `tocsin grade` again") from None


def find_subject(subjects: pa.Table, name: str, where: str) -> Line:
    """Return the subject that a text names: by the source's own id, else by its number; `where` is told when there is none."""
    found = subjects.filter(pc.equal(subjects["source_id"], pa.scalar(name)))
    if not found.num_rows and name.isdecimal() and len(name) < 19:
        found = of_subject(subjects, int(name))
    if found.num_rows:
        return found.to_pylist()[0]
    near = difflib.get_close_matches(
        name,
        [str(one) for one in subjects["source_id"].slice(0, _MOST_COMPARED).to_pylist()],
        n=3,
        cutoff=0.5,
    )
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"`tocsin show {where}` lists those with an episode"
    )
    raise UserError(f"{where}: no subject {name!r} in it; {hint}")
