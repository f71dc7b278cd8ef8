"""Times: each line of the table is read in Python and in DuckDB, and both must give it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.sources.settings import DateOnly, Settings
from tocsin.sources.times import (
    Reading,
    birth_date_sql,
    death_settings,
    read_birth_date,
    time_reader,
    time_sql,
)

NEW_YORK = "America/New_York"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_python(texts: list[str], settings: Settings) -> list[Reading]:
    """Read texts one by one."""
    return [time_reader(settings)(text) for text in texts]


def in_duckdb(texts: list[str | None], settings: Settings) -> list[Reading]:
    """Read a column of texts."""
    sql = time_sql("text", settings)
    column = pa.table({"n": range(len(texts)), "text": pa.array(texts, pa.string())})
    with duckdb.connect() as con:
        con.register("texts", column)
        rows = con.execute(
            f"SELECT epoch_us(time), {sql.trouble('time')} FROM (SELECT *, {sql.time} AS time FROM "
            "texts) ORDER BY n"
        ).fetchall()
    return [(micros, trouble) for micros, trouble in rows]


def shown(reading: Reading) -> str | None:
    """A reading as people write it."""
    micros, trouble = reading
    if micros is None:
        return trouble
    assert trouble is None
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%f").removesuffix(".000000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01T10:00:00Z", "2024-03-01T10:00:00"),
        ("2024-03-01T10:00:00+00:00", "2024-03-01T10:00:00"),
        ("2024-03-01T10:00:00-00:00", "2024-03-01T10:00:00"),
        ("2024-03-01T10:00:00+05:30", "2024-03-01T04:30:00"),
        ("2024-03-01T22:00:00-04:00", "2024-03-02T02:00:00"),
        ("2024-03-01T10:00:00+0530", "2024-03-01T04:30:00"),
        ("2024-03-01T10:00:00-05", "2024-03-01T15:00:00"),
        ("2024-03-01T10:00Z", "2024-03-01T10:00:00"),
        ("2024-03-01T10:00", "2024-03-01T10:00:00"),
        ("2024-03-01 10:00:00", "2024-03-01T10:00:00"),
        ("2024-03-01 10:00:00.5", "2024-03-01T10:00:00.500000"),
        ("2024-03-01T10:00:00.123456Z", "2024-03-01T10:00:00.123456"),
        ("2024-03-01T10:00:00.1234567Z", "2024-03-01T10:00:00.123456"),
        ("2024-03-01T10:00:00.999999999Z", "2024-03-01T10:00:00.999999"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
        ("2192-05-12T16:49:00-04:00", "2192-05-12T20:49:00"),
        (" 2024-03-01T10:00:00Z\n", "2024-03-01T10:00:00"),
        # a day is not a time
        ("2024-03-01", "date_only"),
        (" 2024-03-01 ", "date_only"),
        ("2024-03", "bad_time"),
        ("2024", "bad_time"),
        # no such time
        ("2023-02-29T00:00:00Z", "bad_time"),
        ("2023-02-29", "bad_time"),
        ("2024-13-01", "bad_time"),
        ("2024-03-01T24:00:00Z", "bad_time"),
        ("2024-03-01T10:60:00Z", "bad_time"),
        ("2024-03-01T10:00:60Z", "bad_time"),
        ("2024-03-01T10:00:00+24:00", "bad_time"),
        ("2024-03-01T10:00:00+05:60", "bad_time"),
        ("2024-03-01T10Z", "bad_time"),
        ("2024-03-01T10:00:00z", "bad_time"),
        ("2024-03-01T10:00:00 Z", "bad_time"),
        ("2024-03-01T10:00:00.Z", "bad_time"),
        ("24-03-01T10:00:00Z", "bad_time"),
        ("20240301T100000Z", "bad_time"),
        ("01/03/2024 10:00", "bad_time"),
        ("0999-01-01T00:00:00Z", "bad_time"),
        ("٢٠٢٤-03-01T10:00:00Z", "bad_time"),
        ("yesterday", "bad_time"),
        ("", "no_time"),
        (" \t", "no_time"),
    ],
)
def test_what_a_time_may_look_like(text: str, expected: str) -> None:
    assert [shown(reading) for reading in in_python([text], Settings())] == [expected]
    assert [shown(reading) for reading in in_duckdb([text], Settings())] == [expected]


def test_a_null_is_no_time() -> None:
    assert in_duckdb([None], Settings()) == [(None, "no_time")]


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        (NEW_YORK, "2024-01-15T10:00:00", "2024-01-15T15:00:00"),
        (NEW_YORK, "2024-07-15T10:00:00", "2024-07-15T14:00:00"),
        (NEW_YORK, "2192-05-12T16:49:00", "2192-05-12T20:49:00"),
        # an offset that is written wins
        (NEW_YORK, "2024-07-15T10:00:00Z", "2024-07-15T10:00:00"),
        # a clock that stands twice on 1:30 means the later, one that jumps over 2:30 the time after
        (NEW_YORK, "2024-11-03T01:30:00", "2024-11-03T06:30:00"),
        (NEW_YORK, "2024-03-10T02:30:00", "2024-03-10T07:30:00"),
        ("Asia/Kolkata", "2024-07-15T10:00:00", "2024-07-15T04:30:00"),
    ],
)
def test_the_wall_clock_of_a_zone(zone: str, text: str, expected: str) -> None:
    settings = Settings(zone=zone)
    assert [shown(reading) for reading in in_python([text], settings)] == [expected]
    assert [shown(reading) for reading in in_duckdb([text], settings)] == [expected]


@pytest.mark.parametrize(
    ("date_only", "zone", "expected"),
    [
        ("quarantine", "UTC", "date_only"),
        ("start", "UTC", "2024-07-15T00:00:00"),
        ("noon", "UTC", "2024-07-15T12:00:00"),
        ("end", "UTC", "2024-07-15T23:59:59.999999"),
        ("start", NEW_YORK, "2024-07-15T04:00:00"),
        ("noon", NEW_YORK, "2024-07-15T16:00:00"),
        ("end", NEW_YORK, "2024-07-16T03:59:59.999999"),
    ],
)
def test_where_a_day_stands(date_only: DateOnly, zone: str, expected: str) -> None:
    settings = Settings(zone=zone, date_only=date_only)
    assert [shown(reading) for reading in in_python(["2024-07-15"], settings)] == [expected]
    assert [shown(reading) for reading in in_duckdb(["2024-07-15"], settings)] == [expected]


@pytest.mark.parametrize("date_only", ["quarantine", "start", "noon"])
def test_a_day_of_death_ends_after_its_events(date_only: DateOnly) -> None:
    settings = death_settings(Settings(date_only=date_only))
    assert shown(time_reader(settings)("2024-07-15")) == "2024-07-15T23:59:59.999999"
    assert shown(time_reader(settings)("2024-07")) == "bad_time"


def _written(time: datetime, fraction: str, offset: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S") + fraction + offset


TIMES = st.builds(
    _written,
    st.datetimes(datetime(1970, 1, 2), datetime(2399, 12, 30)),
    st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,9}", fullmatch=True)),
    st.one_of(st.sampled_from(["", "Z"]), st.from_regex(r"[+-](0[0-9]|1[0-4]):?[0-5][0-9]", fullmatch=True)),
)
# Nearly a time: one character of it is another.
BENT = st.builds(
    lambda text, place, letter: text[: place % len(text)] + letter + text[place % len(text) + 1 :],
    TIMES,
    st.integers(0, 40),
    st.sampled_from([*"0123456789-+:.TZ ", "", "²", "\u200b", "\x00"]),
)
DAYS = st.dates().map(str)
SETTINGS = st.builds(
    Settings,
    zone=st.sampled_from(["UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    date_only=st.sampled_from(["quarantine", "start", "noon", "end"]),
)


@given(st.lists(st.one_of(TIMES, BENT, DAYS, st.text(max_size=30)), min_size=1, max_size=40), SETTINGS)
def test_python_and_duckdb_agree(texts: list[str], settings: Settings) -> None:
    texts = [text for text in texts if not any("\ud800" <= letter <= "\udfff" for letter in text)]
    assert in_duckdb([*texts], settings) == in_python(texts, settings)


@pytest.mark.parametrize("text", ["1980-05-01", "1980-02-30", "1980-05", "1980", "0980-05-01", "x", "", None])
def test_birth_dates_agree(text: str | None) -> None:
    column: Any = pa.table({"text": pa.array([text], pa.string())})
    with duckdb.connect() as con:
        con.register("texts", column)
        assert con.execute(f"SELECT {birth_date_sql('text')} FROM texts").fetchall() == [
            (read_birth_date(text),)
        ]
    assert (read_birth_date(text) is None) == (text != "1980-05-01")
