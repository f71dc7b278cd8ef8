"""The cards that were sent to EHRs: of whom each was, which are those of now, and what was answered to them."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.service.store import schema
from tocsin.service.store.database import Database, now
from tocsin.service.store.feedback import Feedback, read_feedback

_REMEMBERED: Final = 10_000
# What was answered, with the card that it was answered to.
_ANSWERED: Final = select(schema.feedback, schema.cards.c.patient, schema.cards.c.summary).join_from(
    schema.cards, schema.feedback, schema.cards.c.card == schema.feedback.c.card
)


@dataclass(frozen=True, slots=True)
class SentCard:
    """One card that was sent: its uuid, the service, the patient, and what its summary said."""

    card: str
    service: str
    patient: str
    summary: str


class CardLog:
    """Takes note of cards, each once, before their answer leaves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: OrderedDict[str, None] = OrderedDict()

    def note(self, cards: list[SentCard]) -> None:
        """Take note of cards; those that were sent before are there already."""
        with self._lock:
            new = [one for one in cards if one.card not in self._known]
        if not new:
            return
        table, sent = schema.cards, now()
        on = sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)
        rows = [
            {
                "card": one.card,
                "service": one.service,
                "patient": one.patient,
                "summary": one.summary,
                "sent": sent,
            }
            for one in new
        ]
        with self._database.writing() as con:
            con.execute(on.values(rows).on_conflict_do_nothing())
        with self._lock:
            self._known.update((one.card, None) for one in new)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def state_since(self, service: str, patient: str, cards: Sequence[str]) -> int:
        """Return since when these are the cards of the state of a patient; from now on where others were before.

        A state that comes back is a new one: what was answered to it the first time was said of the first time.
        """
        table, now_are = schema.states, " ".join(cards)
        of = (table.c.service == service, table.c.patient == patient)
        with self._database.reading() as con:
            row = con.execute(select(table.c.cards, table.c.since).where(*of)).first()
        if row is not None and row.cards == now_are:
            return int(row.since)
        since = now()
        if row is None and not cards:  # most charts have nothing to do with us
            return since
        on = sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)
        put = on.values(service=service, patient=patient, cards=now_are, since=since)
        change = {"cards": now_are, "since": since}
        with self._database.writing() as con:
            con.execute(put.on_conflict_do_update(index_elements=["service", "patient"], set_=change))
        return since

    def overridden(self, patient: str, since: int = 0) -> set[str]:
        """Return the cards of a patient that were overridden since an instant, with their own service, after they were sent."""
        sent, said = schema.cards.c, schema.feedback.c
        asked = (
            select(said.card)
            .join_from(schema.cards, schema.feedback, sent.card == said.card)
            .where(sent.patient == patient, said.outcome == "overridden")
            .where(said.service == sent.service, said.received >= sent.sent, said.received >= since)
            .distinct()
        )
        with self._database.reading() as con:
            return {row.card for row in con.execute(asked)}

    def feedback_of(self, patient: str) -> list[tuple[SentCard, Feedback]]:
        """Return what was answered to the cards of a patient, in the order it came."""
        return self._answered(
            _ANSWERED.where(schema.cards.c.patient == patient).order_by(schema.feedback.c.seq)
        )

    def latest_feedback(self, most: int) -> list[tuple[SentCard, Feedback]]:
        """Return the latest answers to cards of any patient, newest first."""
        return self._answered(_ANSWERED.order_by(schema.feedback.c.seq.desc()).limit(most))

    def _answered(self, asked: Select[Any]) -> list[tuple[SentCard, Feedback]]:
        with self._database.reading() as con:
            rows = con.execute(asked).all()
        return [
            (SentCard(row.card, row.service, row.patient, row.summary), read_feedback(row)) for row in rows
        ]
