"""FHIR files of every kind to one DuckDB view: NDJSON streams from disk, the rest is read by Python beforehand."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tocsin.errors import UserError
from tocsin.sources.fhir import sql
from tocsin.sources.fhir.bundle import read_bundle
from tocsin.sources.fhir.by_python import BY_PYTHON, PythonRows
from tocsin.sources.fhir.files import EXPECTED, inputs
from tocsin.sources.fhir.people import TWO_SUBJECTS, Person, shared_ids
from tocsin.sources.fhir.query import (
    DUPLICATES,
    NAMED,
    SHARED,
    Lookups,
    odd_lines_sql,
    respelt_sql,
    rows_sql,
    spilled_sql,
)
from tocsin.sources.fhir.scan import PLACE
from tocsin.sources.fhir.shapes import NAMED as NAMED_KINDS
from tocsin.sources.fhir.shapes import SHAPES
from tocsin.sources.fhir.survey import Survey, survey
from tocsin.sources.flat import FLAT_SCHEMA, FlatRows
from tocsin.sources.settings import Settings
from tocsin.sources.source import FILE_STRIDE, SUBJECTS, sql_path, sql_text
from tocsin.sources.times import birth_date_sql, death_settings, time_sql

VIEW: Final = "fhir_rows"
PEOPLE: Final = "fhir_people"
_DEATHS: Final = (
    FILE_STRIDE // 2
)  # death rows are numbered from here on: theirs is a line, that of others is not
_PERSON: Final = (
    "resourceType",
    "id",
    "birthDate",
    "gender",
    "identifier",
    "deceasedDateTime",
    "deceasedBoolean",
)


_SCANS_AT_ONCE: Final = 2  # a scan numbers its lines, which keeps it on one core


def open_fhir(
    con: duckdb.DuckDBPyConnection, paths: Sequence[Path], settings: Settings, spill: Path | None = None
) -> FlatRows:
    """Open Bundles, folders of Bundles, bulk exports. Raises UserError where there is nothing of FHIR.

    Whoever reads the rows more than once gives a folder to `spill` to: JSON is then read and flattened once, into parquet.
    """
    files = inputs(paths)
    names = tuple(str(file.path) for file in files)
    if len(files) == 1 and not files[0].lines:
        read = read_bundle(files[0].path.read_bytes(), settings, files[0].name)
        return FlatRows(read.rows, read.subjects, names)
    found = survey(con, [file for file in files if file.lines])
    rows = PythonRows(con, settings)
    for file in files:
        if not file.lines:
            rows.document(file)
    for file in found.unreadable:
        rows.lines(file, None)
    _odd_lines(con, found, rows)
    if not rows.has_resources and not any(scan.kinds for scan in found.scans):
        raise UserError(f"{paths[0]}: no FHIR resource in it; {EXPECTED}")
    shared = _note_people(con, found, rows.people)
    _note_named(con, found)
    _define_view(con, found, settings, shared, spill)
    return FlatRows(VIEW, _subjects(con), names)


def _odd_lines(con: duckdb.DuckDBPyConnection, found: Survey, rows: PythonRows) -> None:
    """Let Python judge the lines that DuckDB could not, and open the Bundles among them."""
    for scan in found.odd:
        wanted: defaultdict[int, set[int]] = defaultdict(set)
        for index, line in con.execute(odd_lines_sql(scan)).fetchall():
            wanted[index].add(line)
        for file in scan.files:
            if wanted[file.index]:
                rows.lines(file, wanted[file.index])


def _note_people(con: duckdb.DuckDBPyConnection, found: Survey, others: Sequence[Person]) -> bool:
    """Make the tables of people, and of the ids that two of them share; return whether there is such an id."""
    identifier = "coalesce(i.\"system\", '') || '|' || i.\"value\""
    listed = (
        f'list_transform(list_filter(identifier, lambda i: i."value" IS NOT NULL), lambda i: {identifier})'
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {PEOPLE} (place BIGINT, file INTEGER, line BIGINT, source VARCHAR, id VARCHAR, "
        f"born VARCHAR, sex VARCHAR, identifiers VARCHAR[], died VARCHAR, dead VARCHAR)"
    )
    for scan in found.scans_with("Patient"):
        con.execute(
            f"INSERT INTO {PEOPLE} SELECT {PLACE}, file, line, name || ':' || line, id, birthDate, gender, {listed}, "
            f"deceasedDateTime, deceasedBoolean FROM ({scan.lines(sql.columns_sql(_PERSON))}) "
            f"WHERE resourceType = 'Patient'"
        )
    table = pa.table(
        {
            "place": pa.array(range(len(others)), pa.int64()),
            "id": pa.array([one.id for one in others], pa.string()),
            "born": pa.array([one.born for one in others], pa.string()),
            "sex": pa.array([one.sex for one in others], pa.string()),
            "identifiers": pa.array([list(one.identifiers) for one in others], pa.list_(pa.string())),
        }
    )
    con.register("fhir_others", table)
    con.execute(f"INSERT INTO {PEOPLE} BY NAME SELECT * FROM fhir_others")
    con.unregister("fhir_others")
    return _note_shared(con)


def _note_shared(con: duckdb.DuckDBPyConnection) -> bool:
    repeated = f"SELECT id FROM {PEOPLE} GROUP BY id HAVING count(*) > 1"
    rows = con.execute(
        f"SELECT id, born, sex, identifiers FROM {PEOPLE} WHERE id IN ({repeated}) ORDER BY place"
    ).fetchall()
    shared = shared_ids(Person(id, born, sex, frozenset(named or ())) for id, born, sex, named in rows)
    con.register("fhir_ids", pa.table({"id": pa.array(shared, pa.string())}))
    con.execute(f"CREATE OR REPLACE TABLE {SHARED} AS SELECT id FROM fhir_ids")
    con.unregister("fhir_ids")
    return bool(shared)


def _note_named(con: duckdb.DuckDBPyConnection, found: Survey) -> None:
    """Make the table of drugs and devices that other resources refer to."""
    con.execute(f"CREATE OR REPLACE TABLE {NAMED} (key VARCHAR, named_code VARCHAR)")
    if not found.scans_with(*(kind for kind, shape in SHAPES.items() if shape.reference)):
        return
    kinds = ", ".join(map(sql_text, NAMED_KINDS))
    columns = sql.columns_sql(("resourceType", "id", *NAMED_KINDS.values(), "deviceName"))
    for scan in found.scans_with(*NAMED_KINDS):
        con.execute(
            f"INSERT INTO {NAMED} SELECT key, first(code ORDER BY place) FROM (SELECT {PLACE} AS place, "
            f"unnest([resourceType || '/' || id, 'urn:uuid:' || id]) AS key, "
            f"{sql.named_code_sql('', 'resourceType')} AS code FROM ({scan.lines(columns)}) "
            f"WHERE resourceType IN ({kinds})) GROUP BY key"
        )


def _define_view(
    con: duckdb.DuckDBPyConnection, found: Survey, settings: Settings, shared: bool, spill: Path | None
) -> None:
    lookups = Lookups(duplicates=found.duplicates, shared=shared)
    if shared:
        con.execute(
            f"UPDATE {BY_PYTHON} SET trouble = '{TWO_SUBJECTS}', trouble_column = 'subject', trouble_value = subject "
            f"WHERE fate IS NULL AND subject IN (SELECT id FROM {SHARED})"
        )
    columns = ", ".join(FLAT_SCHEMA.names)
    parts = [f"SELECT {columns} FROM {BY_PYTHON}", f"SELECT {columns} FROM ({_deaths(settings, lookups)})"]
    scans = [scan for scan in found.scans if scan.kinds]
    if spill is None:
        parts += [f"({rows_sql(scan, settings, lookups)})" for scan in scans]
    else:
        files = _spilled(con, [spilled_sql(scan, settings, lookups) for scan in scans], spill)
        parts += [f"({respelt_sql(scan, file)})" for scan, file in zip(scans, files, strict=True)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW {VIEW} AS {' UNION ALL '.join(parts)}")


def _spilled(con: duckdb.DuckDBPyConnection, texts: Sequence[str], spill: Path) -> list[str]:
    """Write the rows of each scan to a parquet file of its own, two scans at once; return SQL for each."""
    files = [spill / f"fhir_{place}.parquet" for place in range(len(texts))]

    def write(text: str, file: Path) -> None:
        cursor = con.cursor()  # a connection of its own
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(f"COPY ({text}) TO {sql_text(file)} (FORMAT parquet, COMPRESSION zstd)")
        cursor.close()

    with ThreadPoolExecutor(_SCANS_AT_ONCE) as hands:
        list(hands.map(write, texts, files))
    return [f"read_parquet({sql_path(file)})" for file in files]


def _deaths(settings: Settings, lookups: Lookups) -> str:
    """Return SQL for the deaths of Patients; one that is known only to the day is at the end of that day."""
    time = time_sql("died", death_settings(settings))
    fate = (
        f"CASE WHEN place IN (SELECT place FROM {DUPLICATES}) THEN 'duplicate' END"
        if lookups.duplicates
        else "NULL"
    )
    shared = f"WHEN id IN (SELECT id FROM {SHARED}) THEN '{TWO_SUBJECTS}'" if lookups.shared else ""
    trouble = f"CASE WHEN fate IS NOT NULL THEN NULL {shared} WHEN id IS NULL THEN 'no_subject' ELSE {time.trouble('time')} END"
    nothing = ", ".join(f"NULL::VARCHAR AS {name}" for name in ("unit", "route", "text", "comparator"))
    return (
        f"SELECT *, CASE trouble WHEN '{TWO_SUBJECTS}' THEN 'subject' WHEN 'no_subject' THEN 'id' "
        f"ELSE CASE WHEN trouble IS NOT NULL THEN 'deceasedDateTime' END END AS trouble_column, "
        f"CASE trouble WHEN '{TWO_SUBJECTS}' THEN id WHEN 'no_subject' THEN NULL "
        f"ELSE CASE WHEN trouble IS NOT NULL THEN died END END AS trouble_value FROM (SELECT *, {trouble} AS trouble FROM ("
        f"SELECT place + {_DEATHS} AS row, source, id, id AS subject, died, {time.time} AS time, NULL::TIMESTAMP AS until, "
        f"NULL::TIMESTAMP AS known, 'tocsin|death' AS code, NULL::DOUBLE AS value, {nothing}, {fate} AS fate "
        f"FROM {PEOPLE} WHERE died IS NOT NULL OR dead = 'true'))"
    )


def _subjects(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return a line per person, from the first Patient resource of each; an id that two share has none."""
    first = "first(born ORDER BY place) AS born, first(sex ORDER BY place) AS sex, min(place) AS place"
    one = f"SELECT id, {first} FROM {PEOPLE} WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM {SHARED}) GROUP BY id"
    query = f"SELECT id AS source_id, {birth_date_sql('born')} AS birth_date, sex FROM ({one}) ORDER BY place"
    return con.sql(query).to_arrow_table().cast(SUBJECTS)
