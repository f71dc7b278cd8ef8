"""Local accounts and the tokens of programs: added, entered with a growing wait after wrong passwords, removed."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.errors import UserError
from tocsin.service.access import passwords
from tocsin.service.access.people import Role, User
from tocsin.service.access.tokens import hashed, new_secret
from tocsin.service.store import schema
from tocsin.service.store.database import Database, now

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_S: Final = 1_000_000
_FREE: Final = 5  # wrong passwords without a wait
_FIRST_WAIT: Final = 30 * _S
_LONGEST_WAIT: Final = 15 * 60 * _S
_FORGOTTEN: Final = 24 * 3600 * _S
TOKEN_PREFIX: Final = "tocsin_"  # so that scanners for leaked secrets know one


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that failed; `wait_s` is 0 unless the name is locked for a while."""

    known: bool
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """An account or a program, as an administrator sees it."""

    name: str
    role: Role
    kind: Literal["account", "program"]
    shut_out: bool


class Accounts:
    """The accounts of a store, and the tokens of programs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_user(self, name: str, role: Role, password: str) -> str:
        """Add an account; return its name as it is kept. Raises UserError for a name or a password that will not do."""
        name, users = checked_name(name), schema.users
        hash = passwords.hash_password(name, password)
        with self._database.writing() as con:
            _refuse_taken(con, name)
            con.execute(
                insert(users).values(name=name, password=hash, role=role, created=now(), disabled=False)
            )
        return name

    def add_token(self, name: str, role: Role) -> str:
        """Add a program; return its token, which nobody can read again."""
        name, token = checked_name(name), TOKEN_PREFIX + new_secret()
        with self._database.writing() as con:
            _refuse_taken(con, name)
            con.execute(
                insert(schema.tokens).values(token_hash=hashed(token), name=name, role=role, created=now())
            )
        return token

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password, and end its sessions. Raises UserError where there is none of the name."""
        name, users = checked_name(name), schema.users
        hash = passwords.hash_password(name, password)
        with self._database.writing() as con:
            done = con.execute(
                update(users).where(users.c.name == name).values(password=hash, disabled=False)
            )
            if not done.rowcount:
                raise UserError(f"{name}: there is no account of that name; see --add-user")
            _end_sessions(con, name)
            _clear(con, name)

    def set_role(self, name: str, role: Role) -> None:
        """Give an account or a program another role, at once. Raises UserError where there is neither."""
        name = checked_name(name)
        with self._database.writing() as con:
            changed = [
                con.execute(update(table).where(table.c.name == name).values(role=role)).rowcount
                for table in (schema.users, schema.tokens)
            ]
            if not any(changed):
                raise UserError(f"{name}: there is no account and no token of that name")

    def everyone(self) -> list[Known]:
        """Return every account and every program, in order of name."""
        users, tokens = schema.users.c, schema.tokens.c
        with self._database.reading() as con:
            found = [
                Known(row.name, row.role, "account", row.disabled)
                for row in con.execute(select(users.name, users.role, users.disabled))
            ]
            found += [
                Known(row.name, row.role, "program", False)
                for row in con.execute(select(tokens.name, tokens.role))
            ]
        return sorted(found, key=lambda one: one.name)

    def remove(self, name: str) -> None:
        """Shut out an account, whose name stays taken, or take away a token. Raises UserError where there is neither."""
        name, users, tokens = checked_name(name), schema.users, schema.tokens
        with self._database.writing() as con:
            gone = con.execute(update(users).where(users.c.name == name).values(disabled=True)).rowcount
            gone += con.execute(delete(tokens).where(tokens.c.name == name)).rowcount
            if not gone:
                raise UserError(f"{name}: there is no account and no token of that name")
            _end_sessions(con, name)

    def by_token(self, token: str) -> User | None:
        """Return the program that holds a token."""
        tokens = schema.tokens
        asked = select(tokens.c.name, tokens.c.role).where(tokens.c.token_hash == hashed(token))
        with self._database.reading() as con:
            row = con.execute(asked).first()
        return None if row is None else User(row.name, row.role, "token")

    def enter(self, name: str, password: str) -> User | Refused:
        """Return who enters with a name and a password, or why not.

        The try is counted before the password is looked at: many at once are counted as many.
        """
        name = name.strip().lower()
        wait = self._count_try(name)
        known = self._account(name)
        if wait:
            return Refused(known is not None, wait)
        if not passwords.is_password(password, known.password if known else None) or known is None:
            return Refused(known is not None)
        with self._database.writing() as con:
            _clear(con, name)
            if passwords.is_outdated(known.password):
                hash = passwords.rehash(password)
                con.execute(update(schema.users).where(schema.users.c.name == name).values(password=hash))
        return User(name, known.role, "accounts")

    def count(self) -> int:
        """Return how many accounts may enter."""
        users = schema.users
        with self._database.reading() as con:
            asked = select(func.count()).select_from(users).where(~users.c.disabled)
            return int(con.execute(asked).scalar_one())

    def _account(self, name: str) -> Any:
        users = schema.users
        with self._database.reading() as con:
            return con.execute(select(users).where(users.c.name == name, ~users.c.disabled)).first()

    def _count_try(self, name: str) -> int:
        """Count a try as a wrong one; return the seconds to wait where none is allowed now."""
        attempts, key, time = schema.attempts, hashed(name), now()
        with self._database.writing() as con:
            con.execute(delete(attempts).where(attempts.c.last < time - _FORGOTTEN))
            on = sqlite.insert(attempts) if self._database.is_sqlite else postgresql.insert(attempts)
            con.execute(on.values(name_hash=key, failures=0, last=time, until=0).on_conflict_do_nothing())
            row = con.execute(select(attempts).where(attempts.c.name_hash == key).with_for_update()).one()
            left = min(row.until - time, _LONGEST_WAIT)  # a clock that was set back locks nobody out for good
            if left > 0:
                return int(left // _S) + 1
            failures = row.failures + 1
            wait = _wait(failures)
            until = time + wait if wait else 0
            con.execute(
                update(attempts)
                .where(attempts.c.name_hash == key)
                .values(failures=failures, last=time, until=until)
            )
        return 0


def checked_name(name: str) -> str:
    """Return a name as it is kept. Raises UserError when it will not do."""
    name = name.strip().lower()
    if _NAME.fullmatch(name) is None:
        raise UserError("a name has letters a to z, digits, . _ @ - only, and at most 64 of them")
    return name


def _wait(failures: int) -> int:
    """Return how long a name is locked after so many wrong passwords in a row: 30 s after five, then twice as long each time."""
    over = failures - _FREE
    return 0 if over < 0 else min(_FIRST_WAIT << min(over, 16), _LONGEST_WAIT)


def _refuse_taken(con: Connection, name: str) -> None:
    for table in (schema.users, schema.tokens):
        if con.execute(select(table.c.name).where(table.c.name == name)).first() is not None:
            raise UserError(
                f"{name}: the name is taken, and stays so in the audit log; choose another, or see --set-password and --set-role"
            )


def _clear(con: Connection, name: str) -> None:
    con.execute(delete(schema.attempts).where(schema.attempts.c.name_hash == hashed(name)))


def _end_sessions(con: Connection, name: str) -> None:
    con.execute(
        delete(schema.sessions).where(schema.sessions.c.name == name, schema.sessions.c.way == "accounts")
    )
