"""Accounts and the tokens of programs, on both stores: names, passwords, and the wait after wrong ones."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.support.entry import PASSWORD
from tocsin.errors import UserError
from tocsin.service.access.accounts import Accounts, Refused
from tocsin.service.access.passwords import hash_password, is_password
from tocsin.service.access.people import User
from tocsin.service.access.tokens import hashed
from tocsin.service.store import Store

NOON = 1_800_000_000_000_000

MINUTE = 60_000_000


def test_the_wait_grows_and_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [NOON]
    monkeypatch.setattr("tocsin.service.access.accounts.now", lambda: clock[0])
    monkeypatch.setattr(
        "tocsin.service.access.passwords.is_password", lambda password, known: password == "right"
    )
    accounts = Accounts(store.database)
    for name in ("ann", "nobody"):
        if name == "ann":
            accounts.add_user("ann", "read", PASSWORD)
        waits: list[int] = []
        for _ in range(12):
            tried = accounts.enter(name, "wrong")
            while isinstance(tried, Refused) and tried.wait_s:
                waits.append(tried.wait_s)
                clock[0] += tried.wait_s * 1_000_000
                tried = accounts.enter(name, "wrong")
        assert waits == [31, 61, 121, 241, 481, 901, 901], "whether the name is known or not"
    clock[0] += timedelta(minutes=16) // timedelta(microseconds=1)
    assert accounts.enter("ann", "right") == User("ann", "read", "accounts")
    assert accounts.enter("ann", "wrong") == Refused(True), "the right one clears the count"


def test_a_clock_that_was_set_back_locks_nobody_out_for_good(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [NOON]
    monkeypatch.setattr("tocsin.service.access.accounts.now", lambda: clock[0])
    accounts = Accounts(store.database)
    for _ in range(5):
        accounts.enter("ann", "wrong")
    clock[0] -= 365 * 24 * 60 * MINUTE
    tried = accounts.enter("ann", "wrong")
    assert isinstance(tried, Refused)
    assert tried.wait_s <= 901


def test_many_tries_at_once_are_counted_as_many(store: Store) -> None:
    accounts, found = Accounts(store.database), list[Any]()
    accounts.add_user("ann", "read", PASSWORD)
    threads = [
        threading.Thread(target=lambda: found.append(accounts.enter("ann", "wrong"))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not one.wait_s for one in found) == 5, "only five passwords were looked at"


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("ann", "x" * 11, "12 to 256"),
        ("ann", "x" * 12, None),
        ("ann", "x" * 256, None),
        ("ann", "x" * 257, "12 to 256"),
        ("ann", "ann123456789", "little more than the name"),
        ("ann", "ann and a long phrase", None),
        ("Ann.B@ward-3", PASSWORD, None),
        ("", PASSWORD, "a name has letters"),
        ("ann b", PASSWORD, "a name has letters"),
        ("<script>", PASSWORD, "a name has letters"),
        ("a" * 65, PASSWORD, "a name has letters"),
    ],
)
def test_what_a_name_and_a_password_must_be(
    store: Store, name: str, password: str, words: str | None
) -> None:
    accounts = Accounts(store.database)
    if words:
        with pytest.raises(UserError, match=words) as raised:
            accounts.add_user(name, "read", password)
        assert password not in str(raised.value)
    else:
        kept = accounts.add_user(name, "read", password)
        assert kept == name.lower()
        assert accounts.enter(name, password) == User(kept, "read", "accounts")


def test_a_name_is_one_person_for_good(store: Store) -> None:
    accounts = Accounts(store.database)
    accounts.add_user("ann", "read", PASSWORD)
    accounts.add_token("ehr", "write")
    accounts.remove("ann")
    for name in ("ann", "ehr"):
        for add in (
            lambda n: accounts.add_user(n, "read", PASSWORD),
            lambda n: accounts.add_token(n, "read"),
        ):
            with pytest.raises(UserError, match="taken"):
                add(name)
    accounts.set_password("ann", PASSWORD)
    assert accounts.enter("ann", PASSWORD) == User("ann", "read", "accounts")
    for act in (accounts.remove, lambda n: accounts.set_password(n, PASSWORD)):
        with pytest.raises(UserError, match="there is no account"):
            act("nobody")


def test_a_token_is_good_until_it_is_taken_away(store: Store) -> None:
    accounts = Accounts(store.database)
    token = accounts.add_token("ehr", "write")
    assert accounts.by_token(token) == User("ehr", "write", "token")
    assert accounts.by_token(token[:-1]) is None
    assert accounts.by_token(hashed(token)) is None
    accounts.remove("ehr")
    assert accounts.by_token(token) is None


def test_one_spelling_of_a_password_is_as_good_as_another() -> None:
    known = hash_password("ann", "gru\u0308\u00dfe an alle hier")
    assert known.startswith("$argon2id$")
    assert is_password("gr\u00fc\u00dfe an alle hier", known)
    assert not is_password("grusse an alle hier", known)
    assert not is_password("", None)
    assert not is_password("\udcff", known)
    assert not is_password("anything", "no hash")
