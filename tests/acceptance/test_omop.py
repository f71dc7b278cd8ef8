"""Real CDM files: 28 Synthea people, the CDM's own list of columns and plausible units, MIMIC items mapped to concepts."""

import csv
import gzip
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.made_up import THERAPIES, graded, query, reasons, write_lines
from tests.support.postgres import Server, postgres
from tocsin.api import grade
from tocsin.engines.coverage import check_coverage
from tocsin.events.conversions import conversion_of
from tocsin.knowledge.codes import codes
from tocsin.knowledge.omop import omop_values
from tocsin.knowledge.reading import unreadable_units
from tocsin.knowledge.signals import signal
from tocsin.results import Result
from tocsin.sources.omop.tables import NEEDED, TABLES

__all__ = ["postgres"]
Row = dict[str, str]
NOON = {"date_only": "noon"}
SIGNAL_OF = {
    3020891: "body_temperature",
    3004249: "systolic_bp",
    3012888: "diastolic_bp",
    3027018: "heart_rate",
    3024171: "respiratory_rate",
}


def rows(file: Path) -> Iterator[Row]:
    """The lines of a CSV file, plain or packed."""
    opened: Any = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


@pytest.fixture(scope="module")
def synthea(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 28 people, unpacked."""
    folder = tmp_path_factory.mktemp("synthea")
    with zipfile.ZipFile(data / "omop54-synthea27nj" / "omop54_synthea27nj.zip") as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def side(synthea: Path) -> Path:
    """A MADE-UP infusion at midnight of each day with a temperature."""
    days = {
        (row["person_id"], row["measurement_date"])
        for row in rows(synthea / "MEASUREMENT.csv")
        if row["measurement_concept_id"] == "3020891"
    }
    return write_lines(
        synthea / "made_up.txt.csv",
        THERAPIES,
        [f"{person},{day}T00:00:00Z,car_t," for person, day in sorted(days)],
    )


@pytest.fixture(scope="module")
def result(synthea: Path, side: Path) -> Result:
    """The people graded, every date taken as noon."""
    return graded(synthea, therapies=side, settings=NOON)


def read(synthea: Path) -> int:
    """How many rows the tables hold that are read."""
    return sum(
        sum(1 for _ in rows(file))
        for table in TABLES
        if (file := synthea / f"{table.name.upper()}.csv").exists()
    )


def test_every_row_is_accounted_for(synthea: Path, side: Path, result: Result) -> None:
    assert result.run["rows_read"] == read(synthea) + sum(1 for _ in rows(side))
    assert result.run["quarantined"] == 0


def test_a_day_is_no_time_unless_the_user_says_so(synthea: Path, side: Path) -> None:
    plain = graded(synthea, therapies=side)
    assert plain.run["episodes"] == 0
    assert set(reasons(plain)) == {"date_only"}
    assert any("measurement: every time is midnight or missing" in note for note in plain.run["notes"])


@pytest.mark.parametrize(("concept", "name"), SIGNAL_OF.items())
def test_measurements_become_events(
    synthea: Path, side: Path, result: Result, concept: int, name: str
) -> None:
    """Day and value of each, of every person with a made-up therapy, near it."""
    told = query(
        "SELECT subject_id, numeric_value FROM events WHERE signal = " + f"'{name}'", events=result.events
    )
    charted = [
        (int(row["person_id"]), float(row["value_as_number"])) for row in rows(synthea / "MEASUREMENT.csv")
        if row["measurement_concept_id"] == str(concept)
    ]  # fmt: skip
    assert told
    assert not Counter(told) - Counter(charted)
    if name == "body_temperature":
        assert Counter(told) == Counter(charted)


def test_fevers_begin_episodes(synthea: Path, result: Result) -> None:
    fevers = {
        int(row["person_id"]) for row in rows(synthea / "MEASUREMENT.csv")
        if row["measurement_concept_id"] == "3020891" and float(row["value_as_number"]) >= 38
    }  # fmt: skip
    assert fevers
    assert {
        row[0] for row in query("SELECT DISTINCT subject_id FROM episodes", episodes=result.episodes)
    } == fevers


def test_codes_are_counted_over_all_people(synthea: Path) -> None:
    found = {row.signal: row.rows for row in check_coverage(synthea).signals}
    charted = Counter(row["measurement_concept_id"] for row in rows(synthea / "MEASUREMENT.csv"))
    for concept, name in SIGNAL_OF.items():
        assert found[name] == charted[str(concept)]
    assert found["death"] == 3


def column_types(data: Path) -> dict[str, dict[str, Row]]:
    """The columns of the CDM 5.4, by table."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows(data / "omop54-quality-checks" / "OMOP_CDMv5.4_Field_Level.csv.gz"):
        found.setdefault(row["cdmTableName"].lower(), {})[row["cdmFieldName"].lower()] = row
    return found


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_our_columns_are_those_of_the_cdm(data: Path, table: Any) -> None:
    """Each is there with a type that we read; what we need, and a day, the CDM requires too."""
    theirs = column_types(data)[table.name]
    kinds = {
        "bigint": ("integer", "bigint"),
        "float8": ("float", "integer"),
        "varchar": ("varchar",),
        "date": ("date",),
        "timestamp": ("datetime",),
    }
    for part, column in table.columns.items():
        assert column in theirs
        assert theirs[column]["cdmDatatype"].lower().startswith(kinds[table.parts[part]]), column
    assert all(theirs[table.columns[part]]["isRequired"] == "Yes" for part in table.needs)
    assert all(theirs[name]["isRequired"] == "Yes" for part, name in table.columns.items() if part == "day")
    assert set(NEEDED) <= column_types(data).keys()


# The list holds oddities: heartbeats, a force, counts per mL or per 10,000, and uric acid as an enzyme.
ODD_UNITS = {8581, 9346, 9436, 8816, 32706}
ODD = ("uric_acid", 8923)


def test_the_units_that_the_cdm_finds_plausible_are_read(data: Path) -> None:
    ours = {row.code: row.signal for row in codes() if row.system == "OMOP" and row.role == "value"}
    seen: Counter[bool] = Counter()
    for row in rows(data / "omop54-quality-checks" / "OMOP_CDMv5.4_Concept_Level.csv.gz"):
        name = ours.get(row["conceptId"])
        for unit in map(int, filter(None, row["plausibleUnitConceptIds"].split(","))) if name else ():
            if unit > 0 and unit not in ODD_UNITS and (name, unit) != ODD:
                said = omop_values("unit").get(unit)
                assert said is not None, (row["conceptName"], unit)
                assert conversion_of(signal(str(name)), said, unreadable_units()) is not None, (name, said)
                seen[True] += 1
    assert seen[True] > 20


@pytest.mark.parametrize(
    ("file", "item"),
    [
        ("d_items_to_concept", "itemid"),
        ("gcpt_meas_chartevents_main_mod", "concept_code"),
        ("gcpt_meas_lab_loinc_mod", "concept_code"),
    ],
)
def test_a_mimic_item_and_its_concept_say_the_same(data: Path, file: str, item: str) -> None:
    """Where our list knows the item and the concept to which OHDSI maps it, both are one signal."""
    mimic = {row.code: row.signal for row in codes() if row.system == "MIMIC"}
    omop = {row.code: row.signal for row in codes() if row.system == "OMOP"}
    both = [
        (mimic[row[item]], omop[row["target_concept_id"]])
        for row in rows(data / "mimic-omop-crosswalk" / f"{file}.csv.gz")
        if row[item] in mimic and row["target_concept_id"] in omop
    ]
    assert len(both) > 5
    assert [pair for pair in both if pair[0] != pair[1]] == []


def ddl(data: Path, table: str, columns: list[str]) -> str:
    """CREATE TABLE as the CDM 5.4 has it, with what must not be null and the primary key."""
    types = {"datetime": "timestamp", "float": "numeric"}
    lines: list[str] = []
    for name in columns:
        row = column_types(data)[table][name]
        kind = row["cdmDatatype"].lower()
        text = "text" if kind.startswith("varchar") else types.get(kind, kind)
        lines.append(f"{name} {text}{' NOT NULL' if row['isRequired'] == 'Yes' else ''}")
        if row["isPrimaryKey"] == "Yes":
            lines.append(f"PRIMARY KEY ({name})")
    return f"CREATE TABLE {{0}}.{table} ({', '.join(lines)});"


def test_every_place_gives_the_same_bytes(
    data: Path, synthea: Path, side: Path, tmp_path: Path, postgres: Server
) -> None:
    """The same people as text, DuckDB, parquet, and in a PostgreSQL with the CDM's own constraints."""
    parquet, file = tmp_path / "parquet", tmp_path / "cdm.duckdb"
    parquet.mkdir()
    con = duckdb.connect(str(file))
    sql = ["DROP SCHEMA IF EXISTS synthea CASCADE; CREATE SCHEMA synthea;"]
    for name in [table.name for table in TABLES] + ["concept"]:
        text = synthea / f"{name.upper()}.csv"
        with text.open(encoding="utf-8") as lines:
            columns = lines.readline().strip().lower().split(",")
        create = ddl(data, name, columns)
        con.execute(create.format("main"))
        con.execute(f"COPY {name} FROM '{text}' (HEADER, DELIMITER ',')")
        con.execute(f"COPY {name} TO '{parquet / name}.parquet'")
        sql += [create.format("synthea"), f"\\copy synthea.{name} FROM '{text}' WITH (FORMAT csv, HEADER)"]
    con.close()
    grant = "GRANT USAGE ON SCHEMA synthea TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA synthea TO reader;"
    postgres.run("\n".join([*sql, grant]))
    places = {
        "text": synthea,
        "duckdb": file,
        "parquet": parquet,
        "postgres": postgres.url(user="reader", options="?schema=synthea"),
    }
    for name, place in places.items():
        grade(place, out=tmp_path / "out" / name, events="all", therapies=side, settings=NOON)
    for one in ("grades", "episodes", "events", "subjects", "quarantine"):
        found = {(tmp_path / "out" / name / f"{one}.parquet").read_bytes() for name in places}
        assert len(found) == 1, one
