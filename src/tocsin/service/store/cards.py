"""The cards that were sent to EHRs: of whom each was, so that what is answered to it can be shown with the patient."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.service.store import schema
from tocsin.service.store.database import Database, now
from tocsin.service.store.feedback import Feedback, read_feedback

_REMEMBERED: Final = 10_000


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

    def overridden(self, patient: str) -> set[str]:
        """Return the cards of a patient that were overridden, with their own service and after they were sent."""
        sent, said = schema.cards.c, schema.feedback.c
        asked = (
            select(said.card)
            .join_from(schema.cards, schema.feedback, sent.card == said.card)
            .where(sent.patient == patient, said.outcome == "overridden")
            .where(said.service == sent.service, said.received >= sent.sent)
            .distinct()
        )
        with self._database.reading() as con:
            return {row.card for row in con.execute(asked)}

    def feedback_of(self, patient: str) -> list[tuple[SentCard, Feedback]]:
        """Return what was answered to the cards of a patient, in the order it came."""
        sent, said = schema.cards.c, schema.feedback
        asked = (
            select(said, sent.patient, sent.summary)
            .join_from(schema.cards, said, sent.card == said.c.card)
            .where(sent.patient == patient)
            .order_by(said.c.seq)
        )
        with self._database.reading() as con:
            rows = con.execute(asked).all()
        return [
            (SentCard(row.card, row.service, row.patient, row.summary), read_feedback(row)) for row in rows
        ]
