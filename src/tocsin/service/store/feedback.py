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
        return self._read(
            select(schema.feedback).where(schema.feedback.c.card == card).order_by(schema.feedback.c.seq)
        )

    def latest(self, most: int = 100) -> list[Feedback]:
        """Return the latest answers, newest first."""
        return self._read(select(schema.feedback).order_by(schema.feedback.c.seq.desc()).limit(most))

    def _read(self, asked: Any) -> list[Feedback]:
        with self._database.reading() as con:
            return [read_feedback(row) for row in con.execute(asked)]


def read_feedback(row: Any) -> Feedback:
    """Return an answer as a row of the table holds it."""
    body = json.loads(row.body)
    return Feedback(row.card, row.service, row.outcome, body, row.client, instant(row.received))
