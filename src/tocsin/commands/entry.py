"""What `tocsin serve` does with accounts, tokens and the audit log in place of serving."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tocsin.commands.printing import say
from tocsin.errors import UserError

if TYPE_CHECKING:
    from tocsin.service.access.accounts import Accounts
    from tocsin.service.config import Config
    from tocsin.service.store import Store


class RoleName(StrEnum):
    """The roles, each with the rights of the one before."""

    read = "read"
    write = "write"
    admin = "admin"


@dataclass(frozen=True)
class Wish:
    """What the command line asks for; one thing at a time."""

    add_user: str | None
    add_token: str | None
    set_password: str | None
    set_role: str | None
    remove: str | None
    role: RoleName | None
    list_accounts: bool
    check_audit_log: bool

    def is_any(self) -> bool:
        """Whether there is anything to do. Raises UserError for options that do not go together."""
        with_role = [self.add_user, self.add_token, self.set_role]
        named = [*with_role, self.set_password, self.remove]
        count = sum(name is not None for name in named) + self.list_accounts + self.check_audit_log
        if count > 1:
            raise UserError(
                "--add-user, --add-token, --set-password, --set-role, --remove, --list-accounts, --check-audit-log: "
                "one at a time"
            )
        needs_role = any(name is not None for name in with_role)
        if needs_role and self.role is None:
            raise UserError("--role: say what they may do: read, write or admin")
        if self.role is not None and not needs_role:
            raise UserError("--role goes with --add-user, --add-token or --set-role")
        return count > 0


def fulfil(wish: Wish, config: "Config") -> None:
    """Do what is asked, in the store that the configuration names."""
    from tocsin.service.access.accounts import Accounts
    from tocsin.service.errors import Problem
    from tocsin.service.store import open_store

    place = config.place
    is_first = wish.add_user is not None or wish.add_token is not None  # the only ones that may make a store
    if not is_first and "://" not in place and not Path(place).exists():
        raise UserError(f"{place}: there is no store; check --store and the configuration")
    store = open_store(place)
    try:
        if wish.check_audit_log:
            _check(store)
        elif wish.list_accounts:
            _list(Accounts(store.database))
        else:
            _change(wish, store, Accounts(store.database))
    except Problem as problem:  # the store went away meanwhile
        raise UserError(str(problem)) from None
    finally:
        store.close()


def _change(wish: Wish, store: "Store", accounts: "Accounts") -> None:
    by, role = "(command line)", wish.role.value if wish.role else "read"
    if wish.add_user is not None:
        name = accounts.add_user(wish.add_user, role, _password())
        store.audit.append(by, "account added", name=name, role=role)
        say(f"{name} may sign in, role {role}")
    elif wish.add_token is not None:
        token = accounts.add_token(wish.add_token, role)
        store.audit.append(by, "token added", name=wish.add_token.strip().lower(), role=role)
        print("Give this token to the program; it cannot be shown again:", file=sys.stderr)
        print(token)
    elif wish.set_password is not None:
        accounts.set_password(wish.set_password, _password())
        store.audit.append(by, "password set", name=wish.set_password.strip().lower())
        say(f"{wish.set_password} has another password; every session of it has ended")
    elif wish.set_role is not None:
        accounts.set_role(wish.set_role, role)
        store.audit.append(by, "role set", name=wish.set_role.strip().lower(), role=role)
        say(f"{wish.set_role} has the role {role}")
    elif wish.remove is not None:
        accounts.remove(wish.remove)
        store.audit.append(by, "account or token removed", name=wish.remove.strip().lower())
        say(f"{wish.remove} may no longer enter")


def _list(accounts: "Accounts") -> None:
    """Print who may enter, and who was shut out."""
    for one in accounts.everyone():
        say(f"{one.name}  {one.kind}, " + ("shut out" if one.shut_out else f"role {one.role}"))


def _password() -> str:
    """Return a new password from the terminal, typed twice, or the first line of the standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("New password: ")
    if getpass("Once more: ") != password:
        raise UserError("the two passwords differ; nothing was changed")
    return password


def _check(store: "Store") -> None:
    """Say whether the audit log is whole; exit with status 1 where it is not."""
    broken = store.audit.broken_at()
    if broken is not None:
        print(
            f"error: {store.database.name}: the audit log is broken at line {broken}: it was changed, moved or taken out",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    seq, hash = store.audit.head()
    say(f"the audit log is whole: {seq} line{'' if seq == 1 else 's'}")
    say(f"last hash {hash}")
    say("Keep number and hash elsewhere: they show later that nothing up to here was changed.")
