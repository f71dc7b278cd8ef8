"""MEDS 0.4: the canonical events and the grades as one dataset that our own MEDS source reads back, and labels."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tocsin.engines.output import GROUP_ROWS, write_json
from tocsin.exports.changes import grade_changes
from tocsin.exports.meds_labels import write_labels
from tocsin.exports.parts import Options, Written, need_events
from tocsin.grading.assessments import FINDINGS, assessments
from tocsin.grading.sets import decided, in_words
from tocsin.grading.words import label
from tocsin.knowledge.scales import scale
from tocsin.knowledge.signals import signal, signals
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import Line
from tocsin.report.labels import drug_name
from tocsin.results import Result
from tocsin.sources.meds import BIRTH, DAY, DEATH, END, SEX

EVENT: Final = "TOCSIN_EVENT"  # as it stands in the canonical events: see knowledge/reading.py
EVENT_ID: Final = "tocsin_event_id"
_TIME = pa.timestamp("us")
DATA: Final = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", _TIME),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
        ("text_value", pa.large_string()),
        (END, _TIME),
        (EVENT_ID, pa.int64()),
    ]
)
CODES: Final = pa.schema(
    [("code", pa.string()), ("description", pa.string()), ("parent_codes", pa.list_(pa.string()))]
)
_ICANS: Final = "TOCSIN//ICANS//ASTCT"
_do: Any = pc  # the stubs know single columns or whole ones, never either
_FIRST = np.iinfo(np.int64).min  # what has no time, such as sex, stands first
_WHOLE = 2.0**23  # from here on every float32 is a whole number


def write(result: Result, folder: Path, options: Options) -> Written:
    """Write `data/0.parquet`, `metadata/` and `labels/`."""
    need_events(result)
    for name in ("data", "metadata", "labels"):
        (folder / name).mkdir()
    options.progress("writing", 0.0)
    data = dataset(result)
    pq.write_table(data, folder / "data" / "0.parquet", compression="zstd", row_group_size=GROUP_ROWS)
    _write_metadata(result, data, folder / "metadata")
    counts, notes = write_labels(result, folder / "labels")
    inexact = _inexact(result.events["numeric_value"].to_numpy())
    return Written(
        {"events": result.events.num_rows, "rows": data.num_rows, **counts},
        (
            f"numeric_value is float32: {inexact:,} of the values are not exact in it (an error under 1 in 10 million). None "
            "of them reaches a whole number, so none crosses a threshold of fever, pressure, flow or FiO2; a weighted sum of "
            "vasopressor rates, or a laboratory value, right at its edge might.",
            *notes,
        ),
    )


def dataset(result: Result) -> pa.Table:
    """Return the data: birth and sex, every canonical event, every change of a grade, sorted by subject and time."""
    parts = [_people(result), _events(result.events), _grades(result), _icans(result)]
    ranked = [
        part.append_column("rank", pa.array(np.full(part.num_rows, rank, np.int8)))
        for rank, part in enumerate(parts)
    ]
    whole = pa.concat_tables(ranked)
    when = _do.fill_null(whole["time"].cast(pa.int64()), _FIRST)
    whole = whole.append_column("when", when).append_column("place", pa.array(np.arange(whole.num_rows)))
    keys = [(name, "ascending") for name in ("subject_id", "when", "rank", "place")]
    return whole.take(_do.sort_indices(whole, sort_keys=keys)).select(DATA.names)


def to_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return values as MEDS holds them; one that would fall on a whole number, where thresholds are, stays on its side.

    >>> to_float32(np.array([38.3, 38.0 - 1e-9])) < 38.0
    array([False,  True])
    """
    near = values.astype(np.float32)
    fell = (near != values) & (near == np.rint(near)) & (np.abs(near) < _WHOLE)
    side = np.where(values > near, np.inf, -np.inf).astype(np.float32)
    return np.where(fell, np.nextafter(near, side), near)


def _inexact(values: NDArray[np.float64]) -> int:
    known = values[~np.isnan(values)]
    return int((known.astype(np.float32) != known).sum())


def event_code(name: str) -> str:
    """Return the code of the events of a signal, with the unit of their values."""
    unit = signal(name).unit
    return f"{EVENT}//{name}//{unit}" if unit else f"{EVENT}//{name}"


def _people(result: Result) -> pa.Table:
    """Return birth and sex of the subjects that have events or an episode."""
    known = _do.unique(result.events["subject_id"])
    people = result.subjects.filter(_do.is_in(result.subjects["subject_id"], value_set=known)).to_pylist()
    rows = [(one["subject_id"], one["birth_date"], BIRTH) for one in people if one["birth_date"]]
    rows += [(one["subject_id"], None, f"{SEX}//{one['sex']}") for one in people if one["sex"]]
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    days: Any = pa.array(columns[1], pa.date32())
    return _table(subject_id=pa.array(columns[0], pa.int64()), time=days, code=pa.array(columns[2]))


def _events(events: pa.Table) -> pa.Table:
    """Return the canonical events; a death is MEDS's own, but not at midnight, where that means the day alone."""
    time = events["time"].cast(_TIME)
    name = events["signal"].cast(pa.string())
    has_clock = _column(time.cast(pa.int64()).to_numpy() % DAY != 0)
    died = _do.and_(_do.equal(name, "death"), has_clock)
    kinds = _do.unique(name)
    codes = pa.array([event_code(str(one)) for one in kinds.to_pylist()], pa.string())
    code = _do.if_else(died, pa.scalar(DEATH), codes.take(_do.index_in(name, value_set=kinds)))
    values = events["numeric_value"].to_numpy()
    return _table(
        subject_id=events["subject_id"],
        time=time,
        code=code,
        numeric_value=pa.array(to_float32(values), mask=np.isnan(values)),
        text_value=events["text_value"].cast(pa.string()),
        **{END: events["end"], EVENT_ID: events["event_id"]},
    )


def _grades(result: Result) -> pa.Table:
    """Return every change of a grade, on every scale: a number, or the grades that it may be as text."""
    changes = grade_changes(result)
    low, high = changes["low"], changes["high"]
    grade = _do.if_else(_do.equal(low, high), low, None)
    scales = changes["scale"].cast(pa.string())
    return _graded(
        changes["subject_id"],
        changes["time"],
        _do.binary_join_element_wise("TOCSIN//CRS", _do.utf8_upper(scales), "//"),
        grade,
        [in_words(int(bits or 0)) for bits in changes["set"].to_pylist()],
    )


def _icans(result: Result) -> pa.Table:
    """Return the ICANS assessments."""
    findings = result.events.filter(
        _do.is_in(result.events["signal"].cast(pa.string()), value_set=pa.array(FINDINGS))
    )
    births = {row["subject_id"]: row["birth_date"] for row in result.subjects.to_pylist()}
    of_subject: dict[int, list[Line]] = {}
    for event in findings.to_pylist():
        of_subject.setdefault(event["subject_id"], []).append(event)
    found = [
        (subject, one.time, one.grades)
        for subject, events in of_subject.items()
        for one in assessments(events, births.get(subject))
    ]
    columns: list[Any] = list(zip(*found, strict=True)) if found else [(), (), ()]
    subjects, times, bits = columns
    return _graded(
        pa.array(subjects, pa.int64()),
        pa.array(times, pa.timestamp("us", "UTC")),
        pa.array([_ICANS] * len(found), pa.string()),
        pa.array([decided(int(each)) for each in bits], pa.int8()),
        [in_words(each) for each in bits],
    )


def _graded(subject: Any, time: Any, stem: Any, grade: Any, words: list[str]) -> pa.Table:
    """Return grades as rows: `//GRADE` with a number where it is decided, else `//GRADE_OPEN` with the set in words."""
    decided_here = _do.is_valid(grade)
    ends = _do.if_else(decided_here, pa.scalar("GRADE"), pa.scalar("GRADE_OPEN"))
    said = _do.if_else(decided_here, pa.scalar(None, pa.string()), pa.array(words, pa.string()))
    code = _do.binary_join_element_wise(stem, ends, "//")
    return _table(subject_id=subject, time=time, code=code, numeric_value=grade, text_value=said)


def _column(values: NDArray[Any]) -> Any:
    """Return an array as a column."""
    return pa.array(values)


def _table(**columns: Any) -> pa.Table:
    """Return a table of the data schema; columns that are not given are null."""
    rows = len(columns["subject_id"])
    kinds: list[tuple[str, Any]] = list(zip(DATA.names, DATA.types, strict=True))
    arrays: list[Any] = [
        columns[name].cast(kind) if name in columns else pa.nulls(rows, kind) for name, kind in kinds
    ]
    return pa.Table.from_arrays(arrays, schema=DATA)


def _write_metadata(result: Result, data: pa.Table, folder: Path) -> None:
    """Write what the codes mean, what the dataset is, and whose the subject ids are."""
    codes = sorted(map(str, _do.unique(data["code"]).to_pylist()))
    described = _descriptions()
    columns: list[list[Any]] = [codes, [described.get(code) for code in codes], [None] * len(codes)]
    arrays: list[Any] = [pa.array(column, kind) for column, kind in zip(columns, CODES.types, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=CODES), folder / "codes.parquet")
    pq.write_table(result.subjects.select(["subject_id", "source_id"]), folder / "source_ids.parquet")
    write_json(
        folder / "dataset.json",
        {
            "dataset_name": "CRS grades and the events behind them",
            "etl_name": "tocsin",
            "etl_version": result.run["versions"]["tocsin"],
            "meds_version": "0.4.1",
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "raw_source_id_columns": [EVENT_ID],
            "other_extension_columns": [END],
        },
    )


def _descriptions() -> dict[str, str]:
    """Return what our codes mean."""
    found = {
        event_code(row.name): drug_name(row.name) + (f", in {row.unit}" if row.unit else "")
        for row in signals()
    }
    names = {f"TOCSIN//CRS//{id.upper()}": f"CRS grade, {label(scale(id))}" for id in SCALES}
    for stem, name in {**names, _ICANS: "ICANS grade, ASTCT"}.items():
        found[f"{stem}//GRADE"] = name
        found[f"{stem}//GRADE_OPEN"] = f"{name}: left open by the records, the grades it may be as text"
    return found
