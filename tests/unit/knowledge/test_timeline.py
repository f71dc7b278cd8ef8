"""The numbers of the timeline: all there, sourced, and overridden only by sense."""

from dataclasses import fields

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.timeline import Timeline, defaults, is_parameter, parameters

SPECIFIED = {  # by timeline.md; the last two by docs/decisions/0022
    "fever_threshold_cel": 38.0,
    "fever_hold_h": 24,
    "bp_hold_h": 6,
    "adult_sbp_low": 90,
    "adult_map_low": 65,
    "newborn_sbp_low": 60,
    "infant_sbp_low": 70,
    "child_sbp_low_base": 70,
    "child_sbp_low_per_year": 2,
    "youth_sbp_low": 90,
    "bolus_hold_h": 6,
    "bolus_repeat_h": 24,
    "bolus_min_ml": 250,
    "bolus_min_ml_per_kg": 5,
    "bolus_small_weight_kg": 40,
    "bolus_max_min": 60,
    "infusion_timeout_h": 24,
    "high_dose_duration_h": 3,
    "run_long_h": 24,
    "lee_norepinephrine_ug_min": 20,
    "lee_dopamine_ug_kg_min": 10,
    "lee_phenylephrine_ug_min": 200,
    "lee_epinephrine_ug_min": 10,
    "lee_equivalent_ug_min": 20,
    "lee_equivalent_with_vasopressin_ug_min": 10,
    "lee_dopamine_divisor": 2,
    "lee_phenylephrine_divisor": 10,
    "device_hold_h": 24,
    "low_flow_max_l_min": 6,
    "fio2_cut": 40,
    "room_air_fio2": 21,
    "intubation_lookahead_h": 24,
    "resolution_hold_h": 24,
    "window_before_d": 2,
    "window_after_d": 60,
    "icans_after_resolution_d": 7,
    "aspirin_min_mg": 300,
    "looks_like_fahrenheit_min": 95,
    "looks_like_fahrenheit_max": 110,
    "organ_hold_h": 36,
    "organ_ctcae": 5,
}


@pytest.mark.parametrize(("key", "value"), SPECIFIED.items())
def test_default(key: str, value: float) -> None:
    assert getattr(defaults(), key) == value


def test_the_class_and_the_file_name_the_same_numbers() -> None:
    assert [field.name for field in fields(Timeline)] == list(parameters())


def test_every_number_is_sourced_or_said_to_be_a_choice() -> None:
    for row in parameters().values():
        assert row.source
        assert (row.confidence == "n/a") == (row.source == ("operational choice",)), row.key


@pytest.mark.parametrize("key", [key for key in parameters() if key.startswith("lee_")])
def test_the_doses_of_lee_2014_are_recalled(key: str) -> None:
    assert parameters()[key].confidence == "recalled"


def test_the_three_hours_are_verified() -> None:
    assert parameters()["high_dose_duration_h"].confidence == "verified"


def test_override_by_key_and_by_the_short_name() -> None:
    changed = defaults().with_overrides({"fever_hold_h": "12", "bp_hold": "4.5"})
    assert (changed.fever_hold_h, changed.bp_hold_h) == (12.0, 4.5)
    assert changed.device_hold_h == defaults().device_hold_h


def test_defaults_do_not_change() -> None:
    defaults().with_overrides({"fever_hold": "1"})
    assert defaults().fever_hold_h == 24


@pytest.mark.parametrize(
    ("key", "text", "match"),
    [
        ("fever_hld", "1", "unknown setting 'fever_hld': did you mean fever_hold"),
        ("bp_hold_h", "-1", "at least 0"),
        ("bp_hold_h", "six", "not a number"),
        ("bp_hold_h", "nan", "at least 0"),
        ("bp_hold_h", "inf", "at least 0"),
        ("bp_hold_h", "", "not a number"),
        ("fever_threshold_cel", "100.4", "at most 42"),
        ("lee_dopamine_divisor", "0", "at least 1"),
        ("fio2_cut", "0.4", "at least 21"),
    ],
)
def test_refused(key: str, text: str, match: str) -> None:
    with pytest.raises(UserError, match=match):
        defaults().with_overrides({key: text})


def test_zero_is_a_hold() -> None:
    assert defaults().with_overrides({"bp_hold": "0"}).bp_hold_h == 0


def test_other_settings_are_not_parameters() -> None:
    assert is_parameter("fever_hold")
    assert is_parameter("fever_hold_h")
    assert not is_parameter("zone")
    assert not is_parameter("date_only")
