"""The code lists: each code names a signal, each word a device, each route a side."""

import re

import pytest

from tocsin.knowledge.codes import (
    codes,
    device_words,
    excluded_codes,
    route_words_of_names,
    routes,
    statuses,
)
from tocsin.knowledge.drugs import drug_set, fever_mask
from tocsin.knowledge.signals import signal, signal_ids, units
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE

SYSTEMS = {
    "LOINC",
    "SNOMED",
    "RxNorm",
    "ATC",
    "OMOP",
    "ICD10CM",
    "ICD10PCS",
    "CPT/HCPCS",
    "MIMIC",
    "SDTM",
    "MEDS",
}
ROLES = {"value", "given", "substance", "diagnosis", "part", "support"}
UNITS = {(row.signal, row.spelling) for row in units()}
# Units that a code states and that are not converted: such values are quarantined.
NOT_CONVERTED = {("il6", "4655-7"), ("il2_receptor", "76039-7"), ("ifn_gamma", "12729-0")}


def test_every_code_is_typed() -> None:
    for row in codes():
        assert row.signal in signal_ids(), row
        assert row.system in SYSTEMS, row
        assert row.role in ROLES, row
        assert row.value in {"", *OXYGEN_DEVICE}, row
        assert row.value == "" or row.signal == "oxygen_device", row


def test_a_code_says_one_thing() -> None:
    pairs = [(row.signal, row.system, row.code) for row in codes()]
    assert len(set(pairs)) == len(pairs)
    speaking = [(row.system, row.code) for row in codes() if row.role in ("value", "given", "substance")]
    assert len(set(speaking)) == len(speaking)


def test_unit_hints_can_be_converted() -> None:
    for row in codes():
        if row.unit_hint and row.role in ("value", "given") and (row.signal, row.code) not in NOT_CONVERTED:
            assert (row.signal, row.unit_hint) in UNITS, row


def test_every_signal_of_the_timeline_has_codes() -> None:
    needed = {
        *("body_temperature", "systolic_bp", "diastolic_bp", "mean_arterial_pressure", "weight", "death"),
        *("oxygen_device", "inhaled_o2_flow", "fio2", "iv_fluid_bolus", "vasopressin"),
        *drug_set("counted_vasopressors"),
        *fever_mask(),
    }
    # Investigational, without a public code: known by its name.
    assert needed - {row.signal for row in codes() if not row.code.startswith("drug|")} == {"clazakizumab"}
    assert ("clazakizumab", "drug|clazakizumab") in {(row.signal, row.code) for row in codes()}


@pytest.mark.parametrize(
    ("system", "code", "name", "role", "value"),
    [
        ("LOINC", "8310-5", "body_temperature", "value", ""),
        ("LOINC", "8480-6", "systolic_bp", "value", ""),
        ("RxNorm", "7512", "norepinephrine", "substance", ""),
        ("MIMIC", "221906", "norepinephrine", "given", ""),
        ("MIMIC", "226732|Nasal cannula", "oxygen_device", "value", "nasal_cannula"),
        ("MIMIC", "225792", "oxygen_device", "value", "invasive_ventilation"),
        ("MIMIC", "223849", "oxygen_device", "support", "invasive_ventilation"),
        ("SNOMED", "386661006", "body_temperature", "support", ""),
        ("CPT/HCPCS", "38225", "cart_infusion", "support", ""),
        ("CPT/HCPCS", "38228", "cart_infusion", "given", ""),
        ("ICD10CM", "D89.832", "crs", "diagnosis", ""),
        ("LOINC", "85354-9", "systolic_bp", "part", ""),
        ("MEDS", "SUBJECT_WEIGHT_AT_INFUSION//KG", "weight", "value", ""),
    ],
)
def test_roles(system: str, code: str, name: str, role: str, value: str) -> None:
    found = [row for row in codes() if (row.system, row.code, row.signal) == (system, code, name)]
    assert [(row.role, row.value) for row in found] == [(role, value)]


def test_no_descriptor_of_cpt_or_meddra_ships() -> None:
    for row in codes():
        if row.system == "CPT/HCPCS" and re.fullmatch(r"\d{4}[\dT]", row.code):
            assert row.display == "", row.code
        if row.code.startswith(("AE.AEDECOD=", "AE.AETERM")):
            assert row.display == "", row.code


def test_codes_of_new_drugs_are_those_of_the_drug_table() -> None:
    from tocsin.knowledge.drugs import drug

    for row in codes():
        if row.system in ("RxNorm", "ATC") and row.signal in (
            "naproxen",
            "sarilumab",
            "metamizole",
            "aspirin",
        ):
            known = drug(row.signal).rxnorm if row.system == "RxNorm" else drug(row.signal).atc
            assert known is not None
            assert row.code in known.code


def test_excluded_codes_are_not_codes_of_their_signal() -> None:
    listed = {(row.signal, row.system, row.code) for row in codes()}
    for row in excluded_codes():
        assert (row.signal, row.system, row.code) not in listed
        assert signal(row.signal)
        assert row.why


@pytest.mark.parametrize("code", ["224027", "226253", "224688", "224691", "229278", "229280"])
def test_exclusion(code: str) -> None:
    assert code in {row.code for row in excluded_codes()}


def test_device_words_are_devices_or_known_to_be_none() -> None:
    for word, row in device_words().items():
        assert word == word.strip().lower()
        assert row.value in OXYGEN_DEVICE or (row.value == "" and row.notes)


def test_our_own_device_words_read_as_themselves() -> None:
    assert all(device_words()[word].value == word for word in OXYGEN_DEVICE)


def test_free_text_and_coded_devices_agree() -> None:
    for row in codes():
        if row.code.startswith("226732|"):
            assert device_words()[row.code.split("|")[1].strip().lower()].value == row.value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("none (room air)", "room_air"),
        ("bi-pap", "bipap"),
        ("venti mask", "venturi_mask"),
        ("endotracheal tube", "invasive_ventilation"),
        ("t-piece", ""),
        ("other (comment)", ""),
    ],
)
def test_device_word(word: str, value: str) -> None:
    assert device_words()[word].value == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("iv", "systemic"),
        ("po/ng", "systemic"),
        ("pr", "systemic"),
        ("47625008", "systemic"),
        ("both eyes", "not_systemic"),
        ("op", "not_systemic"),
        ("tp", "not_systemic"),
        ("ih", "not_systemic"),
        ("nu", "not_systemic"),
        ("54485002", "not_systemic"),
        ("6064005", "not_systemic"),
    ],
)
def test_route(word: str, value: str) -> None:
    assert routes()[word].value == value


def test_routes_take_two_values() -> None:
    assert {row.value for row in routes().values()} == {"systemic", "not_systemic"}
    assert all(word == word.strip().lower() for word in routes())
    assert {"ophth", "cream", "nasal"} <= {row.word for row in route_words_of_names()}
    assert {row.value for row in route_words_of_names()} == {"not_systemic"}


@pytest.mark.parametrize(
    ("record", "status", "value"),
    [
        ("MedicationAdministration", "completed", "happened"),
        ("MedicationAdministration", "not-done", "not_given"),
        ("Observation", "cancelled", "not_given"),
        ("Observation", "final", "happened"),
        ("Procedure", "entered-in-error", "not_given"),
        ("DeviceUseStatement", "intended", "not_given"),
        ("eMAR", "administered", "happened"),
        ("eMAR", "started", "happened"),
        ("eMAR", "*", "not_given"),
    ],
)
def test_status(record: str, status: str, value: str) -> None:
    assert statuses()[record, status] == value
