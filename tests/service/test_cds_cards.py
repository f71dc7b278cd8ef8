"""patient-view: the card of the state, what it suggests, what it says of what was not sent, and that it is stable."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.service.cds_calls import (
    FEVER,
    PATIENT,
    bundle,
    chart,
    given,
    ill,
    observation,
    order,
    order_request,
    person,
    request,
    severe,
    with_value,
    without,
)
from tests.support.service import Served, error_of
from tocsin.guidance.advice import NOTE
from tocsin.knowledge.rules import rules
from tocsin.service.cds.markdown import plain, short

VIEW = "/cds-services/tocsin-patient-view"
Json = dict[str, Any]
_MARKS = re.compile(r"(?<!\\)(https?:|[\[<])")


def cards(service: Served, prefetch: Json) -> list[Json]:
    answer = service.http.post(VIEW, json=request(prefetch=prefetch))
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def amounts(card: Json) -> list[float]:
    """The doses of the orders that a card suggests to create."""
    dosages = [
        action["resource"]["dosageInstruction"][0]
        for one in card.get("suggestions", ())
        for action in one["actions"]
    ]
    return [
        dosage["doseAndRate"][0]["doseQuantity"]["value"] for dosage in dosages if "doseAndRate" in dosage
    ]


# --- what is said ------------------------------------------------------------------------------------------------------------


def test_grade_3_is_critical_and_suggests_the_dose_with_its_arithmetic(service: Served) -> None:
    first, steroid = cards(service, severe())
    assert first["indicator"] == "critical"
    assert first["summary"] == "CRS grade 3 (ASTCT). Now: Tocilizumab 560 mg IV, with a glucocorticoid."
    assert "8 mg/kg x 70 kg = 560 mg" in first["detail"]
    assert plain(NOTE) in first["detail"]
    assert amounts(first) == [560]
    resource = first["suggestions"][0]["actions"][0]["resource"]
    assert resource["status"] == "draft"
    assert resource["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert "8 mg/kg x 70 kg = 560 mg" in resource["note"][0]["text"]
    assert amounts(steroid) == [100, 10]  # the third is told by the day: no source says how it is split
    assert [one["label"] for one in steroid["suggestions"]] == [
        "Hydrocortisone 100 mg every 8 h",
        "Dexamethasone 10 mg every 6 h",
        "Methylprednisolone 70 mg a day",
    ]
    assert steroid["selectionBehavior"] == "at-most-one"


@pytest.mark.parametrize(
    ("weight", "dose", "arithmetic"),
    [
        (29.9, 358.8, "12 mg/kg x 29.9 kg = 358.8 mg"),
        (30.0, 240, "8 mg/kg x 30 kg = 240 mg"),
        (100.0, 800, "8 mg/kg x 100 kg = 800 mg"),
        (100.1, 800, "capped at 800 mg"),
    ],
)
def test_the_dose_goes_by_weight_and_cap(
    service: Served, weight: float, dose: float, arithmetic: str
) -> None:
    sent = severe(weight=weight)
    sent["patient"]["birthDate"] = "2016-03-01" if weight < 40 else "1960-03-01"
    first = cards(service, sent)[0]
    assert dose in amounts(first)
    assert arithmetic in first["detail"]


def test_without_a_weight_no_dose_is_suggested(service: Served) -> None:
    first = cards(service, severe(weight=None))[0]
    assert "suggestions" not in first
    assert "weight" in first["detail"]


def test_what_is_spoken_against_is_not_suggested(service: Served) -> None:
    given_now = severe(medications=[given("tocilizumab", 2, dose=(560, "mg"))])
    first = cards(service, given_now)[0]
    assert "No further tocilizumab yet" in first["detail"]
    assert not any(dose == 560 for card in cards(service, given_now) for dose in amounts(card))


def test_a_fever_alone_is_a_quiet_card(service: Served) -> None:
    first = cards(service, chart(vitals=FEVER))[0]
    assert first["summary"].startswith("CRS grade 1 (ASTCT).")
    assert "Tocilizumab 560" not in json.dumps(first)


def test_a_wait_is_no_alarm_and_says_until_when(service: Served) -> None:
    (first,) = cards(service, chart(vitals=ill(), medications=[given("tocilizumab", 2, dose=(560, "mg"))]))
    assert first["indicator"] == "warning", "grade 2"
    said = r"CRS grade 2 \(ASTCT\)\. No further tocilizumab yet: at least 8 h between doses\. Not before .* UTC\."
    assert re.fullmatch(said, first["summary"])


def test_what_is_to_be_given_comes_before_what_must_wait(service: Served) -> None:
    first = cards(service, severe(medications=[given("tocilizumab", 2, dose=(560, "mg"))]))[0]
    said = (
        r"CRS grade 3 \(ASTCT\)\. Now: a glucocorticoid\. No further tocilizumab yet: .* Not before .* UTC\."
    )
    assert re.fullmatch(said, first["summary"])


def test_every_order_that_is_suggested_has_its_advice_on_the_card(service: Served) -> None:
    over = [observation("8310-5", 39.0, "Cel", hours) for hours in (58, 55)]
    sent = chart(vitals=over, medications=[given("norepinephrine", 57, rate=(8.0, "ug/min"), until=50)])
    sent["medications"]["entry"][0]["resource"] = given("blinatumomab", 60, rate=(9.0, "ug/d"), until=50.0)
    (only,) = cards(service, sent)
    assert only["indicator"] == "info"
    assert [one["label"] for one in only["suggestions"]] == [
        "Blinatumomab 9 micrograms a day IV, continuous"
    ], "never an abbreviation that was read as milligrams"
    assert "**Open to you**" in only["detail"]
    assert "BLN-008" in only["detail"]


def test_one_glucocorticoid_is_no_choice(service: Served) -> None:
    child = {**severe(weight=20.0), "patient": person("2019-01-01")}
    assert cards(service, child)[1]["summary"] == "Glucocorticoid: methylprednisolone 20 mg a day."
    assert cards(service, severe())[1]["summary"] == (
        "Choose one glucocorticoid: hydrocortisone 100 mg every 8 h, dexamethasone 10 mg every 6 h"
        " or methylprednisolone 70 mg a day."
    )


def test_acts_come_before_the_work_up_and_no_option_is_cut_off(service: Served) -> None:
    detail = cards(service, chart(vitals=ill()))[0]["detail"]
    options = [detail.index(id) for id in ("STE-001", "STE-002", "STE-003", "TOC-002", "WUP-021")]
    assert options == sorted(options)
    assert "WUP-006" not in detail


def test_an_undecided_grade_is_a_set_and_says_what_settles_it(service: Served) -> None:
    flow_unknown = {
        **observation("8310-5", 39.0, "Cel", 1.0),
        "code": {"coding": [{"system": "urn:tocsin:signal", "code": "oxygen_device"}]},
        "valueString": "nasal cannula",
    }
    del flow_unknown["valueQuantity"]
    first = cards(service, chart(vitals=[*FEVER, flow_unknown]))[0]
    assert "grade 2 or 3 (ASTCT), undecided" in first["summary"]
    assert "What would settle it" in first["detail"]
    assert "flow" in first["summary"].partition("undecided. ")[2]
    assert first["indicator"] == "warning"


def test_no_crs_in_the_window_is_information(service: Served) -> None:
    (only,) = cards(service, chart())
    assert only["summary"] == "No CRS on record after axicabtagene ciloleucel."
    assert only["indicator"] == "info"


def test_without_a_therapy_nothing_is_said(service: Served) -> None:
    sent = chart(vitals=FEVER)
    sent["medications"] = bundle([])
    assert cards(service, sent) == []


def test_after_a_death_nothing_is_said(service: Served) -> None:
    sent = severe()
    sent["patient"]["deceasedDateTime"] = observation("8310-5", 1, "Cel", 0.5)["effectiveDateTime"]
    assert cards(service, sent) == []


def test_every_link_leads_to_the_page_of_its_rule(service: Served) -> None:
    links = [link for card in cards(service, severe()) for link in card["links"]]
    assert links
    for link in links:
        id = link["url"].rpartition("/")[2]
        assert link["label"].startswith(id)
        page = service.http.get(f"/rules/{id}")
        assert page.status_code == 200
        assert rules()[id].strength in page.text
    assert service.http.get("/rules").status_code == 200
    assert error_of(service.http.get("/rules/NO-SUCH"))["code"] == "unknown_rule"


# --- one state, one uuid -----------------------------------------------------------------------------------------------------


def test_the_same_state_has_the_same_uuid_and_another_has_another(service: Served) -> None:
    once, again = cards(service, severe()), cards(service, severe())
    assert [one["uuid"] for one in once] == [one["uuid"] for one in again]
    assert [one["suggestions"][0]["uuid"] for one in once] == [one["suggestions"][0]["uuid"] for one in again]
    assert not {one["uuid"] for one in once} & {one["uuid"] for one in cards(service, severe(weight=71.0))}


def test_another_patient_has_other_uuids(service: Served) -> None:
    text = json.dumps(request(prefetch=severe())).replace(PATIENT, "made-up-2")
    other = service.http.post(VIEW, content=text, headers={"Content-Type": "application/json"}).json()[
        "cards"
    ]
    assert not {one["uuid"] for one in other} & {one["uuid"] for one in cards(service, severe())}


def test_what_a_clinician_said_here_counts_and_is_audited(service: Served) -> None:
    patient = "made-up-3"
    text = json.dumps(request(prefetch=severe())).replace(PATIENT, patient)
    service.http.post(f"/api/patients/{patient}/bundle", json={"resourceType": "Patient", "id": patient})

    def call() -> list[Json]:
        found = service.http.post(VIEW, content=text, headers={"Content-Type": "application/json"})
        return found.json()["cards"]

    before = call()
    said = {"word": "fever:other", "time": severe()["vitals"]["entry"][2]["resource"]["effectiveDateTime"]}
    assert service.http.post(f"/api/patients/{patient}/annotations", json=said).status_code == 200
    after = call()
    assert [one["uuid"] for one in after] != [one["uuid"] for one in before]
    assert any(
        line.act.startswith("POST /cds-services") for line in service.context.store.audit.lines(patient)
    )


# --- requests ----------------------------------------------------------------------------------------------------------------

_AUTHORIZATION = {
    "access_token": "secret-one",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/*.read",
    "subject": "x",
}
Change = Callable[[Json], Json]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda one: without(one, "hook"), "hook"),
        (lambda one: with_value(one, "hook", "order-sign"), "hook"),
        (lambda one: without(one, "hookInstance"), "hookInstance"),
        (lambda one: with_value(one, "hookInstance", "123"), "hookInstance"),
        (lambda one: without(one, "context"), "context"),
        (lambda one: with_value(one, "context.patientId", "Patient/made-up-1"), "context.patientId"),
        (lambda one: with_value(one, "context.patientId", "../etc"), "context.patientId"),
        (lambda one: with_value(one, "context.userId", "nobody"), "context.userId"),
        (lambda one: with_value(one, "context.userId", "Device/1"), "context.userId"),
        (lambda one: with_value(one, "context.encounterId", ""), "context.encounterId"),
        (lambda one: with_value(one, "prefetch", []), "prefetch"),
        (lambda one: with_value(one, "prefetch.vitals", {"a": 1}), "prefetch.vitals"),
        (lambda one: with_value(one, "prefetch.patient.id", "somebody-else"), "prefetch.patient"),
        (lambda one: with_value(one, "fhirServer", "not a url"), "fhirServer"),
        (lambda one: with_value(one, "fhirAuthorization", _AUTHORIZATION), "fhirServer"),
        (lambda one: {**one, "fhirServer": "https://ehr.example", "fhirAuthorization": {}}, "fhirAuthorization"),
        (lambda one: with_value(one, "extension", []), "extension"),
    ],
)  # fmt: skip
def test_what_is_no_hook_request_is_refused_by_its_place(service: Served, change: Change, where: str) -> None:
    answer = service.http.post(VIEW, json=change(request(prefetch=chart())))
    assert answer.status_code == 422
    assert where in [one["where"] for one in error_of(answer)["detail"]]


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b"null", 422), (b"1", 422), (b"", 400), (b"\xff", 400)]
)
def test_what_is_no_json_object_is_refused(service: Served, body: bytes, status: int) -> None:
    answer = service.http.post(VIEW, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    error_of(answer)


def test_access_to_a_fhir_server_is_taken_and_never_used(service: Served) -> None:
    sent = {
        **request(prefetch=severe()),
        "fhirServer": "http://127.0.0.1:9/fhir",
        "fhirAuthorization": _AUTHORIZATION,
    }
    answer = service.http.post(VIEW, json=sent)
    assert answer.status_code == 200
    assert "secret-one" not in answer.text


def test_an_unknown_service_is_told(service: Served) -> None:
    answer = service.http.post("/cds-services/nothing", json=request())
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "unknown_service"


def test_another_content_type_is_refused(service: Served) -> None:
    answer = service.http.post(VIEW, content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    error_of(answer)


# --- Markdown ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["[x](javascript:alert(1))", "<script>alert(1)</script>", "![p](http://evil.example/x.png)", "https://evil.example",
     "www.evil.example", "someone@evil.example", "a\n# head\n- list", "`code` *bold* ~~gone~~", "a | b"],
)  # fmt: skip
def test_nothing_of_a_text_becomes_markup(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert _MARKS.search(shown) is None
    assert not re.search(r"(?<!\\)[`*~|#@]", shown)
    assert "www." not in shown


def test_script_in_a_name_does_not_reach_the_card_as_markup(service: Served) -> None:
    evil = order("tocilizumab", 900, "<b>mg</b>[x](javascript:1)")
    answer = service.http.post(
        "/cds-services/tocsin-order-sign", json=order_request("order-sign", severe(), evil)
    )
    assert answer.status_code == 200
    for card in answer.json()["cards"]:
        assert not re.search(r"(?<!\\)<b>", card["detail"])
        assert "](javascript" not in card["detail"].replace("\\]", "")


@pytest.mark.parametrize(
    "sign", ["\u202e", "\u2066", "\u2069", "\u200b\u202a", "\x00", "\x1b", "\x7f", "\x9b"]
)
def test_signs_that_show_nothing_do_not_reach_a_card(sign: str) -> None:
    for shown in (plain(f"8{sign} mg"), short(f"8{sign} mg", 20)):
        assert shown.replace("\u200b", "") == "8 mg"


def test_lines_become_one_and_their_words_stay_apart() -> None:
    assert plain("a\u2028b\u2029c\nd\x85e") == "a b c d e"


@pytest.mark.parametrize(("text", "most"), [("a" * 200, 139), ("word " * 60, 139), ("short", 139)])
def test_a_summary_is_cut_at_a_word(text: str, most: int) -> None:
    assert len(short(text, most)) <= most
    assert short("short", most) == "short"
