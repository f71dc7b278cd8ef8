"""The dates of SDTM: what each form of ISO 8601 says, under each choice for dates without a clock time."""

import datetime as dt

import duckdb
import pytest

from tocsin.sources.sdtm.dates import date_sql, day_of_study
from tocsin.sources.settings import DateOnly, Settings

Read = dt.datetime | str  # a time, or why it is none


def read(text: str | None, date_only: DateOnly = "quarantine", zone: str = "UTC") -> Read:
    """What a date says."""
    date = date_sql("said", "t", Settings(zone=zone, date_only=date_only))
    trouble = date.trouble.replace("{time}", "read_at")
    text_sql = f"SELECT {date.text} AS t FROM (SELECT $1::VARCHAR AS said)"
    sql = f"SELECT read_at, {trouble} FROM (SELECT *, {date.time} AS read_at FROM ({text_sql}))"
    [(time, why)] = duckdb.connect().execute(sql, [text]).fetchall()
    assert (time is None) != (why is None)
    return why if time is None else time


def at(hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0) -> dt.datetime:
    """A moment of 2 January 2014."""
    return dt.datetime(2014, 1, 2, hour, minute, second, micro)


@pytest.mark.parametrize(
    ("text", "quarantine", "start", "noon", "end"),
    [
        ("2014-01-02T13:30", at(13, 30), at(13, 30), at(13, 30), at(13, 30)),
        ("2014-01-02T13:30:15", at(13, 30, 15), at(13, 30, 15), at(13, 30, 15), at(13, 30, 15)),
        ("2014-01-02T13:30:-", at(13, 30), at(13, 30), at(13, 30), at(13, 30)),
        ("2014-01-02T13:30+02:00", at(11, 30), at(11, 30), at(11, 30), at(11, 30)),
        ("2014-01-02", "date_only", at(), at(12), at(23, 59, 59, 999999)),
        ("2014-01-02T-:30", "date_only", at(), at(12), at(23, 59, 59, 999999)),
        ("2014-01-02T13", "hour_only", at(13), at(13, 30), at(13, 59, 59, 999999)),
        ("2014-01-02T13:-", "hour_only", at(13), at(13, 30), at(13, 59, 59, 999999)),
        ("2014-01-02T13:-:15", "hour_only", at(13), at(13, 30), at(13, 59, 59, 999999)),
    ],
)  # fmt: skip
def test_dates_that_may_be_times(text: str, quarantine: Read, start: Read, noon: Read, end: Read) -> None:
    found = [read(text, word) for word in ("quarantine", "start", "noon", "end")]
    assert found == [quarantine, start, noon, end]


@pytest.mark.parametrize("word", ["quarantine", "start", "noon", "end"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2014-01", "partial_date"),
        ("2014", "partial_date"),
        ("2014---02", "partial_date"),
        ("--01-02", "partial_date"),
        ("-----T13:30", "partial_date"),
        ("2014-01--T13:30", "partial_date"),
        (None, "no_time"),
        ("2014-02-30", "bad_time"),
        ("2014-01-02T24", "bad_time"),
        ("2014-01-02T25:00", "bad_time"),
        ("02JAN2014", "bad_time"),
        ("UNK", "bad_time"),
        ("2014-01-02/2014-01-03", "bad_time"),
    ],
)
def test_dates_that_are_never_times(text: str | None, why: str, word: DateOnly) -> None:
    assert read(text, word) == why


def test_a_time_without_a_zone_is_a_wall_clock_of_the_zone() -> None:
    assert read("2014-01-02T07:00", zone="America/New_York") == at(12)
    assert read("2014-01-02T07", "start", zone="America/New_York") == at(12)


@pytest.mark.parametrize(
    ("day", "date"),
    [
        (1, "2014-01-02"),
        (2, "2014-01-03"),
        (-1, "2014-01-01"),
        (-7, "2013-12-26"),
        (0, None),  # there is no day 0
        (1.5, None),
        (None, None),
        (1e9, None),
    ],
)
def test_study_days(day: float | None, date: str | None) -> None:
    sql = f"SELECT {day_of_study('dy', 'ref')} FROM (SELECT $1::DOUBLE AS dy, DATE '2014-01-02' AS ref)"
    assert duckdb.connect().execute(sql, [day]).fetchall() == [(date,)]


def test_a_study_day_without_a_reference_date_is_no_date() -> None:
    sql = f"SELECT {day_of_study('dy', 'ref')} FROM (SELECT 3.0 AS dy, NULL::DATE AS ref)"
    assert duckdb.connect().execute(sql).fetchall() == [(None,)]
