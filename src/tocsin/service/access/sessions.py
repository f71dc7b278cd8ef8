"""Sessions: opened at sign-in under a new random secret, ended at sign-out, when idle, and after some hours in any case."""

from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from tocsin.service.access.people import User, Way
from tocsin.service.access.tokens import hashed, new_secret
from tocsin.service.config import Access
from tocsin.service.store import schema
from tocsin.service.store.database import Database, now

_MINUTE: Final = 60_000_000
_HOUR: Final = 60 * _MINUTE
_SKEW: Final = 5 * _MINUTE


class Sessions:
    """The sessions of a store."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database = database
        self._idle, self._longest = access.idle_minutes * _MINUTE, access.session_hours * _HOUR

    def open(self, user: User, before: str | None = None) -> str:
        """Open a session and return its secret; one that was there before ends: who planted it gains nothing."""
        secret, time, sessions = new_secret(), now(), schema.sessions
        with self._database.writing() as con:
            con.execute(delete(sessions).where(sessions.c.expires < time))
            if before is not None:
                con.execute(delete(sessions).where(sessions.c.token_hash == hashed(before)))
            con.execute(
                insert(sessions).values(
                    token_hash=hashed(secret),
                    name=user.name,
                    role=user.role,
                    way=user.way,
                    created=time,
                    seen=time,
                    expires=time + self._longest,
                )
            )
        return secret

    def find(self, secret: str, way: Way, touch: bool = True) -> User | None:
        """Return whose session it is, None where there is none any more; `touch` counts as a sign of life."""
        key, time, sessions = hashed(secret), now(), schema.sessions
        with self._database.reading() as con:
            row = con.execute(_asked().where(sessions.c.token_hash == key, sessions.c.way == way)).first()
        if row is None or row.expires <= time or row.seen + self._idle <= time:
            return None
        if (
            row.expires > time + self._longest + _SKEW
        ):  # the clock was set back: nothing lives the longer for it
            return None
        if way == "accounts" and (row.role_now is None or row.disabled):
            return None
        if touch and time - row.seen > _MINUTE:  # not a write for every read
            with self._database.writing() as con:
                con.execute(update(sessions).where(sessions.c.token_hash == key).values(seen=time))
        return User(row.name, row.role_now if way == "accounts" else row.role, way)

    def end(self, secret: str) -> None:
        """End a session."""
        with self._database.writing() as con:
            con.execute(delete(schema.sessions).where(schema.sessions.c.token_hash == hashed(secret)))


def _asked() -> Any:
    """Return the question for a session, with what its account may do now."""
    sessions, users = schema.sessions, schema.users
    joined = sessions.outerjoin(users, users.c.name == sessions.c.name)
    return select(sessions, users.c.role.label("role_now"), users.c.disabled).select_from(joined)
