"""ICANS assessments of one subject: each instant by itself, and the worse of two findings of one kind."""

import datetime as dt
from typing import Any

import pytest

from tocsin.grading.assessments import assess, assessments, largest_of
from tocsin.knowledge.scales import grades_of

NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
ADULT = dt.date(1970, 1, 1)

# what was charted at one instant, age, grades
CASES: list[tuple[dict[str, list[Any]], float | None, list[int]]] = [
    ({}, 50, []),
    ({"consciousness": ["awake"]}, 50, []),
    ({"ice_score": [10.0]}, 50, [0]),
    ({"ice_score": [8.0]}, 50, [1]),
    ({"ice_score": [8.0, 4.0]}, 50, [2]),
    ({"ice_score": [4.0, 8.0]}, 50, [2]),
    ({"capd_score": [3.0, 10.0]}, 5, [3]),
]


@pytest.mark.parametrize(("charted", "age", "grades"), CASES)
def test_the_worse_of_two_findings_of_one_kind_counts(
    charted: dict[str, list[Any]], age: float | None, grades: list[int]
) -> None:
    assert grades_of(assess(charted, age)) == grades


def test_each_instant_is_an_assessment_of_its_own_with_its_first_event() -> None:
    later = NOON + dt.timedelta(hours=1)
    events = [
        {"time": time, "signal": "ice_score", "numeric_value": value, "text_value": None, "event_id": place}
        for place, (time, value) in enumerate([(NOON, 9.0), (NOON, 5.0), (later, 10.0)])
    ]
    found = assessments(events, ADULT)
    assert [(one.time, grades_of(one.grades), one.event_id) for one in found] == [
        (NOON, [2], 0),
        (later, [0], 2),
    ]


@pytest.mark.parametrize(
    ("sets", "largest"),
    [
        ([], []),
        ([0], []),
        ([0b10], [1]),
        ([0b10, 0b100], [2]),
        ([0b110, 0b10], [1, 2]),
        ([0b1001, 0b100], [2, 3]),
    ],
)
def test_the_largest_of_several_undecided_grades(sets: list[int], largest: list[int]) -> None:
    assert grades_of(largest_of(sets)) == largest
