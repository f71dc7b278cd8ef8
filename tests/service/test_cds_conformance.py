"""The validator's own good and bad files, and the specification's examples, against what we take and what we answer."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.service.cds_calls import order, order_request, request, severe
from tests.service.cds_conformance import empties, faults_of_discovery, faults_of_response
from tests.support.service import Served, error_of

SUITE = Path("/work/shared/data/conformance-cds-hooks")
ZIP = SUITE / "cds-hooks-examples.zip"
needs_suite = pytest.mark.skipif(not ZIP.exists(), reason=f"no {ZIP}: the HL7 files are not on this machine")
SERVICES = {
    "patient-view": "tocsin-patient-view",
    "order-select": "tocsin-order-select",
    "order-sign": "tocsin-order-sign",
}
# What a good request of somebody else's service gets here: ours are other prefetch keys, and no draft is of a drug of ours.
GOOD = {
    "cdshooks-request-order-select-good": 200,
    "cdshooks-request-order-sign-good": 200,
    "cdshooks-request-patient-view-good": 412,
    "cdshooks-request-pv-good": 412,
}
# Where each bad request must be told to be wrong; the validator says the same and more (terminology, extensions).
BAD = {
    "cdshooks-request-order-select-bad": {"context.patientId", "context.encounterId", "context.selections"},
    "cdshooks-request-order-select-extensions": {"context.draftOrders"},
    "cdshooks-request-order-sign-bad-1": {"context.patientId"},
    "cdshooks-request-order-sign-bad-2": {"context.patientId"},
    "cdshooks-request-patient-view-bad": {"context.patientId", "context.encounterId"},
}
# Responses of the suite that the validator refuses; every other one is good.
BAD_RESPONSES = {
    "cdshooks-response-empty-source",
    "cdshooks-response-empty2",
    "cdshooks-response-empty-bad",
    "cdshooks-response-suggestion",
}
# Good by the validator, which lets a link stand without its type; the specification asks for one.
LAX = {"cdshooks-response-source-link"}


def read(name: str) -> Any:
    """A member of the suite."""
    with zipfile.ZipFile(ZIP) as archive:
        return json.loads(archive.read(name))


def members(start: str) -> list[str]:
    if not ZIP.exists():
        return []
    with zipfile.ZipFile(ZIP) as archive:
        return sorted(name for name in archive.namelist() if name.startswith(start))


@needs_suite
def test_every_request_of_the_suite_is_tried() -> None:
    found = {Path(name).stem for name in members("validator-suite/cdshooks-request-")}
    assert found == set(GOOD) | set(BAD)


@needs_suite
@pytest.mark.parametrize("name", GOOD)
def test_good_requests_are_taken(service: Served, name: str) -> None:
    sent = read(f"validator-suite/{name}.json")
    answer = service.http.post(f"/cds-services/{SERVICES[sent['hook']]}", json=sent)
    assert answer.status_code == GOOD[name], answer.text
    if answer.status_code == 200:
        assert answer.json() == {"cards": []}
    else:
        places = {one["where"] for one in error_of(answer)["detail"]}
        assert places == {f"prefetch.{key}" for key in ("patient", "vitals", "medications", "procedures")}


@needs_suite
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_by_their_place(service: Served, name: str) -> None:
    sent = read(f"validator-suite/{name}.json")
    answer = service.http.post(f"/cds-services/{SERVICES[sent['hook']]}", json=sent)
    assert answer.status_code == 422
    assert {one["where"] for one in error_of(answer)["detail"]} == BAD[name]


@needs_suite
def test_a_prefetch_that_is_no_resource_is_refused(service: Served) -> None:
    sent = read("validator-suite/cdshooks-request-patient-view-bad.json")
    sent["context"] = {"userId": "Practitioner/example", "patientId": "p1"}
    answer = service.http.post("/cds-services/tocsin-patient-view", json=sent)
    assert {one["where"] for one in error_of(answer)["detail"]} == {"prefetch.item1", "prefetch.item2"}


@needs_suite
@pytest.mark.parametrize("name", [Path(one).stem for one in members("validator-suite/cdshooks-response-")])
def test_our_checker_judges_responses_as_the_validator_does(name: str) -> None:
    # Some files have a summary of more than 140 signs, which the validator does not count.
    found = faults_of_response(read(f"validator-suite/{name}.json"))
    faults = [fault for fault in found if "140" not in fault]
    if name in LAX:
        assert faults
        assert all(fault.endswith(("needs type", ".type: unknown")) for fault in faults)
    else:
        assert bool(faults) == (name in BAD_RESPONSES), faults


@needs_suite
def test_our_checker_judges_services_as_the_validator_does() -> None:
    assert faults_of_discovery(read("validator-suite/cdshooks-services-good.json")) == []
    assert faults_of_discovery(read("validator-suite/cdshooks-services-order-select-extensions.json"))


@needs_suite
def test_examples_of_feedback_are_taken(service: Served) -> None:
    with (SUITE / "spec-examples-index.csv").open(newline="") as lines:
        names = [
            row["file"] for row in csv.DictReader(io.StringIO(lines.read())) if row["kind"] == "feedback"
        ]
    assert names
    for name in names:
        answer = service.http.post("/cds-services/tocsin-patient-view/feedback", json=read(name))
        assert answer.status_code == 200, (name, answer.text)


@needs_suite
def test_our_cards_hold_no_field_that_the_examples_do_not_know(service: Served) -> None:
    known: set[str] = set()
    for name in members("spec-examples/"):
        document = read(name)
        for card in document.get("cards", ()) if isinstance(document, dict) else ():
            known |= set(card)
    cards = service.http.post("/cds-services/tocsin-patient-view", json=request(prefetch=severe())).json()[
        "cards"
    ]
    # The examples show these two only in the text beside them.
    assert set().union(*cards) - known <= {"suggestions", "selectionBehavior"}


def test_discovery_holds(service: Served) -> None:
    found = service.http.get("/cds-services")
    assert found.status_code == 200
    assert faults_of_discovery(found.json()) == []
    assert {one["hook"]: one["id"] for one in found.json()["services"]} == SERVICES


def test_every_prefetch_template_is_of_the_restricted_kind(service: Served) -> None:
    for one in service.http.get("/cds-services").json()["services"]:
        for key, template in one["prefetch"].items():
            assert template.replace("{{context.patientId}}", "p1").count("{") == 0, key
            assert template.startswith("Patient/") or "?patient={{context.patientId}}" in template
            assert "today()" not in template
            assert len(template) < 4000


@pytest.mark.parametrize(
    ("hook", "sent"),
    [
        ("patient-view", request(prefetch=severe())),
        ("order-sign", order_request("order-sign", severe(), order("tocilizumab", 900))),
        ("order-select", order_request("order-select", severe(), order("tocilizumab", 400))),
    ],
)
def test_our_responses_hold(service: Served, hook: str, sent: dict[str, Any]) -> None:
    answer = service.http.post(f"/cds-services/{SERVICES[hook]}", json=sent)
    assert answer.status_code == 200, answer.text
    assert answer.json()["cards"]
    assert faults_of_response(answer.json()) == []


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"cards": [{}]}, "needs summary"),
        ({"cards": [{"summary": "a", "indicator": "loud", "source": {"label": "b"}}]}, "indicator"),
        ({"cards": [{"summary": "a" * 140, "indicator": "info", "source": {"label": "b"}}]}, "140"),
        ({}, "needs cards"),
    ],
)
def test_our_checker_finds_faults(broken: dict[str, Any], fault: str) -> None:
    assert any(fault in one for one in faults_of_response(broken))


def test_empty_is_told() -> None:
    assert empties({"a": [], "b": {"c": ""}}, "x") == ["x.a: empty", "x.b.c: empty"]
