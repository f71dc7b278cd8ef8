"""Bars of vasopressors, oxygen devices and attributions end where the timeline ends them."""

from pathlib import Path

import pytest

from tests.unit.report.made_up import at, course
from tocsin.report.course import Bar, BarLane

FEVER = "24 body_temperature 39.0"
LAST = "100 crp 5"


def spans(lane: BarLane) -> list[tuple[float, float, str]]:
    """Start and end of each bar in hours since the therapy, and its longest label."""
    return [(_hours(bar, "start"), _hours(bar, "end"), bar.labels[0]) for bar in lane.bars]


def _hours(bar: Bar, side: str) -> float:
    return (getattr(bar, side) - at(0)).total_seconds() / 3600


@pytest.mark.parametrize(
    ("chart", "bars"),
    [
        ("30 norepinephrine 8 until 33", [(30, 33, "8 ug/min")]),
        ("30 norepinephrine 8; 32 norepinephrine 5 until 34", [(30, 32, "8 ug/min"), (32, 34, "5 ug/min")]),
        ("30 norepinephrine 8; 36 norepinephrine 0", [(30, 36, "8 ug/min")]),
        ("30 norepinephrine 8 until 40; 36 norepinephrine 0", [(30, 36, "8 ug/min")]),
        ("30 norepinephrine 8", [(30, 54, "8 ug/min")]),  # nobody said when it ended: the timeout
        ("90 norepinephrine 8", [(90, 100, "8 ug/min")]),  # the record ends first
        ("30 norepinephrine ? until 32", [(30, 32, "rate not recorded")]),
    ],
)
def test_vasopressor(tmp_path: Path, chart: str, bars: list[tuple[float, float, str]]) -> None:
    (lane,) = course(tmp_path, f"{FEVER};{chart};{LAST}").vasopressors
    assert lane.name == "norepinephrine"
    assert spans(lane) == bars


@pytest.mark.parametrize(
    ("chart", "lanes"),
    [
        (
            "30 oxygen_device nasal_cannula; 30 inhaled_o2_flow 2; 34 inhaled_o2_flow 4; 36 oxygen_device room_air",
            {"nasal cannula": [(30, 34, "2 L/min"), (34, 36, "4 L/min")]},
        ),
        (
            "30 oxygen_device nasal_cannula; 34 oxygen_device venturi_mask; 34 fio2 50; 40 oxygen_device room_air",
            {"nasal cannula": [(30, 34, "flow not recorded")], "Venturi mask": [(34, 40, "50 %")]},
        ),
        (
            "30 oxygen_device nasal_cannula; 30 inhaled_o2_flow 2; 50 oxygen_device nasal_cannula until 52",
            {"nasal cannula": [(30, 52, "2 L/min")]},
        ),
        ("30 oxygen_device bipap", {"BiPAP": [(30, 54, "flow not recorded")]}),  # the hold
    ],
)
def test_oxygen(tmp_path: Path, chart: str, lanes: dict[str, list[tuple[float, float, str]]]) -> None:
    found = course(tmp_path, f"{FEVER};{chart};{LAST}").oxygen
    assert {lane.name: spans(lane) for lane in found} == lanes


def test_attribution_runs_from_word_to_opposite_word(tmp_path: Path) -> None:
    words = "30 attribution fever:other; 40 attribution fever:crs; 50 attribution hypoxia:other"
    found = course(tmp_path, f"{FEVER};{words};{LAST}").attributions
    assert {lane.name: spans(lane) for lane in found} == {
        "fever not CRS": [(30, 40, "attributed elsewhere")],
        "hypoxia not CRS": [(50, 100, "attributed elsewhere")],
    }
