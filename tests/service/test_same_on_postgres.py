"""One walk through the whole service, on SQLite and on a real PostgreSQL: every answer is the same but for times and ids."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.service.cds_calls import PATIENT, order, order_request, request, severe
from tests.service.conftest import CAR_T, bundle, new_database, resource
from tests.support.postgres import Server
from tests.support.service import Served, served
from tocsin.service.config import Config

EVENING = {"at": "2026-02-12T20:00:00Z"}
VIEW, SIGN = "/cds-services/tocsin-patient-view", "/cds-services/tocsin-order-sign"
OF_THE_MOMENT = {"at", "updated", "received", "entered_at", "id"}
JSON = {"content-type": "application/json"}
Json = dict[str, Any]


def lasting(value: Any) -> Any:
    """An answer without what is of the moment."""
    if isinstance(value, dict):
        return {name: lasting(one) for name, one in value.items() if name not in OF_THE_MOMENT}
    return [lasting(one) for one in value] if isinstance(value, list) else value


def cards_of(answer: Json) -> list[tuple[str, str, str]]:
    return [(card["uuid"], card["summary"], card["indicator"]) for card in answer["cards"]]


def override(card: str) -> Json:
    said = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-02-12T19:00:00Z"}
    return {"feedback": [{**said, "overrideReason": {"userComment": "nul \x00, é, 'quotes'"}}]}


def walk(service: Served, car_t: bytes) -> list[Any]:
    """What is answered, step by step."""
    seen: list[Any] = []

    def ask(method: str, path: str, **more: Any) -> Any:
        answer = service.http.request(method, path, **more)
        seen.append((method, path, answer.status_code, lasting(answer.json())))
        return answer.json()

    for _ in range(2):
        ask("POST", f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    ask("GET", f"/api/patients/{CAR_T}", params=EVENING)
    for said in ({"word": "hypotension:other", "time": "2026-02-12T18:30:00Z"}, {"word": "none"}):
        ask("POST", f"/api/patients/{CAR_T}/annotations", json=said)
    ask("GET", f"/api/patients/{CAR_T}", params=EVENING)
    ask("POST", f"/api/patients/{CAR_T}/bundle", content=bundle(resource()), headers=JSON)
    ask("GET", "/api/patients/nobody")
    ask("POST", f"/api/patients/{PATIENT}/bundle", json={"resourceType": "Patient", "id": PATIENT})
    for path, asked in (
        (VIEW, request(prefetch=severe())),
        (SIGN, order_request("order-sign", severe(), order("tocilizumab", 900))),
    ):
        cards = cards_of(service.http.post(path, json=asked).json())
        ask("POST", f"{path}/feedback", json=override(cards[0][0]))
        left = cards_of(service.http.post(path, json=asked).json())
        seen += [cards, left]
        assert left == cards[1:], "what was overridden is quiet"
    ask("POST", f"{VIEW}/feedback", json={"feedback": [{"card": str(uuid4())}]})
    shown = ask("GET", f"/api/patients/{PATIENT}")["feedback"]
    assert [one["outcome"] for one in shown] == ["overridden", "overridden"]
    assert lasting(ask("GET", "/api/feedback")["feedback"][::-1]) == lasting(shown)
    lines = service.context.store.audit.lines()
    assert service.context.store.audit.broken_at() is None
    return [*seen, [(line.seq, line.who, line.act, line.patient) for line in lines]]


def test_every_answer_is_the_same(postgres: Server, tmp_path: Path, car_t: bytes) -> None:
    found: dict[str, list[Any]] = {}
    for place in (str(tmp_path / "store.db"), new_database(postgres)):
        with served(Config(store=place)) as service:
            kind = service.http.get("/health").json()["store"]
            found[kind] = walk(service, car_t)
    assert set(found) == {"sqlite", "postgresql"}
    for here, there in zip(found["sqlite"], found["postgresql"], strict=True):
        assert here == there
