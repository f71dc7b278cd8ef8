"""Each number that a user may set changes what it says it changes, and nothing else needs it."""

import pytest

from tests.support.charts import ADULT, chart, shown_rows
from tests.support.timeline_runs import run_product
from tocsin.knowledge.timeline import defaults

START = "0h car_t; 0h temp 39;"
COLUMNS = (
    "fever",
    "fever_waived",
    "hypotension",
    "dose_band",
    "run_24h",
    "oxygen",
    "fio2_band",
    "airway_tube",
)
# setting, value, a chart that tells it from the default
CASES = [
    ("fever_threshold_cel", "38.3", "0h car_t; 1h temp 38.2; 2h seen"),
    ("fever_hold_h", "12", f"{START} 11h sbp 80; 13h seen"),
    ("bp_hold_h", "2", f"{START} 1h sbp 80; 4h seen"),
    ("adult_sbp_low", "100", f"{START} 1h sbp 95; 2h seen"),
    ("adult_map_low", "70", f"{START} 1h map 68; 2h seen"),
    ("bolus_hold_h", "2", f"{START} 1h sbp 80; 1h bolus 500; 2h sbp 120; 4h seen"),
    ("bolus_repeat_h", "1", f"{START} 1h sbp 80; 1h bolus 500; 3h bolus 500; 4h seen"),
    ("infusion_timeout_h", "2", f"{START} 1h norepinephrine 5; 4h seen"),
    ("high_dose_duration_h", "1", f"{START} 1h norepinephrine 25; 3h seen"),
    ("run_long_h", "2", f"{START} 1h norepinephrine 5; 4h seen"),
    ("lee_norepinephrine_ug_min", "5", f"{START} 1h norepinephrine 5; 5h seen"),
    ("lee_dopamine_ug_kg_min", "5", f"{START} 1h dopamine 5; 5h seen"),
    ("lee_phenylephrine_ug_min", "50", f"{START} 1h phenylephrine 50; 5h seen"),
    ("lee_epinephrine_ug_min", "5", f"{START} 1h epinephrine 5; 5h seen"),
    ("lee_equivalent_ug_min", "10", f"{START} 1h norepinephrine 6; 1h epinephrine 4; 5h seen"),
    (
        "lee_equivalent_with_vasopressin_ug_min",
        "5",
        f"{START} 1h norepinephrine 5; 1h vasopressin 0.03; 5h seen",
    ),
    ("lee_dopamine_divisor", "1", f"{START} 1h norepinephrine 12; 1h dopamine 8; 5h seen"),
    ("lee_phenylephrine_divisor", "5", f"{START} 1h norepinephrine 10; 1h phenylephrine 50; 5h seen"),
    ("device_hold_h", "2", f"{START} 1h bipap; 4h seen"),
    ("low_flow_max_l_min", "8", f"{START} 1h nasal_cannula; 1h flow 7; 4h seen"),
    ("fio2_cut", "50", f"{START} 1h bipap; 1h fio2 45; 4h seen"),
    ("room_air_fio2", "25", f"{START} 1h fio2 24; 4h seen"),
    (
        "intubation_lookahead_h",
        "2",
        f"{START} 1h said intubation:airway_only; 4h invasive_ventilation; 5h seen",
    ),
    ("resolution_hold_h", "48", f"{START} 25h seen"),
    ("aspirin_min_mg", "75", f"{START} 1h aspirin 81; 2h seen"),
]
# those that the cut, the door and the search for ICANS read before or after the timeline, or that need a child
ELSEWHERE = {
    "organ_hold_h",
    "organ_ctcae",
    "window_before_d",
    "window_after_d",
    "icans_after_resolution_d",
    "bolus_min_ml",
    "bolus_min_ml_per_kg",
    "bolus_small_weight_kg",
    "bolus_max_min",
    "looks_like_fahrenheit_min",
    "looks_like_fahrenheit_max",
    "adult_from_years",
    "newborn_sbp_low",
    "newborn_until_months",
    "infant_sbp_low",
    "infant_until_years",
    "child_sbp_low_base",
    "child_sbp_low_per_year",
    "child_until_years",
    "youth_sbp_low",
}


@pytest.mark.parametrize(("name", "value", "text"), CASES, ids=[name for name, _, _ in CASES])
def test_a_setting_is_heard(name: str, value: str, text: str) -> None:
    subject = (ADULT, chart(text))
    usual, changed = (
        run_product([subject], numbers)[0]
        for numbers in (defaults(), defaults().with_overrides({name: value}))
    )
    assert shown_rows(usual, COLUMNS) != shown_rows(changed, COLUMNS)


def test_no_number_is_forgotten() -> None:
    assert {name for name, _, _ in CASES} | ELSEWHERE == set(defaults().__dataclass_fields__)
