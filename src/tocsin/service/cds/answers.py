"""The answer to a call: the record that was sent is graded now, and what follows from it is put on cards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from tocsin.knowledge.cds import Prefetch, Service
from tocsin.service.cds.cards import Card, order_card, state_cards
from tocsin.service.cds.checks import check_order
from tocsin.service.cds.orders import Order, judged, read_orders
from tocsin.service.cds.request import Call, read_call
from tocsin.service.errors import Problem
from tocsin.service.patients import PatientState, state_of_resources
from tocsin.service.store import Annotation, Store
from tocsin.service.store.cards import SentCard

_AHEAD: Final = timedelta(minutes=5)  # how far the clock of the EHR may be ahead of ours

Note = Callable[[str], None]  # takes down that the record of a patient is read


@dataclass(frozen=True)
class Answers:
    """What answers calls: over a store, in the zone of the ward, with links to `base`."""

    store: Store
    zone: str
    base: str

    def of(self, body: bytes, service: Service, note: Note) -> bytes:
        """Return the answer to a call, its cards noted durably; `note` is told whose record it is before that is looked at.

        Raises Problem (400, 422) for what is no hook request, and (412) where what the answer rests on was not sent.
        """
        call = read_call(body, service)
        note(call.patient)
        annotations = self.store.annotations(call.patient)
        cards = self._sent(call, self._cards(call, annotations))
        return orjson.dumps({"cards": cards})

    def _cards(self, call: Call, annotations: list[Annotation]) -> list[Card]:
        if call.service.hook == "patient-view":
            _insist(call)
            return state_cards(call, self._state(call, annotations), self.base)
        orders = read_orders(call, self.zone)
        spoken = judged(call, orders)
        if not spoken:  # nothing of ours is ordered: nothing need be looked at
            return []
        cards = self._order_cards(call, orders, spoken, annotations)
        if not any(card.body["indicator"] == "critical" for card in cards):
            _insist(call)
        return cards

    def _order_cards(
        self, call: Call, orders: list[Order], spoken: list[Order], annotations: list[Annotation]
    ) -> list[Card]:
        """Return a card for each order that something is to be said about. What is never right is told without a record too."""
        state = self._state(call, annotations)
        found = [(order, check_order(order, orders[: orders.index(order)], state)) for order in spoken]
        return [order_card(call, order, findings, state, self.base) for order, findings in found if findings]

    def _state(self, call: Call, annotations: list[Annotation]) -> PatientState:
        """Return the state now; a record that is minutes ahead of our clock is not left out."""
        now = datetime.now(UTC)
        state = state_of_resources(call.patient, call.resources, annotations, now, zone=self.zone)
        ahead = (
            [one["time"] for one in state.records.events if now < one["time"] <= now + _AHEAD]
            if state.records
            else []
        )
        if not ahead:
            return state
        return state_of_resources(call.patient, call.resources, annotations, max(ahead), zone=self.zone)

    def _sent(self, call: Call, cards: list[Card]) -> list[dict[str, Any]]:
        """Return what is sent: a card that was overridden stays quiet until its state changes."""
        log, since = self.store.cards, 0
        if call.service.hook == "patient-view":
            since = log.state_since(call.service.id, call.patient, [card.uuid for card in cards])
        quiet: set[str] = log.overridden(call.patient, since) if cards else set()
        loud = [card for card in cards if card.uuid not in quiet]
        log.note([SentCard(card.uuid, call.service.id, call.patient, card.summary) for card in loud])
        return [card.body for card in loud]


def _insist(call: Call) -> None:
    """Refuse to answer without what every grade rests on; say exactly what was not sent."""
    lacking = [one for one in call.absent if one.needed]
    if lacking:
        detail = [_lacking(one) for one in lacking]
        names = ", ".join(one.key for one in lacking)
        message = f"not sent along: prefetch {names}; this service fetches nothing itself. Send null where there is nothing"
        raise Problem(412, "prefetch_missing", message, detail)


def _lacking(one: Prefetch) -> dict[str, str]:
    return {"where": f"prefetch.{one.key}", "message": f"needed for {one.why}", "template": one.template}
