"""MEDS labels: for each index therapy whether CRS began within its window, and the highest grade that it reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.products import window_d
from tocsin.knowledge.reading import therapy_signals
from tocsin.records import Line, scale_of_record
from tocsin.report.rows import peak_of
from tocsin.results import Result

_HEAD: Final = [("subject_id", pa.int64()), ("prediction_time", pa.timestamp("us"))]
ANY: Final = pa.schema([*_HEAD, ("boolean_value", pa.bool_())])
HIGHEST: Final = pa.schema([*_HEAD, ("integer_value", pa.int64())])


@dataclass(frozen=True)
class _Label:
    """The answer for one therapy; None is one that the records do not give."""

    subject_id: int
    time: datetime
    any: bool | None
    highest: int | None


def write_labels(result: Result, folder: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """Write `crs_any.parquet` and `crs_grade_max.parquet`; return how many labels, and notes."""
    if not _is_complete(result):
        note = (
            "No labels: they need the therapies of those without an episode too, and this run kept no events of them. Run "
            "`tocsin grade` again with --events all."
        )
        return {"labels": 0}, (note,)
    labels = list(_labels(result))
    known = [one for one in labels if one.any is not None]
    graded = [one for one in labels if one.highest is not None]
    _write(folder / "crs_any.parquet", ANY, [(one.subject_id, one.time, one.any) for one in known])
    _write(
        folder / "crs_grade_max.parquet", HIGHEST, [(one.subject_id, one.time, one.highest) for one in graded]
    )
    notes = (
        f"{len(labels) - len(known):,} of {len(labels):,} therapies have no crs_any label: the records do not show that there "
        f"was no CRS. {len(known) - len(graded):,} more have no crs_grade_max: the grade is open.",
    )
    return {"labels": len(known) + len(graded)}, notes


def _is_complete(result: Result) -> bool:
    """Return whether the events of every subject with a therapy were kept."""
    everybody = result.run["parameters"]["events"] == "all"
    return everybody or len(pc.unique(result.episodes["subject_id"])) == result.subjects.num_rows


def _labels(result: Result) -> Iterator[_Label]:
    """Yield the label of every therapy at the time of it."""
    names = pa.array(["index_therapy", *therapy_signals()])
    given = _rows(result.events, names)
    temperatures = _times(_rows(result.events, pa.array(["body_temperature"])))
    last: dict[int, datetime] = {
        row["subject_id"]: row["time_max"]
        for row in result.events.group_by("subject_id").aggregate([("time", "max")]).to_pylist()
    }
    episodes: dict[int, list[Line]] = {}
    for row in result.episodes.to_pylist():
        episodes.setdefault(row["subject_id"], []).append(row)
    for event in given:
        subject, time = int(event["subject_id"]), event["time"]
        until = time + _window(str(event["text_value"]))
        own = [row for row in episodes.get(subject, ()) if time < row["onset"] <= until]
        if own:
            yield _Label(subject, time, True, _highest(own, result))
            continue
        # No CRS is shown only by temperatures, and by records that go on to the end of the window.
        watched = any(time < one <= until for one in temperatures.get(subject, ())) and last[subject] >= until
        yield _Label(subject, time, False if watched else None, 0 if watched else None)


def _highest(own: list[Line], result: Result) -> int | None:
    """Return the highest peak on the scale of record, None where it is open."""
    peaks = [peak_of(row, scale_of_record(result.run, row["cause"])) for row in own]
    low, high = max(peak[0] for peak in peaks), max(peak[-1] for peak in peaks)
    return low if low == high else None


def _window(text: str) -> timedelta:
    """Return how long a therapy's window is open; `text` is `cause` or `cause/product`."""
    cause, _, product = text.partition("/")
    return timedelta(days=window_d(cause_words()[cause], product or None))


def _rows(events: pa.Table, names: "pa.Array[Any]") -> list[Line]:
    chosen = events.filter(pc.is_in(events["signal"].cast(pa.string()), value_set=names))
    return chosen.select(["subject_id", "time", "text_value"]).to_pylist()


def _times(rows: list[Line]) -> dict[int, list[datetime]]:
    found: dict[int, list[datetime]] = {}
    for row in rows:
        found.setdefault(row["subject_id"], []).append(row["time"])
    return found


def _write(path: Path, schema: pa.Schema, rows: list[tuple[Any, ...]]) -> None:
    """Write labels in order of subject and time."""
    columns: list[Any] = list(zip(*sorted(set(rows)), strict=True)) if rows else [()] * len(schema)
    times = [time.replace(tzinfo=None) for time in columns[1]]
    values = zip((columns[0], times, columns[2]), schema.types, strict=True)
    arrays: list[Any] = [pa.array(column, kind) for column, kind in values]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
