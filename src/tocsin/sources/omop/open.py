"""How a CDM becomes a source: fetched near its therapies, or counted as a whole."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from tocsin.errors import UserError
from tocsin.sources.csv import two_people
from tocsin.sources.omop.concepts import ParseOmop, Vocabulary
from tocsin.sources.omop.extract import Wanted, count_all, fetch_near_therapies, rows_of
from tocsin.sources.omop.files import Local, is_cdm_folder
from tocsin.sources.omop.place import file_of, is_duckdb, is_url, read_place
from tocsin.sources.omop.rows import (
    PERSON_CODE,
    Clock,
    broken_sql,
    flat_sql,
    people_sql,
    person_sql,
    register_meanings,
)
from tocsin.sources.omop.tables import CLINICAL, TABLES
from tocsin.sources.omop.warehouse import Found, Warehouse
from tocsin.sources.source import FILE_STRIDE, SUBJECTS, Opening, Source

_KEYS = ("code", "unit", "route", "text")


def looks_like_omop(place: str | Path) -> bool:
    """Return whether a place is a CDM: a PostgreSQL URL, a DuckDB file, or a folder with its tables."""
    if is_url(place):
        return True
    path = file_of(place)
    return is_duckdb(path) if path.is_file() else is_cdm_folder(path)


def open_omop(opening: Opening, places: list[str | Path]) -> Source:
    """Open one CDM. With a cut only what lies near a therapy is fetched; without one whole tables are counted.

    Raises UserError when it cannot be reached, a table or column is missing or has a wrong type.
    """
    if len(places) != 1:
        raise UserError(f"{places[1]}: an OMOP source is one database or folder; grade each by itself")
    warehouse = _warehouse(opening, places[0])
    try:
        vocabulary = Vocabulary(warehouse, opening.resolver)
        if opening.cut is None:
            return _counted(warehouse, vocabulary, opening)
        left = fetch_near_therapies(warehouse, vocabulary, opening, opening.cut)
        return _fetched(warehouse, vocabulary, opening, left)
    finally:
        warehouse.close()


def _warehouse(opening: Opening, where: str | Path) -> Warehouse:
    place = read_place(where)
    if is_url(where):
        from tocsin.sources.omop.postgres import Postgres

        return Postgres(opening.con, place)
    return Local(opening.con, place, opening.settings.zone)


def _clinical(warehouse: Warehouse) -> list[Found]:
    return [warehouse.tables[table.name] for table in CLINICAL if table.name in warehouse.tables]


def _place_of(found: Found) -> int:
    return TABLES.index(found.table)


def _counted(warehouse: Warehouse, vocabulary: Vocabulary, opening: Opening) -> Source:
    """Return the whole CDM as counts of its kinds of rows."""
    con, clinical = warehouse.con, _clinical(warehouse)
    names = [found.table.name for found in clinical]
    for name in (*names, "person"):
        count_all(warehouse, name)
    meanings = register_meanings(con, vocabulary, names)
    worded = _with_words(con)
    for name, words in worded.items():
        count_all(warehouse, name, words)
    if worded:
        meanings = register_meanings(con, vocabulary, names)
    still = Clock(starts=False, ends=False, starts_in_utc=True, ends_in_utc=True)
    flat = [
        flat_sql(found, _place_of(found), still, opening.settings, numbered=False, counted=True)
        for found in clinical
    ]
    return Source(
        format="omop",
        files=tuple(Path(table.name) for table in TABLES),
        relation=_keep(warehouse, [person_sql(counted=True, numbered=False), *flat]),
        parse=ParseOmop(meanings),
        keys=_KEYS,
        integer_subjects=True,
        origin=warehouse.name,
        counted="sum(coalesce(n, 1))::BIGINT",
    )


def _keep(warehouse: Warehouse, flat: list[str]) -> str:
    """Keep flat rows in a table, so that what they are joined from is joined once; return SQL that gives them."""
    con = warehouse.con
    con.execute("DROP TABLE IF EXISTS omop_rows")
    con.execute(
        f"CREATE OR REPLACE TYPE omop_code AS ENUM (SELECT code FROM omop_codes UNION SELECT '{PERSON_CODE}')"
    )
    for place, sql in enumerate(flat):
        coded = f"SELECT * REPLACE (CAST(code AS omop_code) AS code) FROM ({sql})"
        con.execute(f"INSERT INTO omop_rows {coded}" if place else f"CREATE TEMP TABLE omop_rows AS {coded}")
    broken = warehouse.broken()
    if broken is not None:
        con.execute(f"INSERT INTO omop_rows BY NAME {broken_sql(broken)}")
    return "SELECT * REPLACE (CAST(code AS VARCHAR) AS code) FROM omop_rows"


def _with_words(con: duckdb.DuckDBPyConnection) -> dict[str, Wanted]:
    """Return the tables and codes whose value is a word."""
    found: dict[str, Wanted] = {}
    for table in CLINICAL:
        if "value_concept" not in table.columns:
            continue
        rows = con.execute(
            "SELECT concept, source_concept, source_value FROM omop_codes WHERE word IN ('device', 'word') AND of_table = ?",
            [table.name],
        ).fetchall()
        ids = frozenset(id for row in rows for id in row[:2] if id)
        words = frozenset(row[2] for row in rows if row[2] and not (row[0] or row[1]))
        if rows:
            found[table.name] = Wanted(ids, words, frozenset())
    return found


def _fetched(warehouse: Warehouse, vocabulary: Vocabulary, opening: Opening, left: dict[str, int]) -> Source:
    """Return the fetched rows as a source."""
    con, clinical = warehouse.con, _clinical(warehouse)
    meanings = register_meanings(con, vocabulary, [found.table.name for found in clinical])
    numbered = {name for name in warehouse.tables if _number(con, name)}
    flat: list[str] = [person_sql(counted=False, numbered="person" in numbered)]
    notes = [*_missing(warehouse)]
    for found in clinical:
        name = found.table.name
        clock = _clock(warehouse, found, opening.settings.zone)
        notes += _time_notes(con, found, clock, opening.settings.date_only)
        flat.append(
            flat_sql(
                found, _place_of(found), clock, opening.settings, numbered=name in numbered, counted=False
            )
        )
        if name in numbered:
            notes.append(
                f"{name}: its keys are no small numbers of their own, so rows are numbered in their order"
            )
    subjects = con.sql(people_sql()).to_arrow_table().cast(SUBJECTS)
    return Source(
        format="omop",
        files=tuple(Path(table.name) for table in TABLES),
        relation=_keep(warehouse, flat),
        parse=ParseOmop(meanings),
        keys=_KEYS,
        integer_subjects=True,
        subjects=subjects,
        notes=tuple(notes),
        two_subjects=two_people(subjects),
        origin=warehouse.name,
        left_behind=left,
        keys_of_rows=_keys_of_rows(con, numbered) if numbered else None,
    )


def _number(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Number the fetched rows of a table whose keys cannot number them: not unique, missing, or too large."""
    rows = rows_of(name)
    odd = con.execute(
        f"SELECT count(*) > count(DISTINCT id) OR coalesce(min(id) < 0 OR max(id) >= {FILE_STRIDE}, false) FROM {rows}"
    ).fetchall()
    if not odd[0][0]:
        return False
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {rows} AS SELECT *, row_number() OVER () AS number FROM (FROM {rows} ORDER BY ALL)"
    )
    return True


def _keys_of_rows(con: duckdb.DuckDBPyConnection, numbered: set[str]) -> Callable[[int], int]:
    """Return how the number of a row leads to its key in the CDM; a row without a key keeps its number."""
    keys: dict[int, Any] = {
        place: con.execute(
            f"SELECT coalesce(id, number) AS id FROM {rows_of(table.name)} ORDER BY number"
        ).fetchnumpy()["id"]
        for place, table in enumerate(TABLES)
        if table.name in numbered
    }

    def key_of(row: int) -> int:
        place, number = divmod(row, FILE_STRIDE)
        return int(keys[place][number - 1]) if place in keys and 0 < number <= len(keys[place]) else number

    return key_of


def _clock(warehouse: Warehouse, found: Found, zone: str) -> Clock:
    """Return how the times of a table are read. A column that is all null or midnight has no time of day."""

    def has_times(part: str) -> bool:
        if part not in found.columns:
            return False
        clock = found.value(part, zone)
        return warehouse.is_there(
            f"SELECT 1 AS one FROM {found.ref} AS t WHERE {clock} <> CAST(CAST({clock} AS date) AS timestamp)"
        )

    return Clock(
        starts=has_times("clock"),
        ends=has_times("end_clock"),
        starts_in_utc=found.is_zoned("clock"),
        ends_in_utc=found.is_zoned("end_clock"),
    )


def _time_notes(con: duckdb.DuckDBPyConnection, found: Found, clock: Clock, date_only: str) -> Iterator[str]:
    """Yield what the run says of a table that knows days only."""
    name, told = found.table.name, f"date_only={date_only}"

    def has_any(test: str) -> bool:
        return bool(con.execute(f"SELECT 1 FROM {rows_of(name)} WHERE {test} LIMIT 1").fetchall())

    if name in ("death", "visit_detail") or not has_any("true"):
        return
    if not clock.starts:
        yield f"{name}: every time is midnight or missing, so its rows are known to the day only ({told})"
    elif not clock.ends and has_any("coalesce(CAST(end_clock AS DATE), end_day) IS NOT NULL"):
        yield f"{name}: every end is midnight or missing, so ends are known to the day only ({told})"


def _missing(warehouse: Warehouse) -> Iterator[str]:
    """Yield what is not there and may be missed."""
    absent = [table.name for table in CLINICAL if table.name not in warehouse.tables]
    if absent:
        yield f"tables that are not there: {', '.join(absent)}"
    if "concept" not in warehouse.vocabulary:
        yield "no table concept: only the OMOP concepts that we list, and source values, are understood"
    elif "concept_ancestor" not in warehouse.vocabulary:
        yield "no table concept_ancestor: drugs are found by their ingredients alone"
