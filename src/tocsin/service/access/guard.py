"""What guards one running service: its accounts, its sessions, its OpenID provider, and where people reach it."""

import time
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

from fastapi import Request

from tocsin.service.access.accounts import Accounts
from tocsin.service.access.oidc import Provider
from tocsin.service.access.people import Way
from tocsin.service.access.sessions import Sessions
from tocsin.service.config import Config
from tocsin.service.context import Context
from tocsin.service.errors import Problem
from tocsin.service.limits import Rates

_TRIES_PER_MINUTE: Final = 30  # sign-ins from one address: each costs work, whichever name it tries


@dataclass
class Guard:
    """What every decision about entry stands on."""

    config: Config
    accounts: Accounts
    sessions: Sessions
    provider: Provider | None
    tries: Rates = field(default_factory=lambda: Rates(_TRIES_PER_MINUTE))

    @property
    def has_sessions(self) -> bool:
        """Whether people sign in here."""
        return self.config.access.mode in ("accounts", "oidc")

    @property
    def way(self) -> Way:
        """How people come in."""
        return self.config.access.mode

    def cookie(self, name: str) -> str:
        """Return the full name of a cookie: by https, one that no neighbour in the domain can set."""
        return f"__Host-{name}" if self.config.secure else name

    def own_origin(self, request: Request, origin: str) -> bool:
        """Whether an origin is the one of our own pages."""
        if self.config.access.public_url:
            return origin == self.config.address
        return urlsplit(origin).netloc == request.headers.get("host", "")

    def check_pace(self, request: Request) -> None:
        """Count a sign-in from an address. Raises Problem (429) when there were too many."""
        wait = self.tries.wait(request.client.host if request.client else "", time.monotonic())
        if wait:
            seconds = str(int(wait) + 1)
            message = f"too many sign-ins from this address; try again in {seconds} s"
            raise Problem(429, "too_many_requests", message, headers={"Retry-After": seconds})


def make_guard(context: Context) -> Guard:
    """Return what guards a service."""
    config, database = context.config, context.store.database
    provider = Provider(context) if config.access.mode == "oidc" else None
    return Guard(config, Accounts(database), Sessions(database, config.access), provider)


def guard_of(request: Request) -> Guard:
    """Return what guards the service of a request."""
    return cast(Guard, request.app.state.guard)
