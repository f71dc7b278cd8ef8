"""What was sent along and what was not: what is not there, or not what was asked for, is never taken for normal."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.service.cds_calls import (
    FEVER,
    KEYS,
    LOINC,
    PATIENT,
    ago,
    bundle,
    chart,
    ill,
    observation,
    person,
    request,
    severe,
    without,
)
from tests.service.test_cds_cards import VIEW, cards
from tests.support.service import Served, error_of
from tocsin.knowledge.cds import prefetch
from tocsin.knowledge.codes import codes
from tocsin.knowledge.signals import signal

MEASURED = ("measurement", "score", "device")
NEEDED = ("patient", "vitals", "medications", "procedures")
Json = dict[str, Any]


@pytest.mark.parametrize("key", NEEDED)
def test_what_every_grade_rests_on_must_be_sent(service: Served, key: str) -> None:
    answer = service.http.post(VIEW, json=request(prefetch=without(severe(), key)))
    assert answer.status_code == 412
    error = error_of(answer)
    assert error["code"] == "prefetch_missing"
    assert [one["where"] for one in error["detail"]] == [f"prefetch.{key}"]
    assert error["detail"][0]["template"] == prefetch()[key].template


def test_without_any_prefetch_all_that_is_needed_is_named(service: Served) -> None:
    answer = service.http.post(VIEW, json=request())
    assert answer.status_code == 412
    assert [one["where"] for one in error_of(answer)["detail"]] == [f"prefetch.{key}" for key in NEEDED]


def finds(template: str, resource: Json) -> bool:
    """Whether a search finds an Observation: by the code of the whole, as FHIR servers do, not by that of a part."""
    codes = parse_qs(urlsplit(template).query)["code"][0].split(",")
    return any(f"{one['system']}|{one['code']}" in codes for one in resource["code"]["coding"])


def test_the_queries_find_what_the_timeline_needs(service: Served) -> None:
    """A blood pressure as US Core charts it: a panel, whose parts no search by code finds."""
    high, low = (observation(code, value, "mm[Hg]", 1.0) for code, value in (("8480-6", 82), ("8462-4", 40)))
    panel = {
        **{name: value for name, value in high.items() if name != "valueQuantity"},
        "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
        "component": [{"code": one["code"], "valueQuantity": one["valueQuantity"]} for one in (high, low)],
    }
    offered = service.http.get("/cds-services").json()["services"]
    for one in offered:
        template = one["prefetch"]["vitals"].replace("{{context.patientId}}", PATIENT)
        assert finds(template, panel)
        assert finds(template, high)
    sent = chart(vitals=[*FEVER, panel])
    assert cards(service, sent)[0]["summary"].startswith("CRS grade 2 (ASTCT)")


def test_every_code_of_what_is_measured_is_asked_for() -> None:
    """Signals that a laboratory or a nurse charts, and that no query asks for, would never be seen."""
    asked = " ".join(one.template for one in prefetch().values())
    charted = {
        (one.signal, one.code)
        for one in codes()
        if one.system == "LOINC" and one.role in ("value", "part") and signal(one.signal).kind in MEASURED
    }
    assert charted
    assert {one for one in charted if f"|{one[1]}" not in asked} == set()


@pytest.mark.parametrize("key", sorted(set(KEYS) - set(NEEDED)))
def test_what_else_was_not_sent_is_told_on_the_card(service: Served, key: str) -> None:
    whole, lacking = cards(service, severe())[0], cards(service, without(severe(), key))[0]
    assert f"Not sent: {key}" in lacking["detail"]
    assert "Not sent" not in whole["detail"]
    assert whole["uuid"] != lacking["uuid"]


ODD: dict[str, Json] = {
    "another type": person(),
    "parameters": {"resourceType": "Parameters"},
    "entries that are none": {"resourceType": "Bundle", "entry": "x"},
    "an entry that is none": {"resourceType": "Bundle", "entry": [None]},
    "an entry without a resource": {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1"}]},
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_answer_to_the_query_is_never_taken_for_an_empty_one(service: Served, name: str) -> None:
    answer = service.http.post(VIEW, json=request(prefetch={**severe(), "vitals": ODD[name]}))
    assert answer.status_code == 422
    assert error_of(answer)["detail"][0]["where"] == "prefetch.vitals"


def test_a_patient_may_come_in_a_bundle_but_not_as_something_else(service: Served) -> None:
    sent = severe()
    assert len(cards(service, {**sent, "patient": bundle([sent["patient"]])})) == 2
    device = {"resourceType": "Device", "id": "d"}
    answer = service.http.post(VIEW, json=request(prefetch={**sent, "patient": device}))
    assert error_of(answer)["detail"][0]["where"] == "prefetch.patient"


def in_r5(resource: Json) -> Json:
    """A MedicationAdministration as FHIR R5 writes it."""
    moved = {
        "medicationCodeableConcept": "medication",
        "effectiveDateTime": "occurenceDateTime",
        "effectivePeriod": "occurencePeriod",
    }
    return {moved.get(name, name): value for name, value in resource.items()}


def test_the_shapes_of_r5_are_refused_not_passed_over(service: Served) -> None:
    sent = severe()
    given = [one["resource"] for one in sent["medications"]["entry"]]
    sent["medications"] = bundle([*given[:-1], in_r5(given[-1])])
    answer = service.http.post(VIEW, json=request(prefetch=sent))
    assert answer.status_code == 422
    (told,) = error_of(answer)["detail"]
    assert told["where"] == "prefetch.medications"
    assert "FHIR R4" in told["message"]


@pytest.mark.parametrize("subject", [{"reference": "Patient/somebody-else"}, None])
def test_what_is_not_of_the_patient_is_not_read_and_that_is_told(
    service: Served, subject: Json | None
) -> None:
    sent = chart()
    others = ill()
    for one in others:
        del one["subject"]
        one |= {"subject": subject} if subject else {}
    sent["vitals"]["entry"] += [{"resource": one} for one in others]
    (only,) = cards(service, sent)
    assert only["summary"].startswith("No CRS on record")
    assert "4 resources are of another patient or of none: not read" in only["detail"]
    assert "another patient" not in cards(service, chart())[0]["detail"]


@pytest.mark.parametrize("key", ["vitals", "medications", "body"])
@pytest.mark.parametrize("subject", [{"reference": "Patient/somebody-else"}, None])
def test_a_key_of_which_nothing_is_of_the_patient_is_refused(
    service: Served, key: str, subject: Json | None
) -> None:
    """An EHR that merged two patients, or asked for the wrong one: what is left would pass for an empty record."""
    sent = severe()
    for entry in sent[key]["entry"]:
        del entry["resource"]["subject"]
        entry["resource"] |= {"subject": subject} if subject else {}
    answer = service.http.post(VIEW, json=request(prefetch=sent))
    assert answer.status_code == 422
    assert [one["where"] for one in error_of(answer)["detail"]] == [f"prefetch.{key}"]


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_patient_of_another_id_is_refused(service: Served, wrapped: bool) -> None:
    somebody = {**person(), "id": "somebody-else"}
    sent = {**severe(), "patient": bundle([somebody]) if wrapped else somebody}
    answer = service.http.post(VIEW, json=request(prefetch=sent))
    assert error_of(answer)["detail"] == [
        {"where": "prefetch.patient", "message": "is another patient than context.patientId"}
    ]


def test_a_card_says_as_of_when_and_in_which_zone(service: Served) -> None:
    first = cards(service, severe())[0]
    said = re.search(
        r"As of \d\d \w{3} \d\d:\d\d UTC\. Grade since (\d\d \w{3} \d\d:\d\d)\.", first["detail"]
    )
    assert said is not None
    since = datetime.fromisoformat(ago(5.0))
    assert said[1] in {f"{since + timedelta(minutes=m):%d %b %H:%M}" for m in (-1, 0)}
    assert "Grade since" not in cards(service, chart())[0]["detail"]


def test_a_card_says_since_when_its_reason_holds_where_that_is_later(service: Served) -> None:
    cannula = {
        **observation("8310-5", 39.0, "Cel", 2.0),
        "code": {"coding": [{"system": "urn:tocsin:signal", "code": "oxygen_device"}]},
        "valueString": "high_flow_nasal_cannula",
    }
    del cannula["valueQuantity"]
    sent = severe()
    sent["vitals"]["entry"].append({"resource": cannula})
    detail = cards(service, sent)[0]["detail"]
    said = re.search(r"Grade since (.*), for this reason since (.*)\.", detail)
    assert said is not None
    grade, reason = (datetime.strptime(f"2026 {one}", "%Y %d %b %H:%M") for one in said.groups())
    assert reason - grade == timedelta(hours=3)


@pytest.mark.parametrize("key", ["devices", "laboratory", "conditions", "procedures"])
def test_null_is_looked_for_and_empty(service: Served, key: str) -> None:
    assert severe()[key] is None
    assert "Not sent" not in cards(service, severe())[0]["detail"]


def test_a_failed_prefetch_is_as_if_not_sent(service: Served) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    assert "Not sent: devices" in cards(service, {**severe(), "devices": outcome})[0]["detail"]
    answer = service.http.post(VIEW, json=request(prefetch={**severe(), "vitals": outcome}))
    assert answer.status_code == 412


def test_a_first_page_is_told(service: Served) -> None:
    sent = severe()
    sent["vitals"]["link"] = [{"relation": "next", "url": "https://ehr.example/2"}]
    assert "Only the first page of vitals" in cards(service, sent)[0]["detail"]
