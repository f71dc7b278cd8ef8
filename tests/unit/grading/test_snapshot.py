"""The answer of a scale beside its set: the reason, what would settle it, and how sure its rows are."""

from typing import Any

import pytest

from tocsin.grading.snapshot import Snapshot, grade_snapshot

AGENTS = "n_vasopressors_excl_vasopressin"
FEVER: dict[str, Any] = {
    "temp_c": 38.5,
    "fever_attributed_to_crs": True,
    "antipyretic_or_anticytokine_given": False,
}
CALM: dict[str, Any] = {"hypotension": False, AGENTS: 0, "vasopressin": False, "oxygen_device": "none"}
ONE: dict[str, Any] = {"hypotension": True, AGENTS: 1, "vasopressin": False}


@pytest.mark.parametrize(
    ("scale", "said", "why"),
    [
        ("astct", {}, "Grade 1 (ASTCT): fever 38.5 °C; no hypotension; no oxygen."),
        ("astct", ONE, "Grade 3 (ASTCT): one vasopressor."),
        ("astct", ONE | {"vasopressin": True}, "Grade 3 (ASTCT): one vasopressor and vasopressin."),
        ("astct", ONE | {AGENTS: 2}, "Grade 4 (ASTCT): two vasopressors."),
        ("astct", {"oxygen_device": "nasal_cannula"}, "Undecided, 2 or 3: nasal cannula, flow not recorded."),
        (
            "astct",
            {"oxygen_device": "nasal_cannula", "o2_flow_lpm": 6},
            "Grade 2 (ASTCT): nasal cannula at 6 L/min.",
        ),
        (
            "astct",
            ONE | {"oxygen_device": "hfnc"},
            "Grade 3 (ASTCT): one vasopressor; high-flow nasal cannula.",
        ),
        (
            "ctcae5",
            {"oxygen_device": "nasal_cannula", "o2_flow_lpm": 2},
            "Undecided, 2 or 3: nasal cannula at 2 L/min, FiO2 not recorded.",
        ),
        (
            "ctcae5",
            {"oxygen_device": "bipap", "fio2_pct": 50},
            "Undecided, 3 or 4: BiPAP, FiO2 50 %. CPAP and BiPAP have no row.",
        ),
        (
            "ctcae5",
            {"intubated_for_airway_only": True},
            "Undecided, 1 or 4: a tube for the airway alone. "
            "The scale does not say whether a tube for the airway alone counts.",
        ),
        ("astct", {"fever_attributed_to_crs": False}, "Grade 0 (ASTCT): no fever due to CRS."),
        (
            "ctcae5",
            ONE | {"fever_attributed_to_crs": False},
            "Undecided, 0 or 3: one vasopressor; no fever due to CRS, which leaves the rest open.",
        ),
        (
            "lee2014",
            {"fever_attributed_to_crs": False, "temp_c": 37},
            "Undecided, 0 or 1: no fever, which grade 1 does not ask for. Organ toxicity not weighed.",
        ),
        ("ctcae5", {"temp_c": 37.2}, "Undecided, 0 or 1: no fever now, masked or resolving."),
        (
            "astct",
            ONE | {"temp_c": 37.2},
            "Undecided, 0 or 3: one vasopressor; fever gone without a drug that hides it.",
        ),
        ("penn", {"death_due_to_crs": True}, "Grade 5 (Penn): death due to CRS."),
        (
            "lee2014",
            ONE | {"high_dose_pressor": True},
            "Grade 3 (Lee 2014): one vasopressor, high dose. Organ toxicity not weighed. "
            "Rests on a row that is recalled, not re-read.",
        ),
        (
            "mskcc",
            ONE | {"high_dose_pressor": False, "vasopressor_24h": True},
            "Grade 3 (MSKCC): one vasopressor, low dose, 24 h or longer. Organ toxicity not weighed. "
            "Rests on a row that is recalled, not re-read.",
        ),
        (
            "penn",
            {"hypotension": True, "fluids_only": True},
            "Undecided, 1, 2 or 3: hypotension, fluid alone, number of boluses not recorded. "
            "Organ toxicity not weighed.",
        ),
        ("ctcae4", ONE, "Grade 4 (CTCAE v4.03): one vasopressor."),
    ],
)
def test_why(scale: str, said: dict[str, Any], why: str) -> None:
    assert grade_snapshot(Snapshot(**FEVER | CALM | said))[scale].why == why


@pytest.mark.parametrize(
    ("scale", "said", "settled_by"),
    [
        ("astct", {}, ()),
        ("astct", {"oxygen_device": "nasal_cannula"}, ("o2_flow_lpm",)),
        ("ctcae5", {"oxygen_device": "nasal_cannula"}, ("fio2_pct",)),
        ("penn", {"oxygen_device": "nasal_cannula"}, ()),
        ("ctcae5", {"oxygen_device": "bipap"}, ("fio2_pct",)),
        ("ctcae5", {"oxygen_device": "bipap", "fio2_pct": 50}, ()),
        ("astct", {"oxygen_device": None}, ("oxygen_device",)),
        ("ctcae5", {"oxygen_device": None}, ("oxygen_device", "fio2_pct")),
        ("astct", {"temp_c": None}, ("temp_c",)),
        ("astct", {"temp_c": 37, "antipyretic_or_anticytokine_given": None}, ()),
        (
            "astct",
            ONE | {"temp_c": 37, "antipyretic_or_anticytokine_given": None},
            ("antipyretic_or_anticytokine_given",),
        ),
        ("astct", {"fever_attributed_to_crs": None}, ("fever_attributed_to_crs",)),
        ("astct", ONE, ()),
        ("lee2014", ONE, ("high_dose_pressor",)),
        ("mskcc", ONE, ("high_dose_pressor", "vasopressor_24h")),
        ("mskcc", ONE | {"high_dose_pressor": False}, ("vasopressor_24h",)),
        ("mskcc", ONE | {"vasopressor_24h": True}, ("high_dose_pressor",)),
        ("penn", {"hypotension": True, "fluids_only": True}, ("fluids_repeated",)),
        ("astct", {"hypotension": True, "fluids_only": None}, ()),
        ("ctcae5", {"hypotension": True, "fluids_only": None}, ("fluids_only",)),
        ("astct", {"hypotension": None}, ("hypotension",)),
        ("astct", ONE | {AGENTS: None}, (AGENTS,)),
        ("astct", {"intubated_for_airway_only": None}, ()),
        ("ctcae5", {"intubated_for_airway_only": None}, ("intubated_for_airway_only",)),
        ("astct", {"death_due_to_crs": None}, ("death_due_to_crs",)),
    ],
)
def test_settled_by(scale: str, said: dict[str, Any], settled_by: tuple[str, ...]) -> None:
    assert grade_snapshot(Snapshot(**FEVER | CALM | said))[scale].settled_by == settled_by


@pytest.mark.parametrize(
    ("scale", "said", "confidence"),
    [
        ("astct", ONE, "seed"),
        ("ctcae5", ONE, "seed"),
        ("ctcae5", ONE | {AGENTS: 2}, "verified"),
        ("lee2014", ONE | {"high_dose_pressor": False}, "recalled"),
        ("lee2014", ONE | {AGENTS: 2}, "verified"),
        ("lee2014", ONE | {"high_dose_pressor": False, "oxygen_device": "hfnc", "fio2_pct": 50}, "verified"),
        ("lee2014", ONE | {"high_dose_pressor": True, "oxygen_device": "hfnc", "fio2_pct": 50}, "recalled"),
        ("lee2014", {}, "verified"),
        ("lee2014", ONE | {"death_due_to_crs": True}, "verified"),
        ("astct", ONE | {"fever_attributed_to_crs": False}, "seed"),
        ("astct", {"oxygen_device": "nasal_cannula"}, "n/a"),
    ],
)
def test_confidence_is_that_of_the_weakest_row_it_rests_on(
    scale: str, said: dict[str, Any], confidence: str
) -> None:
    answer = grade_snapshot(Snapshot(**FEVER | CALM | said))[scale]
    assert answer.confidence == confidence
    assert answer.recalled is (confidence == "recalled")


def test_sources_are_those_of_the_rows_it_rests_on() -> None:
    answers = grade_snapshot(Snapshot(**FEVER | CALM | ONE | {"high_dose_pressor": True}))
    assert answers["lee2014"].source == ("W3", "W4", "P-LEE")


def test_the_cause_never_changes_a_grade() -> None:
    said = FEVER | CALM | ONE
    assert grade_snapshot(Snapshot(**said, cause="car_t")) == grade_snapshot(
        Snapshot(**said, cause="bispecific")
    )
