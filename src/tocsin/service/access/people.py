"""Who is asking, what they may do, and which of their groups lets them do it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tocsin.service.config import Access

Role = Literal["read", "write", "admin"]
Way = Literal["loopback", "token", "accounts", "proxy", "oidc"]
ROLES: Final[tuple[Role, ...]] = ("read", "write", "admin")  # each may do what the one before it may
EVERYONE: Final = "*"


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking, what they may do, and by which way they came in."""

    name: str
    role: Role
    way: Way = "loopback"

    def may(self, role: Role) -> bool:
        """Whether they hold a role."""
        return ROLES.index(self.role) >= ROLES.index(role)


def role_of(groups: Iterable[str], access: Access) -> Role | None:
    """Return the highest role that one of the groups gives, None where none does."""
    mine = {EVERYONE, *groups}
    given: dict[Role, tuple[str, ...]] = {
        "admin": access.admins,
        "write": access.writers,
        "read": access.readers,
    }
    return next((role for role, named in given.items() if mine.intersection(named)), None)
