"""OMOP: what leaves a warehouse of 100 M measurements for 1,000 therapies among 1 M persons, against DuckDB's own semi-join."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import CORES, MIB, Facts, Measured, in_child, middle, timed
from benchmarks.report import Line

RATIO: Final = 1.5
TURNS: Final = 5
FOUND: Final = ("rows_read", "rows_used", "subjects", "episodes", "grade_rows")
PERSONS, THERAPIES = 1_000_000, 1_000
VERSION: Final = 2  # of what is generated: a new one makes the data anew
# Temperature, pressures, pulse, breathing, saturation, creatinine, platelets, weight, C-reactive protein.
CONCEPTS: Final = (
    3020891,
    3004249,
    3012888,
    3027598,
    3027018,
    3024171,
    40762499,
    3016723,
    3024929,
    3025315,
    3020460,
)
READ: Final = (
    "measurement_id, person_id, measurement_concept_id, measurement_date, measurement_datetime, measurement_time, "
    "measurement_type_concept_id, operator_concept_id, value_as_number, value_as_concept_id, unit_concept_id, "
    "measurement_source_value, measurement_source_concept_id, unit_source_value, value_source_value"
)
_MEASUREMENT: Final = """
CREATE TABLE measurement AS SELECT i AS measurement_id, (hash(i) % {persons})::INTEGER + 1 AS person_id,
    ([{concepts}])[(1 + hash(i + 7) % {kinds})::BIGINT]::INTEGER AS measurement_concept_id,
    DATE '2018-01-01' + (hash(i + 1) % 2500)::INTEGER AS measurement_date,
    TIMESTAMP '2018-01-01' + INTERVAL 1 DAY * (hash(i + 1) % 2500)::INTEGER
        + INTERVAL 1 MINUTE * (hash(i + 3) % 1440)::INTEGER AS measurement_datetime,
    NULL::VARCHAR AS measurement_time, 32817 AS measurement_type_concept_id, 0 AS operator_concept_id,
    36.0 + (hash(i + 5) % 500) / 100.0 AS value_as_number, 0 AS value_as_concept_id, 0 AS unit_concept_id,
    (hash(i) % 3000000)::INTEGER AS visit_occurrence_id, NULL::INTEGER AS visit_detail_id,
    'item ' || (hash(i + 7) % {kinds}) AS measurement_source_value, 0 AS measurement_source_concept_id,
    '' AS unit_source_value, ((hash(i + 5) % 500) / 100.0)::VARCHAR AS value_source_value
FROM range({rows}) r(i)
"""
_OTHERS: Final = """
CREATE TABLE person AS SELECT i::INTEGER + 1 AS person_id, 8507 AS gender_concept_id, 1960 AS year_of_birth,
    5 AS month_of_birth, 1 AS day_of_birth FROM range({persons}) r(i);
CREATE TABLE drug_exposure AS SELECT i AS drug_exposure_id, (hash(i) % {persons})::INTEGER + 1 AS person_id,
    CASE WHEN i % ({drugs} // {therapies}) = 0 THEN 792844 ELSE 1125315 END AS drug_concept_id,
    DATE '2018-01-01' + (hash(i + 1) % 2500)::INTEGER AS drug_exposure_start_date,
    TIMESTAMP '2018-01-01 10:00:00' + INTERVAL 1 DAY * (hash(i + 1) % 2500)::INTEGER AS drug_exposure_start_datetime,
    32818 AS drug_type_concept_id FROM range({drugs}) r(i);
"""


def make(data: Path, rows: int, *, parquet: bool = False) -> Path:
    """Make the warehouse as a DuckDB file, or as parquet from it, unless it is there; the order of persons is random."""
    import duckdb

    file = data / f"omop-{VERSION}-{rows // 10**6}m.duckdb"
    folder = file.with_suffix("")
    numbers = {
        "persons": PERSONS,
        "therapies": THERAPIES,
        "rows": rows,
        "drugs": rows // 10,
        "kinds": len(CONCEPTS),
    }
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        con = duckdb.connect(str(part), config={"threads": CORES})
        con.execute(_MEASUREMENT.format(**numbers, concepts=", ".join(map(str, CONCEPTS))))
        con.execute(_OTHERS.format(**numbers))
        con.close()
        part.rename(file)
    if parquet and not folder.exists():
        temporary = folder.with_suffix(".part")
        temporary.mkdir(exist_ok=True)
        con = duckdb.connect(str(file), read_only=True, config={"threads": CORES})
        for table in ("person", "measurement", "drug_exposure"):
            con.execute(f"COPY {table} TO '{temporary / table}.parquet' (COMPRESSION zstd)")
        con.close()
        temporary.rename(folder)
    return folder if parquet else file


def _reach(con: Any, place: str) -> dict[str, str]:
    """Return how the tables are reached from a connection of one's own."""
    if Path(place).is_dir():
        return {
            table: f"read_parquet('{place}/{table}.parquet')" for table in ("measurement", "drug_exposure")
        }
    con.execute(f"ATTACH '{place}' AS warehouse (READ_ONLY)")
    return {table: f"warehouse.{table}" for table in ("measurement", "drug_exposure")}


def semi_join(place: str) -> Facts:
    """Fetch the rows of the persons with a therapy by DuckDB's own semi-join, into a table."""
    import duckdb

    con = duckdb.connect(config={"threads": CORES})
    tables = _reach(con, place)
    con.execute(
        f"CREATE TEMP TABLE treated AS SELECT DISTINCT person_id FROM {tables['drug_exposure']} WHERE drug_concept_id = 792844"
    )
    sql = (
        f"CREATE TEMP TABLE t AS SELECT {READ} FROM {tables['measurement']} WHERE person_id IN (FROM treated)"
    )
    seconds, _ = timed(lambda: con.execute(sql).fetchall())
    return {"seconds": seconds, "rows": con.execute("SELECT count(*) FROM t").fetchall()[0][0]}


def read_all(place: str) -> Facts:
    """Read the same columns of the whole table, batch by batch."""
    import duckdb

    con = duckdb.connect(config={"threads": CORES})
    tables = _reach(con, place)

    def read() -> int:
        reader = con.sql(f"SELECT {READ} FROM {tables['measurement']}").to_arrow_reader(500_000)
        return sum(batch.num_rows for batch in reader)

    seconds, rows = timed(read)
    return {"seconds": seconds, "rows": rows}


def extract(place: str) -> Facts:
    """Open the warehouse as grading does: find the therapies, fetch what is near them from every table, count the rest."""
    from tocsin.engines.local import connect
    from tocsin.events.concepts import Resolver, TherapyKinds
    from tocsin.sources import open_source
    from tocsin.sources.settings import Settings
    from tocsin.sources.source import Cut, Opening

    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as spill:
        con = connect(Path(spill))
        con.execute(f"SET threads = {CORES}")
        opening = Opening(con, Settings(), Resolver(TherapyKinds()), cut=Cut(2, 60))
        seconds, source = timed(lambda: open_source(opening, [Path(place)], "omop"))
        fetched = con.execute("SELECT count(*) FROM omop_measurement").fetchall()[0][0]
        con.close()
    return {"seconds": seconds, "rows": fetched, "left": sum(source.left_behind.values())}


def grade(place: str) -> Facts:
    """Grade the warehouse into files."""
    from tocsin.api import grade as run

    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as out:
        seconds, result = timed(lambda: run(place, out=Path(out) / "out"))
    told = {name: result.run[name] for name in FOUND}
    return {"seconds": seconds, "stages": result.run["seconds"], **told}


def measure(data: Path, rows: int = 100_000_000) -> Iterator[Line]:
    """Yield the measurements, from a DuckDB file and from parquet."""
    for parquet in (False, True):
        place = str(make(data, rows, parquet=parquet))
        group = f"OMOP, {rows // 10**6} M measurements, {'parquet' if parquet else 'DuckDB file'}"
        whole = middle(read_all, 3, place=place)  # the file is in the page cache from here on
        yield Line(group, "the same columns of the whole table", whole.seconds, "s", note=_said(whole))
        # One after the other in turn: what else the machine does then meets both alike.
        pairs = [(in_child(semi_join, place=place), in_child(extract, place=place)) for _ in range(TURNS)]
        floor, ours = _median([pair[0] for pair in pairs]), _median([pair[1] for pair in pairs])
        yield Line(group, "DuckDB's semi-join of measurement", floor.seconds, "s", note=_said(floor))
        yield from _ours(group, ours, floor, whole)
        run = middle(grade, 3, place=place)
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in run.facts["stages"].items())
        found = ", ".join(f"{run.facts[name]:,} {name.replace('_', ' ')}" for name in FOUND)
        yield Line(group, "grade, whole", run.seconds, "s", note=f"{stages}; {found}")
        yield Line(group, "grade, peak memory", run.peak / MIB, "MiB")


def _median(runs: list[Measured]) -> Measured:
    """Return the run of median clock time, with the clock times of all."""
    chosen = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    clocks = [round(run.seconds, 3) for run in runs]
    return replace(chosen, peak=max(run.peak for run in runs), facts={**chosen.facts, "all_seconds": clocks})


def _ours(group: str, run: Measured, floor: Measured, whole: Measured) -> Iterator[Line]:
    """Yield what our extraction of all tables took, against the semi-join of one and the read of it whole."""
    yield Line(group, "extraction of all tables", run.seconds, "s", RATIO * floor.seconds, _said(run))
    yield Line(group, "times the semi-join", run.seconds / floor.seconds, "x", RATIO)
    yield Line(group, "processor time, whole process, times the semi-join's", run.cpu / floor.cpu, "x")
    yield Line(group, "share of reading the whole table", run.seconds / whole.seconds, "x")
    yield Line(group, "extraction, peak memory", run.peak / MIB, "MiB")


def _said(run: Measured) -> str:
    runs = " ".join(f"{clock:.2f}" for clock in run.facts["all_seconds"])
    return f"{run.facts['rows']:,} rows; runs {runs}; processor {run.cpu:.1f} s; load before {run.load:.1f}"
