"""What counts as a fever or a low pressure is marked; doses of tocilizumab are numbered; scores stand alone."""

from pathlib import Path

import pytest

from tests.unit.report.made_up import BORN, course
from tocsin.report.course import MarkLane

FEVER = "24 body_temperature 39.0"
CHILD = "subject_id,birth_date,sex\n1,2015-01-01,male\n"  # nine years old: low under 88


@pytest.mark.parametrize(("value", "marked"), [("37.9", False), ("38.0", True), ("38.1", True)])
def test_fever_is_marked_from_the_threshold_on(tmp_path: Path, value: str, marked: bool) -> None:
    found = course(tmp_path, f"{FEVER}; 30 body_temperature {value}").temperatures
    assert [reading.marked for reading in found] == [True, marked]


@pytest.mark.parametrize(
    ("birth", "chart", "marked"),
    [
        (BORN, "30 systolic_bp 90; 31 systolic_bp 89", [False, True]),
        (CHILD, "30 systolic_bp 88; 31 systolic_bp 87", [False, True]),
        ("subject_id,birth_date,sex\n1,,\n", "30 systolic_bp 90; 31 systolic_bp 89", [False, True]),
    ],
)
def test_low_systolic_is_marked_by_age(tmp_path: Path, birth: str, chart: str, marked: list[bool]) -> None:
    found = course(tmp_path, f"{FEVER};{chart}", birth=birth).systolic
    assert [reading.marked for reading in found] == marked


@pytest.mark.parametrize(("birth", "marked"), [(BORN, [False, True]), (CHILD, [False, False])])
def test_low_mean_is_marked_in_adults_only(tmp_path: Path, birth: str, marked: list[bool]) -> None:
    found = course(
        tmp_path, f"{FEVER}; 30 mean_arterial_pressure 65; 31 mean_arterial_pressure 64", birth=birth
    ).mean
    assert [reading.marked for reading in found] == marked


def labels(lanes: tuple[MarkLane, ...]) -> dict[str, list[str]]:
    return {lane.name: [mark.label for mark in lane.marks] for lane in lanes}


def test_tocilizumab_is_numbered_within_the_episode_and_other_drugs_are_not(tmp_path: Path) -> None:
    chart = "10 tocilizumab 600; 26 tocilizumab 600; 34 tocilizumab 600; 26 dexamethasone 10; 25 acetaminophen 650"
    assert labels(course(tmp_path, f"{FEVER};{chart}").treatments) == {
        "tocilizumab": ["", "1", "2"],
        "dexamethasone": [""],
        "acetaminophen": [""],
    }


def test_an_icans_grade_needs_a_score(tmp_path: Path) -> None:
    chart = "30 ice_score 6; 40 consciousness awake; 50 ice_score 0; 50 consciousness voice"
    assert labels(course(tmp_path, f"{FEVER};{chart}").neuro) == {
        "ICE": ["6", "0"],
        "ICANS grade": ["2", "3"],
    }


def test_boluses_and_therapies(tmp_path: Path) -> None:
    found = course(
        tmp_path, f"{FEVER}; 30 iv_fluid_bolus 500", therapy="1,2024-01-01T00:00:00Z,car_t,tisagenlecleucel"
    )
    assert labels((found.boluses, *found.therapies)) == {"fluid bolus": ["500 mL"], "tisagenlecleucel": [""]}
