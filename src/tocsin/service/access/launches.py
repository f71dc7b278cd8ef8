"""Sign-ins on their way to an OpenID provider and back: kept in the store, so that a restart breaks none of them off."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert

from tocsin.service.access.tokens import hashed, new_secret
from tocsin.service.store import schema
from tocsin.service.store.database import Database, now

LAUNCH_S: Final = 600  # how long somebody may take at the provider


@dataclass(frozen=True, slots=True)
class Launch:
    """One way to the provider and back: what only this browser and this service know."""

    state: str
    nonce: str
    verifier: str
    back: str


class Launches:
    """The launches of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, back: str) -> tuple[str, Launch]:
        """Return the secret for the cookie of a browser, and the launch that is known by it."""
        secret, time, launches = new_secret(), now(), schema.launches
        launch = Launch(new_secret(), new_secret(), new_secret(), back)
        with self._database.writing() as con:
            con.execute(delete(launches).where(launches.c.expires < time))
            con.execute(
                insert(launches).values(
                    secret_hash=hashed(secret),
                    state=launch.state,
                    nonce=launch.nonce,
                    verifier=launch.verifier,
                    back=back,
                    expires=time + LAUNCH_S * 1_000_000,
                )
            )
        return secret, launch

    def end(self, secret: str) -> Launch | None:
        """Return the launch of a browser, once: None where there is none, or not any more."""
        launches, time = schema.launches, now()
        taken = delete(launches).where(launches.c.secret_hash == hashed(secret)).returning(launches)
        with self._database.writing() as con:
            row = con.execute(taken).first()
        # One that ends later than any begun now is from before the clock was set back.
        if row is None or not time <= row.expires <= time + LAUNCH_S * 1_000_000:
            return None
        return Launch(row.state, row.nonce, row.verifier, row.back)
