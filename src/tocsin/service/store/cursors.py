"""How far a FHIR server was followed: a small document under a name, kept durably."""

import json
from typing import Any

from sqlalchemy import delete, insert, select

from tocsin.service.store import schema
from tocsin.service.store.database import Database, now


class Cursors:
    """Documents by name; the last one written counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a document, None if there is none."""
        with self._database.reading() as con:
            found = con.execute(select(schema.cursors.c.body).where(schema.cursors.c.name == name)).scalar()
        return None if found is None else json.loads(found)

    def write(self, name: str, body: dict[str, Any]) -> None:
        """Keep a document in place of the one before."""
        with self._database.writing() as con:
            con.execute(delete(schema.cursors).where(schema.cursors.c.name == name))
            con.execute(insert(schema.cursors).values(name=name, body=json.dumps(body), updated=now()))
