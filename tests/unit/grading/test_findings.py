"""What a snapshot accepts, how it reads it, and the one line that refuses the rest."""

from typing import Any

import pytest

from tocsin.errors import UserError
from tocsin.grading.findings import Snapshot, breathings, circulations
from tocsin.grading.icans import IcansSnapshot
from tocsin.knowledge.codes import device_words
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE

AGENTS = "n_vasopressors_excl_vasopressin"


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("temp_c", "38.0", 38.0),
        ("temp_c", 25, 25.0),
        ("temp_c", 45, 45.0),
        ("o2_flow_lpm", "0", 0.0),
        ("o2_flow_lpm", 100, 100.0),
        ("fio2_pct", 40, 40.0),
        ("fio2_pct", 0.4, 40.0),
        ("fio2_pct", "0.2", 20.0),
        ("fio2_pct", 1, 100.0),
        ("fio2_pct", 100, 100.0),
        (AGENTS, "2", 2),
        (AGENTS, "2.0", 2),
        ("hypotension", "Yes", True),
        ("hypotension", "n", False),
        ("hypotension", True, True),
        ("hypotension", "unknown", None),
        ("hypotension", " ", None),
        ("oxygen_device", "none", "room_air"),
        ("oxygen_device", "hfnc", "high_flow_nasal_cannula"),
        ("oxygen_device", "face_mask", "simple_face_mask"),
        ("oxygen_device", "venturi", "venturi_mask"),
        ("oxygen_device", "mech_vent", "invasive_ventilation"),
        ("oxygen_device", "BiPAP", "bipap"),
        ("cause", "bispecific", "t_cell_engager"),
        ("cause", "haplo_hct", "haplo_hct"),
    ],
)
def test_reads(field: str, written: Any, read: object) -> None:
    assert getattr(Snapshot(**{field: written}), field) == read


@pytest.mark.parametrize("device", OXYGEN_DEVICE)
def test_reads_every_device_by_its_own_name(device: str) -> None:
    assert Snapshot(oxygen_device=device).oxygen_device == device


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("temp_c", 102, "temp_c = 102: is this Fahrenheit? give it in Celsius: 102 F is 38.9 Cel"),
        ("temp_c", 24.9, "temp_c = 24.9: must be 25 to 45 Cel"),
        ("temp_c", 45.1, "temp_c = 45.1: must be 25 to 45 Cel"),
        ("temp_c", "38,5", "temp_c = 38,5: write a decimal point, not a comma, or leave it empty"),
        ("temp_c", "hot", "temp_c = hot: must be a number, or leave it empty"),
        ("temp_c", float("nan"), "temp_c = nan: must be a number, or leave it empty"),
        ("temp_c", True, "temp_c = yes: must be a number, or leave it empty"),
        ("o2_flow_lpm", 900, "o2_flow_lpm = 900: must be 0 to 100 L/min"),
        ("o2_flow_lpm", -1, "o2_flow_lpm = -1: must be 0 to 100 L/min"),
        ("fio2_pct", 10, "fio2_pct = 10: must be 20 to 100 %"),
        ("fio2_pct", 0.19, "fio2_pct = 0.19: must be 20 to 100 %"),
        ("fio2_pct", 100.1, "fio2_pct = 100.1: must be 20 to 100 %"),
        (AGENTS, -1, f"{AGENTS} = -1: must be a whole number from 0 to 10"),
        (AGENTS, 1.5, f"{AGENTS} = 1.5: must be a whole number from 0 to 10"),
        (AGENTS, "inf", f"{AGENTS} = inf: must be a number, or leave it empty"),
        ("hypotension", "maybe", "hypotension = maybe: must be yes, no or unknown"),
        (
            "oxygen_device",
            "t-piece",
            "oxygen_device = t-piece: must be none or one of room_air, nasal_cannula",
        ),
        (
            "oxygen_device",
            "snorkel",
            "oxygen_device = snorkel: must be none or one of room_air, nasal_cannula",
        ),
        ("cause", "sepsis", "cause = sepsis: "),
        ("cause", "homeopathy", "cause = homeopathy: unknown cause"),
    ],
)
def test_refuses(field: str, written: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        Snapshot(**{field: written})
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


def test_a_known_word_that_names_no_device_is_refused() -> None:
    assert device_words()["t-piece"].value == ""


@pytest.mark.parametrize(
    ("said", "blamed"),
    [
        ({"oxygen_device": "none", "o2_flow_lpm": 2}, "o2_flow_lpm"),
        ({"oxygen_device": "none", "fio2_pct": 22}, "fio2_pct"),
        ({"oxygen_device": "mech_vent", "intubated_for_airway_only": True}, "intubated_for_airway_only"),
        ({"hypotension": False, "fluids_only": True}, "fluids_only"),
        ({AGENTS: 1, "fluids_only": True}, "fluids_only"),
        ({"vasopressin": True, "fluids_only": True}, "fluids_only"),
        ({AGENTS: 0, "high_dose_pressor": True}, "high_dose_pressor"),
        ({AGENTS: 0, "vasopressor_24h": True}, "vasopressor_24h"),
        ({"fluids_only": True, "high_dose_pressor": True}, "high_dose_pressor"),
        ({"fluids_only": True, "vasopressor_24h": True}, "vasopressor_24h"),
        ({AGENTS: 0, "vasopressin": False, "fluids_only": False, "fluids_repeated": True}, "fluids_repeated"),
    ],
)
def test_refuses_what_contradicts_itself(said: dict[str, Any], blamed: str) -> None:
    with pytest.raises(UserError, match=f"^{blamed} = "):
        Snapshot(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"oxygen_device": "none", "o2_flow_lpm": 0},
        {"oxygen_device": "none", "fio2_pct": 21},
        {"oxygen_device": "ecmo", "intubated_for_airway_only": True},
        {"hypotension": False, AGENTS: 1},
        {"high_dose_pressor": True},
        {"fluids_repeated": True, AGENTS: 2, "fluids_only": False},
    ],
)
def test_accepts_what_only_looks_odd(said: dict[str, Any]) -> None:
    assert Snapshot(**said)


def test_what_is_known_rules_out_worlds() -> None:
    at_high_dose = circulations(Snapshot(high_dose_pressor=True))
    assert {world.n_vasopressors_excl_vasopressin for world in at_high_dose} == {1, 2}
    fluid_alone = circulations(Snapshot(fluids_only=True))
    assert {world.category for world in fluid_alone} == {"fluids", "fluids_repeated"}


def test_an_unsaid_tube_and_death_did_not_happen_and_unknown_ones_may_have() -> None:
    assert (Snapshot().intubated_for_airway_only, Snapshot().death_due_to_crs) == (False, False)
    unknown = Snapshot(oxygen_device="none", intubated_for_airway_only=None)
    assert {world.airway_tube for world in breathings(unknown)} == {False, True}


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("ice", "10", 10),
        ("ice", 0, 0),
        ("capd", 32, 32),
        ("cartox10", 10.0, 10),
        ("age_years", "11.99", 11.99),
        ("seizure", 5, "brief"),
        ("seizure", "5.01", "prolonged"),
        ("seizure", 0, "none"),
        ("seizure", "yes", "unspecified"),
        ("seizure", "status epilepticus", "prolonged"),
        ("consciousness", "A", "awake"),
        ("consciousness", "V", "voice"),
        ("consciousness", "P", "pain"),
        ("consciousness", "U", "unarousable"),
        ("consciousness", "awakens to touch", "touch"),
        ("oedema", "no", "none"),
        ("motor_weakness", "no", False),
    ],
)
def test_reads_neurology(field: str, written: Any, read: object) -> None:
    assert getattr(IcansSnapshot(**{field: written}), field) == read


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("ice", 11, "ice = 11: must be a whole number from 0 to 10"),
        ("ice", 7.5, "ice = 7.5: must be a whole number from 0 to 10"),
        ("capd", 33, "capd = 33: must be a whole number from 0 to 32"),
        ("cartox10", -1, "cartox10 = -1: must be a whole number from 0 to 10"),
        ("age_years", -1, "age_years = -1: must be 0 to 130 years"),
        ("seizure", -1, "seizure = -1: must be none, brief, prolonged, yes or its minutes"),
        ("seizure", "some", "seizure = some: must be one of none, brief"),
        ("consciousness", "dozy", "consciousness = dozy: must be one of awake"),
    ],
)
def test_refuses_neurology(field: str, written: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        IcansSnapshot(**{field: written})
    assert caught.value.message.startswith(message)
