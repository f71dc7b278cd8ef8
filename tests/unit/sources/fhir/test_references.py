"""Who a row is about, and which drug or device a reference leads to."""

from typing import Any

import orjson
import pytest

from tocsin.sources.fhir import read_bundle
from tocsin.sources.settings import Settings

UUID = "urn:uuid:f1f8064e-a37d-4c2b-8002-3efd94d43a26"
TIME = "2024-03-01T10:00:00"


def observation(**fields: Any) -> dict[str, Any]:
    """A made-up Observation."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "Temperature"},
        "effectiveDateTime": TIME,
        "valueInteger": 38,
        **fields,
    }


@pytest.mark.parametrize(
    ("reference", "subject"),
    [
        ("Patient/1", "1"),
        ("Patient/1/_history/2", "1"),
        ("http://host/fhir/Patient/a-1", "a-1"),
        ("https://host/fhir/Patient/a-1/_history/3", "a-1"),
        ("urn:uuid:f1f8", "f1f8"),
        ("urn:oid:1.2.3", "1.2.3"),
        ("Group/1", None),
        ("Practitioner/1", None),
        ("NotAPatient/1", None),
        ("#p", None),
        ("Patient/", None),
        ("", None),
    ],
)
def test_subject(read: Any, reference: str, subject: str | None) -> None:
    (row,) = read(observation(subject={"reference": reference}))
    assert row.get("subject") == subject
    if subject is None:
        trouble = {name: row[name] for name in row if name.startswith("trouble")}
        assert trouble == {"trouble": "no_subject", "trouble_column": "subject", "trouble_value": reference}


def test_no_reference_at_all(read: Any) -> None:
    (row,) = read(observation())
    assert (row["trouble"], row["trouble_column"]) == ("no_subject", "subject")


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"system": "urn:mrn", "value": " 4711 "}},
        {"reference": "Patient?identifier=urn:mrn|4711"},
        {"reference": "http://host/Patient?identifier=4711&active=true"},
    ],
)
def test_a_subject_known_only_by_identifier_is_marked(read: Any, con: Any, subject: dict[str, Any]) -> None:
    (row,) = read(observation(subject=subject))
    assert row["subject"] == "4711"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": observation(subject=subject)}]}
    (source,) = read_bundle(orjson.dumps(bundle), Settings()).rows["source"].to_pylist()
    assert source == "bundle:entry[0] Observation/None (subject by identifier)"


@pytest.mark.parametrize(
    ("patient", "full_url", "reference", "subject"),
    [
        ({"id": "p1"}, UUID, UUID, "p1"),
        ({"id": "p1"}, "http://host/fhir/Patient/other", "http://host/fhir/Patient/other", "p1"),
        ({}, UUID, UUID, UUID.removeprefix("urn:uuid:")),
        ({"id": "p1"}, UUID, "urn:uuid:of-nobody-here", "of-nobody-here"),
        ({"id": "p1"}, None, "Patient/p2", "p2"),
    ],
)
def test_full_urls_lead_to_the_patients_own_id(
    patient: dict[str, Any], full_url: str | None, reference: str, subject: str
) -> None:
    person = {"fullUrl": full_url, "resource": {"resourceType": "Patient", **patient}}
    entries = [{"resource": observation(subject={"reference": reference})}, person]
    rows = read_bundle(orjson.dumps({"resourceType": "Bundle", "entry": entries}), Settings()).rows
    assert rows["subject"].to_pylist()[0] == subject
    assert rows["subject"].to_pylist()[1] == patient.get("id", UUID.removeprefix("urn:uuid:"))


def administration(reference: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A made-up administration that says elsewhere what was given."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": TIME,
        "medicationReference": reference,
        **fields,
    }


DRUG = {"resourceType": "Medication", "id": "m1", "code": {"text": "norepinephrine"}}


@pytest.mark.parametrize(
    "reference", ["Medication/m1", "Medication/m1/_history/1", "http://host/Medication/m1"]
)
def test_a_drug_in_a_resource_of_its_own(read: Any, reference: str) -> None:
    row, drug = read(administration({"reference": reference}), DRUG)
    assert (row["code"], drug["code"]) == ("text|norepinephrine", "resource|Medication")
    assert drug["fate"] == "no_clinical_content"


def test_a_contained_drug(read: Any) -> None:
    contained = [{"resourceType": "Patient", "id": "x"}, {**DRUG, "id": "in"}]
    (row,) = read(administration({"reference": "#in"}, contained=contained))
    assert row["code"] == "text|norepinephrine"


def test_a_drug_that_is_not_there_is_known_by_its_display(read: Any) -> None:
    (row,) = read(administration({"reference": "Medication/none", "display": "Levophed drip"}))
    assert (row["code"], row.get("trouble")) == ("text|Levophed drip", None)


def test_a_drug_that_cannot_be_known_is_refused(read: Any) -> None:
    (row,) = read(administration({"reference": "Medication/none"}))
    assert row == {
        "subject": "p1",
        "time": TIME,
        "trouble": "unresolved_reference",
        "trouble_column": "medicationReference",
        "trouble_value": "Medication/none",
    }


@pytest.mark.parametrize(
    ("device", "code"),
    [
        ({"type": {"coding": [{"system": "urn:d", "code": "vent"}]}}, "urn:d|vent"),
        ({"deviceName": [{"name": "Airvo 2", "type": "model-name"}]}, "text|Airvo 2"),
    ],
)
def test_a_device_in_a_resource_of_its_own(read: Any, device: dict[str, Any], code: str) -> None:
    used = {
        "resourceType": "DeviceUseStatement",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "timingDateTime": TIME,
        "device": {"reference": "Device/d1"},
    }
    row, _ = read(used, {"resourceType": "Device", "id": "d1", **device})
    assert row == {"subject": "p1", "time": TIME, "code": code}
