"""What comes in: FHIR of one patient, whole or not at all."""

import json
from typing import Any

import pytest

from tests.service.conftest import bundle, resource
from tocsin.service.errors import Problem
from tocsin.service.intake import checked_id, read_incoming


def refusal(data: bytes, patient: str = "p1") -> Problem:
    with pytest.raises(Problem) as raised:
        read_incoming(data, patient)
    return raised.value


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"\xff\xfe{\x00}\x00", 400, "not_json"),
        (b"null", 422, "not_fhir"),
        (b"[]", 422, "not_fhir"),
        (b"7", 422, "not_fhir"),
        (b'{"a": 1}', 422, "not_fhir"),
        (b'{"resourceType": "Bundle", "entry": [{"resource": {"id": "x"}}]}', 422, "not_fhir"),
        (b'[{"resourceType": "Patient", "id": "p1"}]', 422, "not_fhir"),
        (b"[{}]", 422, "not_fhir"),
        (b'{"resourceType": "../../etc"}', 422, "not_fhir"),
        (b'{"resourceType": 7, "id": "x"}', 422, "not_fhir"),
        (b'{"resourceType":"Bundle","entry":[{"fullUrl":"a\\u0000b","resource":{"resourceType":"Device"}}]}', 422, "not_fhir"),
        (b"[" * 2000, 400, "not_json"),
    ],
)  # fmt: skip
def test_what_is_no_fhir_is_refused(data: bytes, status: int, code: str) -> None:
    problem = refusal(data)
    assert (problem.status, problem.code) == (status, code)


@pytest.mark.parametrize(
    "other",
    [
        resource("Patient", "p2"),
        resource(patient="p2"),
        {"resourceType": "Procedure", "id": "x", "subject": {"reference": "https://ehr/fhir/Patient/p2"}},
        {"resourceType": "AllergyIntolerance", "id": "x", "patient": {"reference": "Patient/p2"}},
        {"resourceType": "Observation", "id": "x", "subject": {"identifier": {"value": "p2"}}},
        {"resourceType": "Observation", "id": "x", "subject": {"reference": "urn:uuid:p2"}},
    ],
)
def test_a_resource_of_somebody_else_refuses_the_whole_bundle(other: dict[str, Any]) -> None:
    problem = refusal(bundle(resource(), other))
    assert (problem.status, problem.code) == (422, "other_patient")
    assert "nothing was kept" in problem.message
    assert problem.detail[0]["where"].startswith("body:entry[1]")


def test_a_patient_by_the_address_of_the_bundle_is_known() -> None:
    found = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:77", "resource": resource("Patient", "p1")},
            {"resource": {"resourceType": "Observation", "id": "x", "subject": {"reference": "urn:uuid:77"}}},
        ],
    }
    assert [one.type for one in read_incoming(json.dumps(found).encode(), "p1")] == ["Patient", "Observation"]


def test_what_has_no_patient_is_kept_too() -> None:
    kinds = ["Medication", "Device", "Organization"]
    assert [
        one.type for one in read_incoming(bundle(*[{"resourceType": kind} for kind in kinds]), "p1")
    ] == kinds


def test_bundles_in_bundles_and_a_lone_resource_are_read() -> None:
    inner = json.loads(bundle(resource(id="a"), resource(id="b")))
    assert [one.id for one in read_incoming(bundle(inner, resource(id="c")), "p1")] == ["a", "b", "c"]
    assert [one.id for one in read_incoming(json.dumps(resource(id="a")).encode(), "p1")] == ["a"]


def test_entries_without_a_resource_are_passed_over() -> None:
    data = b'{"resourceType": "Bundle", "entry": [{"response": {"status": "200"}}, {}]}'
    assert read_incoming(data, "p1") == []


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (b'{"resource": {}}', "list of objects"),
        (b'"text"', "list of objects"),
        (b"[1]", "list of objects"),
        (b"[{}, null]", "list of objects"),
        (
            b'[{}, {"request": {"method": "DELETE", "url": "Observation/1"}}]',
            r"entry\[1\]: nothing is deleted here",
        ),
    ],
)
def test_what_would_be_passed_over_in_silence_is_refused(entry: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says) as raised:
        read_incoming(b'{"resourceType": "Bundle", "entry": ' + entry + b"}", "p1")
    assert raised.value.status == 422


def test_what_is_nested_deeper_than_can_be_written_is_refused() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = {"extension": deep}
    assert refusal(bundle(resource(extra=deep))).code == "too_deep"


@pytest.mark.parametrize("id", ["p1", "1-car-t", "a.b_c:d", "7", "x" * 128, "urn:uuid:12"])
def test_ids_that_are_taken(id: str) -> None:
    assert checked_id(id) == id


@pytest.mark.parametrize(
    "id", ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\n", "<b>", "a;b", "é", "\x00", "x" * 129, "-x"]
)
def test_ids_that_are_refused(id: str) -> None:
    with pytest.raises(Problem) as raised:
        checked_id(id)
    assert raised.value.status == 422
