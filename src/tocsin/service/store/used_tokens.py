"""The tokens of CDS clients that were used: one that comes again is refused, after a restart too."""

import time
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.service.store import schema
from tocsin.service.store.database import Database, now

_CLEAN_S: Final = 600.0


class UsedTokens:
    """Takes note of tokens until they expire."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cleaned = 0.0

    def use(self, issuer: str, jti: str, expires: float) -> bool:
        """Take note of a token, durably; return whether it is the first time. `expires` is in seconds since 1970."""
        table = schema.used_tokens
        on = sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)
        row = {"issuer": issuer, "jti": jti, "expires": int(expires * 1_000_000)}
        with self._database.writing() as con:
            added = con.execute(on.values(row).on_conflict_do_nothing()).rowcount == 1
            if time.monotonic() - self._cleaned > _CLEAN_S or not self._cleaned:
                con.execute(delete(table).where(table.c.expires < now()))
                self._cleaned = time.monotonic()
        return added
