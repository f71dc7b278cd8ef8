"""The signals: numbered, bounded, each with a rule for a missing unit."""

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.drugs import fever_mask
from tocsin.knowledge.signals import Signal, signal, signal_ids, signals

KINDS = {"measurement", "device", "drug", "procedure", "score", "condition", "therapy", "annotation"}
OURS = ["naproxen", "ketorolac", "aspirin", "metamizole", "sarilumab", "infliximab", "clazakizumab"]


def test_ids_are_the_row_numbers_and_fit_the_event_table() -> None:
    assert [row.id for row in signals()] == list(range(len(signals())))
    assert len(signal_ids()) == len(signals()) < 2**15


def test_ours_come_after_the_reference() -> None:
    assert [row.name for row in signals()[-10:]] == [*OURS, "index_therapy", "attribution", "antibacterial"]


@pytest.mark.parametrize("row", signals(), ids=lambda row: row.name)
def test_every_row_is_typed(row: Signal) -> None:
    assert row.kind in KINDS
    assert row.missing_unit in {"canonical", "temperature", "fraction", "reject", "none"}
    assert (row.missing_unit == "none") == (not row.numeric)


@pytest.mark.parametrize(
    "row", [row for row in signals() if row.hard_max is not None], ids=lambda row: row.name
)
def test_warnings_lie_within_the_hard_bounds(row: Signal) -> None:
    assert row.hard_min is not None
    assert row.hard_max is not None
    assert row.warn_min is not None
    assert row.warn_max is not None
    assert row.hard_min <= row.warn_min < row.warn_max <= row.hard_max


@pytest.mark.parametrize(
    ("name", "unit", "rule"),
    [
        ("body_temperature", "Cel", "temperature"),
        ("spo2", "%", "fraction"),
        ("fio2", "%", "fraction"),
        ("d_dimer", "mg{FEU}/L", "reject"),
        ("neutrophils", "10*3/uL", "reject"),
        ("calcium_ionized", "mmol/L", "reject"),
        ("norepinephrine", "ug/min", "canonical"),
        ("dopamine", "ug/kg/min", "canonical"),
        ("vasopressin", "[IU]/min", "canonical"),
        ("oxygen_device", "", "none"),
    ],
)
def test_units_and_rules_that_grades_rest_on(name: str, unit: str, rule: str) -> None:
    assert (signal(name).unit, signal(name).missing_unit) == (unit, rule)


def test_the_drugs_that_mask_fever_are_signals() -> None:
    assert {signal(name).kind for name in fever_mask()} == {"drug"}


def test_a_mistyped_signal_gets_a_hint() -> None:
    with pytest.raises(UserError, match="did you mean norepinephrine"):
        signal("norepinefrine")
