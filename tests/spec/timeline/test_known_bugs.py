"""Bugs that other people's CRS code has; each is a named test here. The last, unverified codes, belongs to the exports."""

import pytest

from tests.support.charts import Case, case, check_episodes, check_rows, graded
from tocsin.grading.icans import IcansSnapshot, grade_icans

START = "0h car_t; 0h temp 39;"
SETS = ("astct", "lee2014")
ONE = "0h 1 1"
ROWS = [
    case(
        "grade 4 needs a ventilator or two vasopressors, not both: two vasopressors",
        f"{START} 1h norepinephrine 5; 1h dopamine 2; 2h seen",
        ONE,
        "1h 4 3",
    ),
    case(
        "grade 4 needs a ventilator or two vasopressors, not both: a ventilator",
        f"{START} 1h invasive_ventilation; 1h fio2 60; 2h seen",
        ONE,
        "1h 4 4",
    ),
    case(
        "vasopressin is not a second vasopressor",
        f"{START} 1h norepinephrine 5; 1h vasopressin 0.03; 2h seen",
        ONE,
        "1h 3 2-3",
    ),
    case("hypotension without a vasopressor is grade 2", f"{START} 1h sbp 80; 2h seen", ONE, "1h 2 1-2"),
    case(
        "and so is hypotension that fluids answer", f"{START} 1h sbp 80; 1h bolus 500; 2h seen", ONE, "1h 2 2"
    ),
    case("BiPAP is grade 4, not 3", f"{START} 1h bipap; 2h seen", ONE, "1h 4 2-3-4"),
    case(
        "no fever after tocilizumab is not grade 0",
        f"{START} 2h tocilizumab 600; 3h temp 36.5; 20h sbp 80; 25h seen",
        ONE,
        "20h 2 1-2",
        "24h 2 0-1-2",
    ),
    case(
        "Lee 2014 is not ASTCT: one low-dose vasopressor",
        f"{START} 1h norepinephrine 5; 2h seen",
        ONE,
        "1h 3 2",
    ),
    case(
        "Lee 2014 is not ASTCT: a high dose for three hours",
        f"{START} 1h norepinephrine 30; 5h seen",
        ONE,
        "1h 3 2",
        "4h 3 3",
    ),
    case(
        "Lee 2014 is not ASTCT: a mask by its FiO2",
        f"{START} 1h simple_face_mask; 1h fio2 30; 2h seen",
        ONE,
        "1h 3 2",
    ),
    case("exactly 6 L/min is low flow", f"{START} 1h nasal_cannula; 1h flow 6; 2h seen", ONE, "1h 2 2-3"),
    case(
        "a clock has hours: fever of one evening is fever the next morning",
        "0h car_t; 23h50m temp 39; 24h10m bipap; 24h20m seen",
        "23h50m 1 1",
        "24h10m 4 2-3-4",
    ),
    case(
        "a clock has hours: low pressure of six hours ago is over on the same day",
        f"{START} 1h sbp 80; 7h seen",
        ONE,
        "1h 2 1-2",
        "7h 1 1",
    ),
]


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_known_bug(one: Case) -> None:
    check_rows(one, SETS)


def test_an_episode_left_open_does_not_take_in_all_that_comes_after() -> None:
    """The record of the first goes silent before it can resolve; weeks later it is over, and pneumonia is no CRS."""
    silent = case(
        "silence, then a ventilator", f"{START} 40d invasive_ventilation; 41d seen", "0h 0h resolved"
    )
    check_episodes(silent, ("onset", "resolved_at", "ended"))


def test_an_episode_at_the_end_of_the_record_is_open_not_endless() -> None:
    _, episodes = graded(f"{START} 5h seen")
    assert [(one["resolved_at"], "ongoing_at_last_record" in one["flags"]) for one in episodes] == [
        (None, True)
    ]


def test_deep_motor_weakness_is_icans_grade_4() -> None:
    answer = grade_icans(IcansSnapshot(age_years=40, ice=10, consciousness="awake", motor_weakness=True))
    assert answer["icans"].grade == 4


def test_an_ice_score_that_was_not_done_is_no_10() -> None:
    undone = grade_icans(IcansSnapshot(age_years=40, consciousness="awake"))["icans"]
    done = grade_icans(IcansSnapshot(age_years=40, ice=10, consciousness="awake"))["icans"]
    assert (undone.grade, undone.set, done.grade) == (None, (0, 1, 2, 3), 0)
