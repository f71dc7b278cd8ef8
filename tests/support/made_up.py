"""Small made-up sources for tests, and the run that every one of them must stand: nothing lost, nothing invented."""

import csv
import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.api import grade
from tocsin.errors import UserError
from tocsin.results import Result

EVENTS = "subject_id,time,signal,value,unit,text,end"
THERAPIES = "subject_id,time,cause,product"
FEVER = "1,2024-01-01T10:00:00Z,body_temperature,38.5,Cel,,"
CAR_T = "1,2024-01-01T00:00:00Z,car_t,"
ONSET = dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)
MEDS = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.timestamp("us")),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
    ]
)
TEMPERATURE = "LOINC//8310-5//Cel"

# A MEDS row: subject, time, code, number.
MedsRow = tuple[int | None, dt.datetime | None, str | None, float | None]


def write_lines(path: Path, header: str, lines: Iterable[str]) -> Path:
    """Write a CSV file as it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def csv_folder(
    folder: Path, events: Iterable[str] = (FEVER,), therapies: Iterable[str] = (CAR_T,), **more: str
) -> Path:
    """Write a folder in our CSV layout; `more` are further files, whole, by name (subjects, annotations)."""
    write_lines(folder / "events.csv", EVENTS, events)
    write_lines(folder / "therapies.csv", THERAPIES, therapies)
    for name, text in more.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def at(hour: float, day: int = 1) -> dt.datetime:
    """A moment of January 2024, without a zone."""
    return dt.datetime(2024, 1, day) + dt.timedelta(hours=hour)


def meds_table(rows: Iterable[MedsRow], schema: pa.Schema = MEDS) -> pa.Table:
    """MEDS rows as a table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def meds_file(path: Path, rows: Iterable[MedsRow] = ((1, at(10), TEMPERATURE, 38.5),)) -> Path:
    """Write MEDS rows as a parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(meds_table(rows), path)
    return path


def side(folder: Path, *lines: str) -> Path:
    """Write a therapies side file, subject 1 with CAR-T unless told."""
    return write_lines(folder / "side_therapies.csv", THERAPIES, lines or (CAR_T,))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file, by column."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def graded(source: Path, **options: Any) -> Result:
    """Grade with all events kept, and hold the account to its promise."""
    result = grade(source, **{"events": "all", **options})
    run = result.run
    assert run["rows_read"] == run["rows_used"] + run["not_of_interest"] + run["quarantined"]
    assert run["quarantined"] == result.quarantine.num_rows
    assert options.get("events", "all") != "all" or run["events"] == result.events.num_rows
    return result


def onsets(result: Result) -> dict[int, dt.datetime]:
    """When the first episode of each subject began."""
    rows = result.episodes.to_pylist()
    return {row["subject_id"]: row["onset"] for row in reversed(rows)}


def reasons(result: Result) -> list[str]:
    """Why rows are in quarantine."""
    return result.quarantine["reason"].to_pylist()


def refusal(source: Path, **options: Any) -> str:
    """The one line with which a source is refused."""
    with pytest.raises(UserError) as caught:
        graded(source, **options)
    message = caught.value.message
    assert message.strip()
    assert "\n" not in message
    return message


def graded_or_refusal(source: Path, **options: Any) -> Result | str:
    """What a run found, or the line with which it was refused: where either will do."""
    try:
        return graded(source, **options)
    except UserError as error:
        return error.message


def ids(subjects: pa.Table) -> Mapping[str, int]:
    """The number of each source id."""
    return dict(zip(subjects["source_id"].to_pylist(), subjects["subject_id"].to_pylist(), strict=True))


def query(sql: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
    """Ask DuckDB about result tables, by the names given."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name, table in tables.items():
        con.register(name, table)
    return con.execute(sql).fetchall()
