"""The dates of SDTM as SQL: ISO 8601 that may stop at any part, and study days where a date is missing."""

from dataclasses import dataclass
from typing import Final

from tocsin.sources.settings import Settings
from tocsin.sources.times import time_sql

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Parts that are not known are left out at the right, or written as a single hyphen.
PARTIAL: Final = "([0-9]{4}|-)(-([0-9]{2}|-)){0,2}(T[-:0-9]*)?"
_HOUR: Final = _DAY + "T([01][0-9]|2[0-3])(:-(:.*)?)?"
_NO_HOUR: Final = _DAY + "T-.*"
_NO_SECOND: Final = _DAY + "T[0-9]{2}:[0-9]{2}:-"
_MOST_DAYS: Final = 100_000  # a study day beyond is none
_MINUTE_IN_HOUR: Final = {"start": ":00", "noon": ":30", "end": ":59:59.999999"}


@dataclass(frozen=True, slots=True)
class DateSql:
    """SQL for a date: `text` is what is read of it (a column that `time` and `trouble` look at), both NULL-safe."""

    text: str
    time: str
    trouble: str


def date_sql(text: str, name: str, settings: Settings) -> DateSql:
    """Return SQL that reads `text` as an instant (UTC); `name` is the column under which `DateSql.text` will stand.

    A date without a clock time, and an hour without minutes, follow `date_only`; a month or a year is never a time.
    """
    reading = time_sql(name, settings)
    minute = _MINUTE_IN_HOUR.get(settings.date_only)
    at_hour = f"WHEN regexp_full_match({text}, '{_HOUR}') THEN {text}[:13] || '{minute}' " if minute else ""
    whole = (
        f"CASE WHEN {text} IS NULL OR (length({text}) >= 16 AND {text}[12] <> '-' AND {text}[15] <> '-' "
        f"AND {text}[18] <> '-') THEN {text} "
        f"WHEN regexp_full_match({text}, '{_NO_SECOND}') THEN {text}[:16] {at_hour}"
        f"WHEN regexp_full_match({text}, '{_NO_HOUR}') THEN {text}[:10] ELSE {text} END"
    )
    trouble = (
        f"CASE WHEN {{time}} IS NOT NULL THEN NULL WHEN regexp_full_match({name}, '{_HOUR}') THEN 'hour_only' "
        f"WHEN NOT regexp_full_match({name}, '{_DAY}(T.*)?') AND regexp_full_match({name}, '{PARTIAL}') THEN 'partial_date' "
        f"ELSE {reading.trouble('{time}')} END"
    )
    return DateSql(whole, reading.time, trouble)


def day_of_study(day: str, reference: str) -> str:
    """Return SQL for the date of a study day: day 1 is the reference date, and there is no day 0."""
    shift = f"CAST({day} AS BIGINT)"
    ahead = f"CASE WHEN {shift} > 0 THEN {shift} - 1 ELSE {shift} END"
    known = f"{day} = floor({day}) AND {day} <> 0 AND abs({day}) < {_MOST_DAYS}"
    return f"CASE WHEN {known} THEN strftime({reference} + CAST({ahead} AS INTEGER), '%Y-%m-%d') END"
