"""The records of one subject: picked out of the files of a run, or out of its tables in memory."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.errors import UserError

Line = dict[str, Any]
_MOST_COMPARED = 100_000  # ids that a misspelt one is compared with: comparing is slow


@dataclass(frozen=True)
class Records:
    """What a run holds of one subject, as plain rows in order of time; `run` is its `run.json`."""

    subject: Line
    grades: list[Line]
    episodes: list[Line]
    events: list[Line]
    run: Mapping[str, Any]


def pick(subject: Line, tables: Mapping[str, pa.Table], run: Mapping[str, Any]) -> Records:
    """Return one subject's records out of the tables of a run."""
    mine = {
        name: of_subject(tables[name], subject["subject_id"]) for name in ("grades", "episodes", "events")
    }
    return Records(subject=subject, run=run, **{name: table.to_pylist() for name, table in mine.items()})


def of_subject(table: pa.Table, subject_id: int) -> pa.Table:
    """Return the rows of one subject."""
    return table.filter(pc.equal(table["subject_id"], pa.scalar(subject_id)))


def read_records(folder: Path, subject: str) -> Records:
    """Read one subject's records from the folder of a run; `subject` is its number here or its id in the source.

    Raises UserError when the folder holds no whole run or the subject is not in it.
    """
    run = read_run(folder)
    found = _find(folder, _read(folder, "subjects"), subject)
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


def _find(folder: Path, subjects: pa.Table, name: str) -> Line:
    """Return the subject that a text names: by the source's own id, else by its number."""
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
        f"did you mean {' or '.join(near)}?"
        if near
        else f"`tocsin show {folder}` lists those with an episode"
    )
    raise UserError(f"{folder}: no subject {name!r} in it; {hint}")
