"""How times are read, twice: one text in Python, a column of texts in DuckDB; both give the same.

A time has a date, hours and minutes, and may have seconds, fractions (cut at microseconds) and an offset. Without
an offset it is the wall clock of `Settings.zone`. A date alone follows `Settings.date_only`; less is no time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.sources.settings import DateOnly, Settings
from tocsin.sources.source import sql_text

# Microseconds since 1970 (UTC) or None, and the trouble or None.
Reading = tuple[int | None, str | None]
TimeReader = Callable[[str], Reading]

# A year has four digits and does not begin with 0: DuckDB and Python part ways before the year 1.
_DATE: Final = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_MINUTES: Final = _DATE + r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS: Final = r":[0-5][0-9](?:\.[0-9]+)?"
_CLOCK: Final = f"{_MINUTES}(?:{_SECONDS})?"
_OFFSET: Final = r"(?:Z|[+-](?:0[0-9]|1[0-9]|2[0-3])(?::?[0-5][0-9])?)"
_IS_TIME: Final = re.compile(f"{_CLOCK}({_OFFSET})?")
_IS_DATE: Final = re.compile(_DATE)
_BLANK: Final = " \t\r\n"
_SQL_BLANK: Final = "E' \\t\\r\\n'"

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = _EPOCH.replace(tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Where in its day a date stands.
PLACES: Final[dict[DateOnly, int]] = {"start": 0, "noon": 43_200_000_000, "end": 86_399_999_999}


def death_settings(settings: Settings) -> Settings:
    """A death known only to the day takes effect after that day's last event (timeline.md section 1)."""
    return replace(settings, date_only="end")


@cache
def time_reader(settings: Settings) -> TimeReader:
    """Return the function that reads one time. It remembers: the rows of a panel share their time."""
    zone = None if settings.zone == "UTC" else ZoneInfo(settings.zone)
    place = PLACES.get(settings.date_only)

    @lru_cache(maxsize=65_536)
    def read(text: str) -> Reading:
        return _read(text.strip(_BLANK), zone, place)

    return read


def read_birth_date(text: object) -> date | None:
    """Return a birth date that is known to the day; a year or a month is not enough for an age in months."""
    if not isinstance(text, str) or not _IS_DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _read(text: str, zone: ZoneInfo | None, place: int | None) -> Reading:
    if not text:
        return None, "no_time"
    match = _IS_TIME.fullmatch(text)
    try:
        if match is not None:
            return _instant(text) if match[1] else _local(datetime.fromisoformat(text), zone, 0), None
        if _IS_DATE.fullmatch(text):
            day = datetime.fromisoformat(text)
            return (None, "date_only") if place is None else (_local(day, zone, place), None)
    except ValueError:  # a 30th of February
        pass
    return None, "bad_time"


def _instant(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH_UTC) // _MICROSECOND


def _local(local: datetime, zone: ZoneInfo | None, place: int) -> int:
    """Read a wall clock. What it shows twice, or never, is read like DuckDB does: at the smaller offset."""
    micros = (local - _EPOCH) // _MICROSECOND + place
    if zone is None:
        return micros
    local += timedelta(microseconds=place)
    offsets = [local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return micros - min(offsets) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class TimeSql:
    """The time of a text column as SQL, TIMESTAMP (UTC) or NULL."""

    column: str
    time: str
    _date_only: DateOnly

    def trouble(self, time: str) -> str:
        """Return SQL for why `time` is NULL, or NULL: `time` is the name that a query gave to `self.time`."""
        blank = f"trim({self.column}, {_SQL_BLANK})"
        of_date = "'date_only'" if self._date_only == "quarantine" else "'bad_time'"
        is_date = f"regexp_full_match({blank}, '{_DATE}') AND TRY_CAST({blank} AS DATE) IS NOT NULL"
        return (
            f"CASE WHEN {time} IS NOT NULL THEN NULL WHEN coalesce({blank}, '') = '' THEN 'no_time' "
            f"WHEN {is_date} THEN {of_date} ELSE 'bad_time' END"
        )


def time_sql(column: str, settings: Settings) -> TimeSql:
    """Return SQL that reads a text column as `time_reader` reads one text."""
    # Trimming costs more than the rest: only what does not read as it stands is trimmed.
    trimmed = _time_case(f"trim({column}, {_SQL_BLANK})", settings, "NULL")
    return TimeSql(column, _time_case(column, settings, trimmed), settings.date_only)


def birth_date_sql(column: str) -> str:
    """Return SQL that reads a text column as `read_birth_date` reads one text."""
    return f"CASE WHEN regexp_full_match({column}, '{_DATE}') THEN TRY_CAST({column} AS DATE) END"


def _time_case(text: str, settings: Settings, otherwise: str) -> str:
    # A zoned text becomes the same instant whatever the session's own zone is.
    zoned = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    local = local_sql(f"TRY_CAST({text} AS TIMESTAMP)", settings.zone)
    # Not every version of DuckDB casts an offset after minutes.
    with_seconds = f"TRY_CAST({text}[:16] || ':00' || {text}[17:] AS TIMESTAMPTZ)"
    cases = [
        f"WHEN regexp_full_match({text}, '{_MINUTES}{_SECONDS}{_OFFSET}') THEN {zoned}",
        f"WHEN regexp_full_match({text}, '{_MINUTES}{_OFFSET}') THEN make_timestamp(epoch_us({with_seconds}))",
        f"WHEN regexp_full_match({text}, '{_CLOCK}') THEN {local}",
    ]
    if settings.date_only in PLACES:
        day = f"TRY_CAST({text} AS TIMESTAMP) + INTERVAL ({PLACES[settings.date_only]}) MICROSECONDS"
        cases.append(f"WHEN regexp_full_match({text}, '{_DATE}') THEN {local_sql(day, settings.zone)}")
    return f"CASE {' '.join(cases)} ELSE {otherwise} END"


def local_sql(local: str, zone: str) -> str:
    """Return SQL for the instant at which the wall clock of a zone shows a time."""
    return local if zone == "UTC" else f"timezone('UTC', timezone({sql_text(zone)}, {local}))"
