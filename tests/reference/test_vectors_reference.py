"""The reference engine against the 300 subjects of the shared test vectors."""

from __future__ import annotations

import csv
import datetime
import os
from collections import defaultdict
from functools import cache
from itertools import count, groupby
from pathlib import Path

import pytest

from tests.reference import Event, Parameters, Row, run_subject

SHARED = Path(os.environ.get("TOCSIN_SHARED", Path(__file__).parents[3] / "shared"))
VECTORS = SHARED / "spec" / "vectors"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
STATES = ("fever", "fever_waived", "hypotension", "dose_band", "oxygen", "fio2_band", "airway_tube")
SCALES = ("astct", "ctcae5", "lee2014")

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="../shared is absent")


def lines(name: str) -> list[dict[str, str]]:
    """The lines of one file of the vectors."""
    with (VECTORS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def microseconds(text: str) -> int:
    """A time of the vectors in microseconds UTC."""
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1)


@cache
def events() -> dict[int, list[Event]]:
    """All three kinds of events, by subject."""
    found: dict[int, list[Event]] = defaultdict(list)
    ids = count(1)

    def add(line: dict[str, str], signal: str, text: str | None) -> None:
        subject = int(line["subject_id"])
        value = float(line["value"]) if line.get("value") else None
        end = microseconds(line["end"]) if line.get("end") else None
        found[subject].append(Event(subject, microseconds(line["time"]), signal, value, text, end, next(ids)))

    for line in lines("events"):
        add(line, line["signal"], line["text"] or None)
    for line in lines("therapies"):
        add(line, "index_therapy", "/".join(filter(None, [line["cause"], line["product"]])))
    for line in lines("annotations"):
        add(line, "attribution", line["attribution"])
    return found


@cache
def births() -> dict[int, datetime.date | None]:
    """Birth dates, by subject."""
    return {
        int(line["subject_id"]): datetime.date.fromisoformat(line["birth_date"])
        if line["birth_date"]
        else None
        for line in lines("subjects")
    }


@cache
def expected() -> dict[int, list[tuple[str, ...]]]:
    """The expected rows, by subject."""
    found: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for line in lines("expected"):
        found[int(line["subject_id"])].append(
            (
                str(microseconds(line["time"])),
                *(line[name] for name in ("episode", "closing", *STATES)),
                *(line[f"{scale}_set"] for scale in SCALES),
            )
        )
    return found


def word(value: object) -> str:
    """A value as the vectors write it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def collapsed(rows: list[Row]) -> list[tuple[str, ...]]:
    """The rows in the vectors' columns, those left out that differ from the one before in none of them."""
    full = [
        (
            str(row.time),
            *(word(getattr(row, name)) for name in ("episode", "closing", *STATES)),
            *(str(row.sets[scale]) for scale in SCALES),
        )
        for row in rows
    ]
    return [next(same) for _, same in groupby(full, key=lambda line: line[1:])]


SUBJECTS = range(1, 301)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_reference_gives_the_expected_rows(subject: int) -> None:
    rows, _ = run_subject(events()[subject], births()[subject], Parameters())
    assert collapsed(rows) == expected().get(subject, [])


def test_the_vectors_hold_the_subjects_that_are_tested() -> None:
    assert sorted(births()) == list(SUBJECTS)
    assert set(expected()) <= set(SUBJECTS)
