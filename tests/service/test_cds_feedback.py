"""Feedback: checked, kept, shown with the patient; a card that was overridden stays quiet until the state changes."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.service.cds_calls import PATIENT, order, order_request, request, severe
from tests.support.service import Served, error_of
from tocsin.service.answered import Answered
from tocsin.service.store.cards import SentCard
from tocsin.service.store.feedback import Feedback

VIEW = "/cds-services/tocsin-patient-view"
WHEN = "2026-02-12T19:00:00Z"
JSON = {"content-type": "application/json"}
Json = dict[str, Any]


def answered(card: str, outcome: str = "overridden", **more: Any) -> Json:
    return {"card": card, "outcome": outcome, "outcomeTimestamp": WHEN, **more}


def send(service: Served, *entries: Json, url: str = VIEW) -> Any:
    return service.http.post(f"{url}/feedback", json={"feedback": list(entries)})


def cards(service: Served, sent: Json) -> list[Json]:
    return service.http.post(VIEW, json=request(prefetch=sent)).json()["cards"]


def test_an_overridden_card_is_quiet_until_the_state_changes(service: Served) -> None:
    first, second = cards(service, severe(weight=61.0))
    reason = {
        "reason": {"code": "already-done", "system": "urn:tocsin:override-reason"},
        "userComment": "by night",
    }
    assert send(service, answered(first["uuid"], overrideReason=reason)).json()["kept"] == 1
    assert [one["uuid"] for one in cards(service, severe(weight=61.0))] == [second["uuid"]]
    assert len(cards(service, severe(weight=62.0))) == 2


def test_a_state_that_comes_back_is_a_new_one(service: Served) -> None:
    """Overridden, then worse, then as before: what was said of the first time was not said of this one."""
    before, worse = severe(weight=67.0), severe(weight=68.0)
    first = cards(service, before)[0]
    send(service, answered(first["uuid"]))
    assert first["uuid"] not in [one["uuid"] for one in cards(service, before)]
    assert len(cards(service, worse)) == 2
    for _ in range(2):
        assert first["uuid"] in [one["uuid"] for one in cards(service, before)]
    send(service, answered(first["uuid"]))
    assert first["uuid"] not in [one["uuid"] for one in cards(service, before)]


def test_other_orders_in_between_do_not_wake_the_card_of_an_order(service: Served) -> None:
    url = "/cds-services/tocsin-order-select"
    drafts = order("tocilizumab", 903), order("dexamethasone", 99, id="draft-2")

    def select(id: str) -> list[Json]:
        sent = order_request("order-select", severe(weight=69.0), *drafts, selected=[id])
        return service.http.post(url, json=sent).json()["cards"]

    (card,) = select("draft-1")
    send(service, answered(card["uuid"]), url=url)
    assert len(select("draft-2")) == 1
    assert select("draft-1") == []


def test_an_accepted_card_is_shown_again(service: Served) -> None:
    (first, _) = cards(service, severe(weight=63.0))
    accepted = answered(
        first["uuid"], "accepted", acceptedSuggestions=[{"id": first["suggestions"][0]["uuid"]}]
    )
    assert send(service, accepted).status_code == 200
    assert len(cards(service, severe(weight=63.0))) == 2


def test_feedback_by_another_service_quiets_nothing(service: Served) -> None:
    first = cards(service, severe(weight=64.0))[0]
    assert send(service, answered(first["uuid"]), url="/cds-services/tocsin-order-sign").status_code == 200
    assert first["uuid"] in [one["uuid"] for one in cards(service, severe(weight=64.0))]


def test_a_card_cannot_be_quieted_before_it_was_sent(service: Served) -> None:
    """The uuid of a state follows from the state: who knows it must not silence what nobody has seen."""
    sent = severe(weight=65.0)
    uuid = service_uuid(service, sent)
    assert uuid in [one["uuid"] for one in cards(service, sent)]


def service_uuid(service: Served, sent: Json) -> str:
    """The uuid that a state will have, without sending its card; feedback to it is sent before."""
    from tocsin.knowledge.cds import services
    from tocsin.service.cds.cards import state_cards
    from tocsin.service.cds.request import read_call
    from tocsin.service.patients import state_of_resources

    call = read_call(json.dumps(request(prefetch=sent)).encode(), services()["tocsin-patient-view"])
    state = state_of_resources(call.patient, call.resources, (), datetime.now(UTC))
    uuid = state_cards(call, state, "http://127.0.0.1")[0].uuid
    assert send(service, answered(uuid)).status_code == 200
    return uuid


def test_an_overridden_order_card_is_quiet_for_that_order(service: Served) -> None:
    url, sent = (
        "/cds-services/tocsin-order-sign",
        order_request("order-sign", severe(), order("tocilizumab", 901)),
    )
    (card,) = service.http.post(url, json=sent).json()["cards"]
    assert send(service, answered(card["uuid"]), url=url).status_code == 200
    assert service.http.post(url, json=sent).json()["cards"] == []
    again = order_request("order-sign", severe(), order("tocilizumab", 902))
    assert len(service.http.post(url, json=again).json()["cards"]) == 1


def test_feedback_is_shown_with_the_patient(service: Served) -> None:
    service.http.post(f"/api/patients/{PATIENT}/bundle", json={"resourceType": "Patient", "id": PATIENT})
    first = cards(service, severe(weight=66.0))[0]
    send(service, answered(first["uuid"], overrideReason={"userComment": "seen"}))
    shown = service.http.get(f"/api/patients/{PATIENT}").json()["feedback"]
    mine = [one for one in shown if one["card"] == first["uuid"]]
    assert [(one["outcome"], one["reason"], one["summary"]) for one in mine] == [
        ("overridden", {"userComment": "seen"}, first["summary"])
    ]


@pytest.fixture
def told(service: Served) -> tuple[str, Json, Json]:
    """A patient of their own, whose first card was overridden and whose second was taken up."""
    id = f"made-up-{uuid4()}"
    asked = json.dumps(request(prefetch=severe())).replace(PATIENT, id)
    first, second = service.http.post(VIEW, content=asked, headers=JSON).json()["cards"]
    reason = {
        "reason": {"code": "already-done", "system": "urn:tocsin:override-reason"},
        "userComment": "by <b>night</b>",
    }
    taken = [{"id": second["suggestions"][0]["uuid"]}]
    entries = (
        answered(first["uuid"], overrideReason=reason),
        answered(second["uuid"], "accepted", acceptedSuggestions=taken),
    )
    assert send(service, *entries).json()["kept"] == 2
    return id, first, second


def test_feedback_is_on_the_page_of_the_patient(service: Served, told: tuple[str, Json, Json]) -> None:
    id, first, second = told
    service.http.post(f"/api/patients/{id}/bundle", json={"resourceType": "Patient", "id": id})
    shown = service.http.get(f"/patients/{id}").text.partition('id="answered"')[2].partition("</section>")[0]
    assert "Overridden: Already done, not yet on the record; by &lt;b&gt;night&lt;/b&gt;" in shown
    assert first["summary"] in shown
    assert shown.index("Accepted, 1 suggestion taken") < shown.index("Overridden"), "the latest first"
    assert second["summary"] in shown
    earlier = service.http.get(f"/patients/{id}", params={"at": "2026-01-01T00:00:00Z"}).text
    assert 'id="answered"' not in earlier, "nothing later than the instant asked for is shown"


def test_feedback_of_a_patient_whose_record_is_not_kept_is_shown_too(
    service: Served, told: tuple[str, Json, Json]
) -> None:
    id, first, second = told
    assert service.http.get(f"/api/patients/{id}").status_code == 404
    answer = service.http.get("/api/feedback")
    assert answer.status_code == 200
    mine = [one for one in answer.json()["feedback"] if one["patient"] == id]
    assert [(one["card"], one["outcome"]) for one in mine] == [
        (second["uuid"], "accepted"),
        (first["uuid"], "overridden"),
    ]
    page = service.http.get("/feedback").text
    assert f"<td>{id}</td>" in page
    assert "by &lt;b&gt;night&lt;/b&gt;" in page
    (line,) = service.context.store.audit.lines(id, 1)
    assert line.act == "GET /feedback"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"outcome": "overridden"}, "overridden"),
        ({"outcome": "overridden", "overrideReason": {"userComment": "seen"}}, "overridden: seen"),
        ({"outcome": "overridden", "overrideReason": {"reason": {"code": "x-1", "system": "y"}}}, "overridden: x-1"),
        ({"outcome": "overridden", "overrideReason": {"reason": {"code": "x", "system": "y", "display": "Own"}}},
         "overridden: Own"),
        ({"outcome": "accepted", "acceptedSuggestions": [{"id": "a"}, {"id": "b"}]}, "accepted, 2 suggestions taken"),
    ],
)  # fmt: skip
def test_an_answer_in_words(said: Json, words: str) -> None:
    card = SentCard("c", "tocsin-patient-view", "p", "A card")
    feedback = Feedback("c", "tocsin-patient-view", said["outcome"], said, "ehr", datetime.now(UTC))
    assert Answered(card, feedback).words == words


CARD = str(uuid4())


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({}, "card"),
        (answered("x"), "card"),
        (answered(CARD, "ignored"), "outcome"),
        ({"card": CARD, "outcome": "overridden"}, "outcomeTimestamp"),
        ({**answered(CARD), "outcomeTimestamp": "yesterday"}, "outcomeTimestamp"),
        ({**answered(CARD), "outcomeTimestamp": "2026-02-12"}, "outcomeTimestamp"),
        ({**answered(CARD), "outcomeTimestamp": "2026-02-30T00:00:00Z"}, "outcomeTimestamp"),
        ({**answered(CARD), "outcomeTimestamp": "2999-01-01T00:00:00Z"}, "outcomeTimestamp"),
        (answered(CARD, "accepted"), "acceptedSuggestions"),
        (answered(CARD, "accepted", acceptedSuggestions=[]), "acceptedSuggestions"),
        (answered(CARD, "accepted", acceptedSuggestions=[{}]), "acceptedSuggestions"),
        (answered(CARD, overrideReason={}), "overrideReason"),
        (answered(CARD, overrideReason="no"), "overrideReason"),
        (answered(CARD, overrideReason={"reason": {"code": "x"}}), "overrideReason.reason"),
        (answered(CARD, overrideReason={"userComment": "x" * 4001}), "overrideReason.userComment"),
        (answered(CARD, "accepted", acceptedSuggestions=[{"id": "a"}], overrideReason={"userComment": "x"}), "overrideReason"),
    ],
)  # fmt: skip
def test_feedback_that_says_nothing_is_refused_whole(service: Served, entry: Json, where: str) -> None:
    good = answered(str(uuid4()))
    answer = send(service, good, entry)
    assert answer.status_code == 422
    assert f"feedback[1].{where}" in [one["where"] for one in error_of(answer)["detail"]]
    assert service.context.store.feedback.of(good["card"]) == []


@pytest.mark.parametrize(
    "body", [{}, {"feedback": []}, {"feedback": {}}, {"feedback": [answered(CARD)] * 201}, []]
)
def test_feedback_is_a_list_that_is_not_endless(service: Served, body: Any) -> None:
    answer = service.http.post(f"{VIEW}/feedback", json=body)
    assert answer.status_code == 422
    error_of(answer)


def test_feedback_to_no_service_is_refused(service: Served) -> None:
    assert send(service, answered(CARD), url="/cds-services/none").status_code == 404
