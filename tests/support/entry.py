"""Who asks in tests of access: the configuration of each mode, and what a request of each role carries in it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.service import Served
from tocsin.service.access.accounts import Accounts
from tocsin.service.access.people import ROLES, Role, User
from tocsin.service.access.sessions import Sessions
from tocsin.service.access.tokens import form_token
from tocsin.service.config import Access, Config

PASSWORD = "a made-up pass phrase"
GROUPS: dict[str, Any] = {"readers": ("ward",), "writers": ("doctors",), "admins": ("it",)}
GROUP_OF: dict[Role, str] = {"read": "ward", "write": "doctors", "admin": "it"}
ACCESS = {
    "loopback": Access(),
    "accounts": Access(mode="accounts"),
    "proxy": Access(mode="proxy", proxies=("127.0.0.1",), **GROUPS),
    "oidc": Access(mode="oidc", issuer="https://id.example", client_id="tocsin", **GROUPS),
}
_FORM = "made-up-form-cookie"


def config_of(mode: str, folder: Path) -> Config:
    """A service in a mode, over a file."""
    return Config(store=str(folder / f"{mode}.db"), access=ACCESS[mode])


@dataclass
class People:
    """The people of one service: an account, a group and a token for each role."""

    service: Served
    mode: str
    tokens: dict[Role, str] = field(default_factory=dict[Role, str])

    def __post_init__(self) -> None:
        accounts = Accounts(self.service.context.store.database)
        for role in ROLES:
            self.tokens[role] = accounts.add_token(f"program-{role}", role)
            if self.mode == "accounts":
                accounts.add_user(f"user-{role}", role, PASSWORD)

    def token(self, role: Role) -> dict[str, str]:
        """The headers of a program."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def person(self, role: Role | None) -> dict[str, str]:
        """The headers of a person's browser, with the token of a form; None is nobody."""
        if self.mode == "loopback":
            return _form("anyone on this machine")
        if role is None:
            return _form("")
        name = f"user-{role}"
        if self.mode == "proxy":
            return _form(name) | {"X-Forwarded-User": name, "X-Forwarded-Groups": GROUP_OF[role]}
        sessions = Sessions(self.service.context.store.database, self.service.context.config.access)
        way = "accounts" if self.mode == "accounts" else "oidc"
        secret = sessions.open(User(name, role, way))
        return {"Cookie": f"tocsin={secret}", "X-CSRF-Token": form_token(secret, name)}


def _form(name: str) -> dict[str, str]:
    return {"Cookie": f"tocsin-form={_FORM}", "X-CSRF-Token": form_token(_FORM, name)}
