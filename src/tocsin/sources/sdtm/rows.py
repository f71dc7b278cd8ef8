"""The flat rows of an SDTM dataset as SQL: its columns under our names, then what a piece of `classes` says of each row."""

from typing import Any, Final

import pyarrow as pa

from tocsin.knowledge.sdtm import Domain
from tocsin.sources.sdtm.classes import DM_ROW, TAB, Piece, pieces_of
from tocsin.sources.sdtm.dataset import ROW, SUBJECT, Dataset
from tocsin.sources.sdtm.dates import DateSql, date_sql, day_of_study
from tocsin.sources.settings import Settings
from tocsin.sources.source import first_row_of, sql_text
from tocsin.sources.times import death_settings

REFERENCE: Final = "sdtm_reference"  # the table of reference dates: subject, reference
DIGITS: Final = 15  # what a number of SAS carries; the rest is dust of conversions
# Dates that a study day stands in for where they are missing.
_DAYS: Final = {"dtc": "dy", "stdtc": "stdy", "endtc": "endy"}
_NEVER: Final = DateSql("CAST(NULL AS VARCHAR)", "CAST(NULL AS TIMESTAMP)", "NULL")
_SHORT: Final = 80  # characters of a refused value that are kept


def rows_sql(dataset: Dataset, raw: str, settings: Settings) -> str:
    """Return SQL that gives the rows of a dataset, read from the relation `raw`, as flat rows."""
    plain = plain_sql(dataset, raw)
    pieces = pieces_of(dataset.file.domain)
    return " UNION ALL ".join(_flat(dataset, plain, piece, settings) for piece in pieces)


def plain_sql(dataset: Dataset, raw: str) -> str:
    """Return SQL for the columns of a dataset under our names: texts trimmed, numbers as numbers, dates completed."""
    domain = dataset.file.domain
    texts = [f"{_text(dataset, variable)} AS {name}" for name, variable in domain.text.items()]
    numbers = [part for name, variable in domain.number.items() for part in _number(dataset, name, variable)]
    read = f"SELECT {', '.join([ROW, f'{_text(dataset, SUBJECT)} AS subject', *texts, *numbers])} FROM {raw}"
    pairs = {date: day for date, day in _DAYS.items() if domain.number.get(day) in dataset.schema.names}
    if not pairs:
        return read
    dates = ", ".join(
        f"coalesce({date}, {day_of_study(day, 'reference')}) AS {date}" for date, day in pairs.items()
    )
    return f"SELECT * REPLACE ({dates}) FROM ({read}) LEFT JOIN {REFERENCE} USING (subject)"


def _text(dataset: Dataset, variable: str) -> str:
    """Return SQL for a variable as trimmed text, NULL where it is empty or absent."""
    if variable not in dataset.schema.names:
        return "NULL::VARCHAR"
    return f"nullif(trim(\"{variable}\"::VARCHAR), '')"


def _number(dataset: Dataset, name: str, variable: str) -> list[str]:
    """Return SQL for a variable as a number, and for the text in it that is none."""
    if variable not in dataset.schema.names:
        return [f"NULL::DOUBLE AS {name}", f"NULL::VARCHAR AS {name}_text"]
    fields: Any = dataset.schema
    kind = fields.field(variable).type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return [f'{_rounded(f""""{variable}"::DOUBLE""")} AS {name}', f"NULL::VARCHAR AS {name}_text"]
    text = _text(dataset, variable)
    number = f"TRY_CAST({text} AS DOUBLE)"
    return [f"{_rounded(number)} AS {name}", f"CASE WHEN {number} IS NULL THEN {text} END AS {name}_text"]


def _rounded(value: str) -> str:
    """Return SQL for a number at the digits that SAS carries: 37.99999999999999 was written as 38."""
    return (
        f"CASE WHEN {value} = 0 OR NOT isfinite({value}) THEN {value} "
        f"ELSE round({value}, {DIGITS - 1} - floor(log10(abs({value})))::INTEGER) END"
    )


def _flat(dataset: Dataset, plain: str, piece: Piece, settings: Settings) -> str:
    """Return SQL for the flat rows that one piece makes."""
    domain = dataset.file.domain
    start = date_sql(piece.time, "time_text", death_settings(settings) if piece.death else settings)
    end = date_sql(piece.until, "until_text", settings) if piece.until else _NEVER
    said = (
        f"SELECT {ROW}, subject, {piece.code} AS code, {piece.unit}::VARCHAR AS unit, {piece.route}::VARCHAR AS route, "
        f"{piece.text}::VARCHAR AS text, {piece.value}::DOUBLE AS value, {piece.fate}::VARCHAR AS fate, {piece.bad} AS bad, "
        f"{start.text} AS time_text, {end.text} AS until_text FROM ({plain}) WHERE {piece.where}"
    )
    timed = f"SELECT *, {start.time} AS time, {end.time} AS until FROM ({said})"
    no_end = "until_text IS NOT NULL AND until IS NULL"
    troubled = (
        "SELECT *, CASE WHEN fate IS NOT NULL THEN NULL WHEN subject IS NULL THEN 'no_subject' "
        "WHEN code IS NULL AND bad IS NULL THEN 'no_code' "
        f"WHEN time IS NULL AND code <> '{DM_ROW}' THEN {_said(start, 'time')} "
        f"WHEN {no_end} THEN {_said(end, 'until')} "
        f"WHEN bad IS NOT NULL THEN split_part(bad, {TAB}, 1) END AS trouble FROM ({timed})"
    )
    return (
        f"SELECT {ROW} + {first_row_of(dataset.file.place)} AS row, {sql_text(dataset.file.path)} AS source, subject, time, "
        "until, NULL::TIMESTAMP AS known, code, unit, route, text, value, fate, trouble, "
        f"{_where_trouble(domain, piece, no_end)} FROM ({troubled})"
    )


def _said(date: DateSql, time: str) -> str:
    """Return SQL for why a date is no time."""
    return date.trouble.replace("{time}", time)


def _where_trouble(domain: Domain, piece: Piece, no_end: str) -> str:
    """Return SQL for the variable that made the trouble, and its value."""
    time, until = domain.text[piece.time], domain.text.get(piece.until or "", "")
    timeless = f"time IS NULL AND code <> '{DM_ROW}'"
    return (
        f"CASE WHEN trouble IS NULL THEN NULL WHEN trouble = 'no_subject' THEN '{SUBJECT}' WHEN trouble = 'no_code' THEN "
        f"'{domain.topic}' WHEN {timeless} THEN '{time}' WHEN {no_end} THEN '{until}' ELSE split_part(bad, {TAB}, 2) "
        "END AS trouble_column, "
        "CASE WHEN trouble IS NULL OR trouble IN ('no_subject', 'no_code') THEN NULL "
        f"ELSE left(CASE WHEN {timeless} THEN time_text WHEN {no_end} THEN until_text ELSE split_part(bad, {TAB}, 3) END, "
        f"{_SHORT}) END AS trouble_value"
    )
