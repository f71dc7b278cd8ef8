"""The reference engine keeps the properties that any reading of timeline.md must keep."""

from __future__ import annotations

import datetime
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.generative.strategies import KNOWN_PRODUCTS, random_subject, subjects
from tests.reference import Event, Parameters, Row, run_subject
from tests.reference.model import DAY

PARAMETERS = Parameters(known_products=KNOWN_PRODUCTS)
Subject = tuple[datetime.date | None, list[Event]]


@given(subjects(), st.randoms(use_true_random=False))
def test_the_order_of_the_events_does_not_matter(subject: Subject, rng: random.Random) -> None:
    birth, events = subject
    shuffled = rng.sample(events, len(events))
    assert run_subject(shuffled, birth, PARAMETERS) == run_subject(events, birth, PARAMETERS)


@given(subjects(), st.integers(-4000, 4000))
def test_a_subject_shifted_by_days_gives_shifted_rows(subject: Subject, days: int) -> None:
    birth, events = subject
    shift = days * DAY
    born = birth and birth + datetime.timedelta(days=days)
    later = [replace(e, time=e.time + shift, end=None if e.end is None else e.end + shift) for e in events]
    expected = [replace(row, time=row.time + shift) for row in run_subject(events, birth, PARAMETERS)[0]]
    assert run_subject(later, born, PARAMETERS)[0] == expected


@given(subjects())
def test_rows_are_in_order_and_each_says_something_new(subject: Subject) -> None:
    birth, events = subject
    rows, episodes = run_subject(events, birth, PARAMETERS)
    assert [(row.episode, row.time) for row in rows] == sorted((row.episode, row.time) for row in rows)
    assert [episode.onset for episode in episodes] == [
        next(row.time for row in rows if row.episode == episode.episode) for episode in episodes
    ]
    assert all(row.sets and all(0 < members < 64 for members in row.sets.values()) for row in rows)


def graded_rows(rng: random.Random) -> list[Row]:
    """The rows of one made-up subject."""
    birth, events = random_subject(rng)
    return run_subject(events, birth, PARAMETERS)[0]


def test_the_made_up_subjects_reach_every_category() -> None:
    rng = random.Random(1)
    rows = [row for _ in range(400) for row in graded_rows(rng)]
    assert {row.hypotension for row in rows} == {
        None,
        "none",
        "untreated",
        "fluids",
        "fluids_repeated",
        "vasopressin_alone",
        "one",
        "one_plus_vasopressin",
        "multiple",
    }
    assert {row.dose_band for row in rows} == {None, "low", "unknown", "high"}
    assert {row.oxygen for row in rows} >= {"cannula_flow_unknown", "high_flow_at_low_flow", "device_unknown"}
    assert {row.airway_tube for row in rows} == {None, False, True}
    assert {flag for row in rows for flag in row.flags} == {
        "age_unknown",
        "baseline_support",
        "death_cause_unknown",
        "intubation_reason_unknown",
        "product_unknown",
        "systolic_not_above_diastolic",
        "vasopressin_ignored",
    }
