"""The fetched rows of a CDM as flat rows: their codes, units, routes, words and times, joined to what each means."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from tocsin.knowledge.omop import GIVEN, ORDER, omop_values
from tocsin.sources.omop.concepts import Coded, Meaning, Vocabulary
from tocsin.sources.omop.extract import rows_of
from tocsin.sources.omop.tables import CODE_PARTS
from tocsin.sources.omop.warehouse import Found
from tocsin.sources.settings import Settings
from tocsin.sources.source import first_row_of, sql_text
from tocsin.sources.times import PLACES, death_settings, local_sql

PERSON_CODE: Final = "table|person"
_DAY: Final = "coalesce(CAST(r.clock AS DATE), r.day)"
_TIME_OF_DAY: Final = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_COLUMNS: Final = (
    "row, source, subject, time, until, known, code, unit, route, text, value, fate, "
    "trouble, trouble_column, trouble_value"
)


@dataclass(frozen=True)
class Clock:
    """How the times of a table are read: whether starts and ends have a time of day, and whether they are UTC."""

    starts: bool
    ends: bool
    starts_in_utc: bool
    ends_in_utc: bool


def register_meanings(
    con: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, tables: Iterable[str]
) -> dict[str, Meaning]:
    """Resolve every distinct code, unit, route and value; make the tables that rows are joined to. Returns code to meaning."""
    tables = list(tables)
    coded = [
        Coded(table, *row) for table in tables
        for row in con.execute(f"SELECT DISTINCT {', '.join(CODE_PARTS)} FROM {rows_of(table)} ORDER BY ALL").fetchall()
    ]  # fmt: skip
    drugs = {one.concept for one in coded if one.table == "drug_exposure"}
    vocabulary.learn(id for one in coded for id in (one.concept, one.source_concept))
    vocabulary.learn_drugs(drugs)
    strengths = vocabulary.strengths(drugs)
    vocabulary.learn(unit for _, unit in strengths.values())
    meanings: dict[str, Meaning] = {}
    lines: list[tuple[Any, ...]] = []
    for one in coded:
        meaning = vocabulary.meaning(one)
        code = one.text(meaning.name)
        meanings[code] = meaning
        amount, unit = (None, None) if meaning.is_infusion else strengths.get(one.concept, (None, None))
        said = None if unit is None else vocabulary.unit(unit, "")
        cause = vocabulary.death_cause(one) if one.table == "death" else None
        lines.append(
            (one.table, one.concept, one.source_concept, one.source_value, code, meaning.word, cause, amount, said,
             one.table in ("measurement", "observation") and meaning.is_infusion)
        )  # fmt: skip
    _register(con, "omop_codes", _CODES, lines)
    _register_pairs(con, vocabulary, tables)
    return meanings


_CODES: Final = pa.schema(
    [("of_table", pa.string()), ("concept", pa.int64()), ("source_concept", pa.int64()), ("source_value", pa.string()),
     ("code", pa.string()), ("word", pa.string()), ("cause", pa.string()), ("amount", pa.float64()),
     ("amount_unit", pa.string()), ("needs_value", pa.bool_())]
)  # fmt: skip
_NAMED: Final = pa.schema([("id", pa.int64()), ("said", pa.string()), ("text", pa.string())])
_VALUED: Final = pa.schema([("id", pa.int64()), ("device", pa.string()), ("word", pa.string())])


def _register(
    con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, lines: list[tuple[Any, ...]]
) -> None:
    columns: list[Any] = [list(column) for column in zip(*lines, strict=True)] or [[]] * len(schema)
    arrays: list[Any] = [pa.array(column, type) for column, type in zip(columns, schema.types, strict=True)]
    con.register("omop_lines", pa.Table.from_arrays(arrays, schema=schema))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM omop_lines")
    con.unregister("omop_lines")


def _register_pairs(con: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, tables: list[str]) -> None:
    """Make the tables of units, routes and values."""

    def distinct(*parts: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(parts)
        sql = " UNION ".join(f"SELECT DISTINCT {listed} FROM {rows_of(table)}" for table in tables)
        return con.execute(f"{sql} ORDER BY ALL").fetchall()

    units, routes = distinct("unit", "unit_source"), distinct("route", "route_source")
    values = [row[0] for row in distinct("value_concept") if row[0]]
    vocabulary.learn([*(row[0] for row in (*units, *routes)), *values])
    _register(
        con, "omop_units", _NAMED, [(id, said, vocabulary.unit(id, said) or None) for id, said in units]
    )
    _register(
        con, "omop_routes", _NAMED, [(id, said, vocabulary.route(id, said) or None) for id, said in routes]
    )
    _register(con, "omop_values", _VALUED, [(id, *vocabulary.words(id)) for id in values])


def flat_sql(
    found: Found, place: int, clock: Clock, settings: Settings, *, numbered: bool, counted: bool
) -> str:
    """Return SQL for the fetched rows of a clinical table as flat rows; `place` is its number among the tables."""
    name = found.table.name
    if name == "death":
        settings = death_settings(settings)
    number = "NULL::BIGINT" if counted else f"{'r.number' if numbered else 'r.id'} + {first_row_of(place)}"
    timed = _timed(found, clock, settings)
    is_drug = name == "drug_exposure"
    value = "CASE WHEN r.unit_source = '' THEN r.value * c.amount ELSE r.value END" if is_drug else "r.value"
    unit = "CASE WHEN r.unit_source = '' THEN c.amount_unit ELSE u.text END" if is_drug else "u.text"
    trouble = "NULL::VARCHAR" if counted else _trouble(found)
    fates = [
        f"WHEN r.type IN ({ids}) THEN '{fate}'" for fate, ids in (_types(settings) if is_drug else {}).items()
    ]
    fate = f"CASE {' '.join(fates)} WHEN c.needs_value AND r.value IS NULL THEN 'not_given' END"
    if counted:
        fate = f"CASE {' '.join(fates)} END" if fates else "NULL::VARCHAR"
    rows = (
        f"SELECT {number} AS row, '{name}' AS source, r.person AS subject, r.time, {_until(settings, clock)} AS until, "
        f"NULL::TIMESTAMP AS known, c.code, {unit} AS unit, o.text AS route, {_text(name)} AS text, {value} AS value, "
        f"{fate} AS fate, {trouble} AS trouble, {_trouble_column(found)} AS trouble_column, {_TROUBLE_VALUE} AS trouble_value"
        f"{', r.n' if counted else ''} FROM ({timed}) r "
        f"JOIN omop_codes c ON c.of_table = '{name}' AND {' AND '.join(f'c.{part} = r.{part}' for part in CODE_PARTS)} "
        "JOIN omop_units u ON u.id = r.unit AND u.said = r.unit_source "
        "JOIN omop_routes o ON o.id = r.route AND o.said = r.route_source "
        "LEFT JOIN omop_values v ON v.id = r.value_concept"
    )
    return f"SELECT {_COLUMNS}{', n' if counted else ''} FROM ({rows})"


def _timed(found: Found, clock: Clock, settings: Settings) -> str:
    """Return SQL for the fetched rows with `time`, and with `wall` and `end_wall` as their own clock shows them."""
    wall = "r.clock" if clock.starts else "NULL::TIMESTAMP"
    if found.table.name == "death":  # at midnight sharp a death is known to the day
        wall = f"CASE WHEN {wall} <> date_trunc('day', {wall}) THEN {wall} END"
    if "clock_text" in found.columns:
        of_day = "TRY_CAST(left(r.clock_text || ':00', 8) AS TIME)"
        said = f"CASE WHEN regexp_matches(r.clock_text, '{_TIME_OF_DAY}') THEN {_DAY} + {of_day} END"
        wall = f"coalesce({wall}, {said})"
    finite = f"CASE WHEN isfinite({_DAY}) THEN"
    start = f"{finite} coalesce({_whole(wall, clock.starts_in_utc, settings)}, {_placed(_DAY, settings)}) END"
    return f"SELECT r.*, {wall} AS wall, {start} AS time FROM {rows_of(found.table.name)} r"


def _whole(wall: str, in_utc: bool, settings: Settings) -> str:
    return wall if in_utc else local_sql(f"({wall})", settings.zone)


def _placed(day: str, settings: Settings) -> str:
    """Return SQL for where in its day a date stands, NULL when it stands nowhere."""
    if settings.date_only not in PLACES:
        return "NULL::TIMESTAMP"
    moment = f"(CAST({day} AS TIMESTAMP) + INTERVAL ({PLACES[settings.date_only]}) MICROSECONDS)"
    return local_sql(moment, settings.zone)


def _until(settings: Settings, clock: Clock) -> str:
    """Return SQL for the end of a row. The CDM demands an end of a drug: one that only repeats the start is none."""
    day = "coalesce(CAST(r.end_clock AS DATE), r.end_day)"
    wall = _whole("r.end_clock", clock.ends_in_utc, settings) if clock.ends else "NULL::TIMESTAMP"
    placed = f"CASE WHEN isfinite({day}) AND {day} <> {_DAY} THEN {_placed(day, settings)} END"
    end = f"coalesce(CASE WHEN isfinite(r.end_clock) THEN {wall} END, {placed})"
    return f"nullif({end}, r.time)"


def _text(table: str) -> str:
    """Return SQL for the word that a row says: the cause of a death, a device, another word, or the sign < or >."""
    if table == "death":
        return "c.cause"
    own = "CASE WHEN {0} <> '' THEN 'source_value|' || {0} END"
    said = ", ".join(own.format(f"r.{part}") for part in ("value_text", "value_source", "source_value"))
    device = f"concat_ws(chr(9), v.device, {said})"
    word = "coalesce(nullif(r.value_text, ''), v.word, nullif(r.value_source, ''))"
    signs = " ".join(
        f"WHEN {id} THEN '{sign}'" for id, sign in omop_values("operator").items() if sign != "="
    )
    return (
        f"CASE c.word WHEN 'device' THEN nullif({device}, '') WHEN 'word' THEN {word} "
        f"WHEN 'number' THEN CASE r.operator {signs} END END"
    )


def _types(settings: Settings) -> dict[str, str]:
    """Return the kinds of record that say that no drug was given, with their concepts."""
    found: dict[str, list[str]] = {}
    for id, fate in omop_values("type").items():
        if fate != GIVEN and not (fate == ORDER and settings.orders_count):
            found.setdefault(fate, []).append(str(id))
    return {fate: ", ".join(ids) for fate, ids in found.items()}


def _trouble(found: Found) -> str:
    """Return SQL for why a row cannot be placed."""
    columns = {
        part: found.table.columns.get(part, "") for part in ("person", "day", "clock", "end_day", "end_clock")
    }
    times = ", ".join(sql_text(columns[part]) for part in ("day", "clock", "end_day", "end_clock"))
    return (
        f"CASE WHEN r.bad_column = {sql_text(columns['person'])} THEN 'no_subject' "
        f"WHEN r.bad_column IN ({times}) THEN 'bad_time' WHEN r.bad_column IS NOT NULL THEN 'not_a_number' "
        f"WHEN r.person IS NULL THEN 'no_subject' WHEN {_DAY} IS NULL THEN 'no_time' "
        f"WHEN NOT isfinite({_DAY}) THEN 'bad_time' WHEN r.time IS NULL THEN 'date_only' END"
    )


def _trouble_column(found: Found) -> str:
    """Return SQL for the column to look at: of a row that has a person and a time, the person (it may be two people)."""
    day = found.table.columns["day"]
    person = found.table.columns["person"]
    return (
        "CASE WHEN r.bad_column IS NOT NULL THEN r.bad_column "
        f"WHEN r.person IS NULL OR r.time IS NOT NULL THEN '{person}' ELSE '{day}' END"
    )


_TROUBLE_VALUE: Final = (
    "CASE WHEN r.bad_column IS NOT NULL THEN r.bad_value WHEN r.person IS NULL THEN NULL "
    f"WHEN r.time IS NOT NULL THEN CAST(r.person AS VARCHAR) ELSE CAST({_DAY} AS VARCHAR) END"
)


def person_sql(counted: bool, numbered: bool) -> str:
    """Return SQL for the fetched rows of `person` as flat rows: they tell of the subject, not of a time."""
    number = "NULL::BIGINT" if counted else ("r.number" if numbered else "r.person")
    trouble = "NULL::VARCHAR" if counted else "CASE WHEN r.person IS NULL THEN 'no_subject' END"
    code = f"'{PERSON_CODE}'" if counted else f"CASE WHEN r.person IS NOT NULL THEN '{PERSON_CODE}' END"
    return (
        f"SELECT {number} AS row, 'person' AS source, r.person AS subject, NULL::TIMESTAMP AS time, NULL::TIMESTAMP AS until, "
        f"NULL::TIMESTAMP AS known, {code} AS code, NULL::VARCHAR AS unit, NULL::VARCHAR AS route, NULL::VARCHAR AS text, "
        f"NULL::DOUBLE AS value, NULL::VARCHAR AS fate, {trouble} AS trouble, 'person_id' AS trouble_column, "
        f"r.bad_value AS trouble_value{', r.n' if counted else ''} FROM omop_person r"
    )


def broken_sql(relation: str) -> str:
    """Return SQL for the lines of text files that no table could take."""
    times, words = ("time", "until", "known"), ("code", "unit", "route", "text", "fate")
    nothing = ", ".join(
        [f"NULL::TIMESTAMP AS {name}" for name in times] + [f"NULL::VARCHAR AS {name}" for name in words]
    )
    return (
        f"SELECT line AS row, source, NULL::BIGINT AS subject, NULL::DOUBLE AS value, {nothing}, "
        f"'broken_line' AS trouble, 'line' AS trouble_column, text AS trouble_value FROM ({relation})"
    )


def people_sql() -> str:
    """Return SQL for the subjects: a birth date needs its day, sex its concept or else the source's own word."""
    sexes = " ".join(f"WHEN {id} THEN '{word}'" for id, word in omop_values("sex").items())
    return (
        "SELECT CAST(person AS VARCHAR) AS source_id, coalesce(CASE WHEN isfinite(born) THEN CAST(born AS DATE) END, "
        "TRY(make_date(year, month, day_of_month))) AS birth_date, "
        f"coalesce(CASE sex {sexes} END, nullif(sex_source, '')) AS sex FROM omop_person WHERE person IS NOT NULL ORDER BY ALL"
    )
