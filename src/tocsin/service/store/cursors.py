"""How far a FHIR server was followed: a small document under a name, kept durably."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

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
        table, new = schema.cursors, {"body": json.dumps(body), "updated": now()}
        on = sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)
        # One statement: of two who write at once, the later one counts and neither fails.
        put = on.values(name=name, **new).on_conflict_do_update(index_elements=[table.c.name], set_=new)
        with self._database.writing() as con:
            con.execute(put)
