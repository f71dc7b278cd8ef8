"""What users of CDS Hooks answered to a card; append-only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from tocsin.service.store import schema
from tocsin.service.store.database import Database, instant, micros, now


@dataclass(frozen=True, slots=True)
class Feedback:
    """One answer to a card: `outcome` is accepted or overridden, `body` what the client sent."""

    card: str
    service: str
    outcome: str
    body: dict[str, Any]
    client: str
    received: datetime


class FeedbackLog:
    """Keeps what was answered to cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, card: str, service: str, outcome: str, body: dict[str, Any], client: str) -> None:
        """Keep an answer."""
        self.append_all([Feedback(card, service, outcome, body, client, instant(now()))])

    def append_all(self, answers: Sequence[Feedback]) -> None:
        """Keep several answers, all or none."""
        rows = [
            {
                "card": one.card,
                "service": one.service,
                "outcome": one.outcome,
                "body": json.dumps(one.body),
                "client": one.client,
                "received": micros(one.received),
            }
            for one in answers
        ]
        with self._database.writing() as con:
            con.execute(insert(schema.feedback), rows)

    def of(self, card: str) -> list[Feedback]:
        """Return the answers to one card, in the order they came."""
        said = schema.feedback
        with self._database.reading() as con:
            rows = con.execute(select(said).where(said.c.card == card).order_by(said.c.seq))
            return [read_feedback(row) for row in rows]


def read_feedback(row: Any) -> Feedback:
    """Return an answer as a row of the table holds it."""
    body = json.loads(row.body)
    return Feedback(row.card, row.service, row.outcome, body, row.client, instant(row.received))
