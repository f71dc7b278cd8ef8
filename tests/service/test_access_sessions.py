"""Sign-in with a local account: sessions, their cookies and ends, and the tokens of forms."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from tests.support.entry import PASSWORD, People, config_of
from tests.support.service import Served, error_of, served
from tocsin.service.access.accounts import Accounts
from tocsin.service.access.people import User
from tocsin.service.access.sessions import Sessions
from tocsin.service.access.tokens import form_token, hashed
from tocsin.service.config import Access, Config
from tocsin.service.store import Store, schema

HTML = {"Accept": "text/html"}


NAME = "user-write"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service with accounts, one of each role."""
    with served(config_of("accounts", tmp_path)) as found:
        People(found, "accounts")
        yield found


def field(page: httpx.Response) -> str:
    """The token that the forms of a page hold."""
    found = re.search(r'name="csrf_token" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def sign_in(http: httpx.Client, name: str = NAME, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Fill in the form and send it."""
    token = field(http.get("/sign-in", headers=HTML))
    form = {"csrf_token": token, "name": name, "password": password, **more}
    return http.post("/sign-in", data=form, headers=HTML)


def enters(http: httpx.Client) -> bool:
    """Whether the cookies of a browser let it in."""
    status = http.get("/").status_code
    assert status in (200, 401)
    return status == 200


def test_sign_in_and_out(service: Served) -> None:
    http = service.http
    asked = http.get("/patients/p1?at=2026-01-01T10:00Z", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/sign-in?next=%2Fpatients%2Fp1%3Fat%3D2026-01-01T10%3A00Z",
    )
    answer = sign_in(http, next="/calculator")
    assert (answer.status_code, answer.headers["location"]) == (303, "/calculator")
    page = http.get("/", headers=HTML)
    assert NAME in page.text
    before = http.cookies["tocsin"]
    out = http.post("/sign-out", data={"csrf_token": field(page)})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert "tocsin" not in http.cookies
    assert httpx.get(service.url, cookies={"tocsin": before}, trust_env=False).status_code == 401, "revoked"


def test_programs_and_writes_are_told_not_sent_elsewhere(service: Served) -> None:
    for answer in (
        service.http.get("/api/patients/p1", headers=HTML),
        service.http.get("/board", headers={"Accept": "application/json"}),
        service.http.post("/patients/p1/annotations", data={}),
    ):
        assert (answer.status_code, error_of(answer)["code"]) == (401, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("public_url", "name", "secure"),
    [("", "tocsin", False), ("https://tocsin.example.org", "__Host-tocsin", True)],
)
def test_the_flags_of_a_cookie(tmp_path: Path, public_url: str, name: str, secure: bool) -> None:
    access = Access(mode="accounts", public_url=public_url)
    with served(Config(store=str(tmp_path / "store.db"), access=access)) as service:
        Accounts(service.context.store.database).add_user(NAME, "read", PASSWORD)
        page = service.http.get("/sign-in", headers=HTML)
        form = {"csrf_token": field(page), "name": NAME, "password": PASSWORD}
        cookie = page.headers["set-cookie"].partition(";")[0]
        answer = service.http.post("/sign-in", data=form, headers={"Cookie": cookie})
        flags = ["HttpOnly", "Path=/", "SameSite=lax"] + (["Secure"] if secure else [])
        for said in (page.headers["set-cookie"], answer.headers["set-cookie"]):
            assert said.partition("=")[0] in (name, f"{name}-form")
            assert said.split("; ")[1:] == flags
        assert ("strict-transport-security" in answer.headers) == secure


def test_a_planted_session_gains_nothing(service: Served) -> None:
    """Session fixation: what a browser came with never becomes what it leaves with, and ends."""
    attacker = httpx.Client(base_url=service.url, trust_env=False)
    assert sign_in(attacker, "user-read").status_code == 303
    planted = attacker.cookies["tocsin"]
    service.http.cookies.set("tocsin", planted, domain="127.0.0.1")
    assert sign_in(service.http).status_code == 303
    assert service.http.cookies["tocsin"] != planted
    assert not enters(attacker)
    for made_up in ("a" * 43, "", "x" * 5000):
        with httpx.Client(base_url=service.url, trust_env=False) as other:
            other.cookies.set("tocsin", made_up, domain="127.0.0.1")
            assert sign_in(other).status_code == 303
            assert other.cookies["tocsin"] != made_up


def test_the_store_knows_only_hashes(service: Served) -> None:
    sign_in(service.http)
    database = service.context.store.database
    with database.reading() as con:
        text = "\n".join(
            str(row) for table in schema.metadata.sorted_tables for row in con.execute(table.select())
        )
    assert hashed(service.http.cookies["tocsin"]) in text
    for secret in (service.http.cookies["tocsin"], PASSWORD, "tocsin_"):
        assert secret not in text
    assert "$argon2id$" in text


NOON = 1_800_000_000_000_000


MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("seen", "opened", "there"),
    [(29.9, 29.9, True), (30, 30, False), (1, 12 * 60 - 0.1, True), (1, 12 * 60, False), (-5, -5, True)],
)
def test_when_a_session_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch, seen: float, opened: float, there: bool
) -> None:
    """Minutes since the last request and since sign-in; a clock that was set back ends none."""
    monkeypatch.setattr("tocsin.service.access.sessions.now", lambda: NOON)
    sessions, table = Sessions(store.database, Access(mode="oidc")), schema.sessions
    secret = sessions.open(User("a", "read", "oidc"))
    begun = NOON - int(opened * MINUTE)
    values = {"seen": NOON - int(seen * MINUTE), "created": begun, "expires": begun + 12 * 60 * MINUTE}
    with store.database.writing() as con:
        con.execute(update(table).values(**values))
    assert (sessions.find(secret, "oidc") is not None) == there


def test_a_request_is_a_sign_of_life_and_a_stream_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [NOON]
    monkeypatch.setattr("tocsin.service.access.sessions.now", lambda: clock[0])
    sessions = Sessions(store.database, Access(mode="oidc"))
    secret = sessions.open(User("a", "read", "oidc"))
    for touch, there in ((True, True), (True, True), (False, True), (False, False)):
        clock[0] += 20 * MINUTE
        assert (sessions.find(secret, "oidc", touch) is not None) == there


@pytest.mark.parametrize(("minutes", "there"), [(0, True), (4.9, True), (5.1, False), (60 * 24 * 365, False)])
def test_a_clock_that_was_set_back_makes_no_session_live_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch, minutes: float, there: bool
) -> None:
    clock = [NOON]
    monkeypatch.setattr("tocsin.service.access.sessions.now", lambda: clock[0])
    sessions = Sessions(store.database, Access(mode="oidc"))
    secret = sessions.open(User("a", "read", "oidc"))
    clock[0] -= int(minutes * MINUTE)
    assert (sessions.find(secret, "oidc") is not None) is there


def test_a_session_of_another_mode_opens_nothing(store: Store) -> None:
    sessions = Sessions(store.database, Access(mode="oidc"))
    secret = sessions.open(User("a", "admin", "oidc"))
    assert sessions.find(secret, "accounts") is None


@pytest.mark.parametrize("what", ["remove", "set-password", "role"])
def test_an_account_that_changes_takes_its_sessions_along(service: Served, what: str) -> None:
    accounts = Accounts(service.context.store.database)
    sign_in(service.http)
    assert enters(service.http)
    if what == "remove":
        accounts.remove(NAME)
    elif what == "set-password":
        accounts.set_password(NAME, "another made-up phrase")
    else:
        accounts.set_role(NAME, "read")
    assert enters(service.http) == (what == "role")
    if what == "role":
        headers = {"X-CSRF-Token": form_token(service.http.cookies["tocsin"], NAME)}
        answer = service.http.post("/api/patients/p1/bundle", json={}, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (403, "forbidden")
    if what == "remove":
        assert sign_in(service.http).status_code == 401


def test_another_password(service: Served) -> None:
    new = "quite another phrase"
    others = httpx.Client(base_url=service.url, trust_env=False)
    sign_in(others)
    sign_in(service.http)
    page = service.http.get("/account", headers=HTML)

    def change(old: str, new: str, again: str) -> httpx.Response:
        form = {"csrf_token": field(page), "old": old, "new": new, "again": again}
        return service.http.post("/account", data=form, headers=HTML)

    for wrong, words in (
        (("no", new, new), "old password is wrong"),
        ((PASSWORD, new, new + "!"), "differ"),
        ((PASSWORD, "short", "short"), "12 to 256"),
        ((PASSWORD, f"{NAME}123", f"{NAME}123"), "little more than the name"),
    ):
        answer = change(*wrong)
        assert answer.status_code == 422
        assert words in answer.text
        assert wrong[1] not in answer.text
    assert change(PASSWORD, new, new).status_code == 303
    assert enters(service.http)
    assert not enters(others), "every other session has ended"
    assert sign_in(others).status_code == 401
    assert sign_in(others, password=new).status_code == 303


TOKENS: dict[str, Callable[[str], dict[str, str]]] = {
    "none": lambda right: {},
    "empty": lambda right: {"X-CSRF-Token": ""},
    "another": lambda right: {"X-CSRF-Token": "0" * 64},
    "of another session": lambda right: {"X-CSRF-Token": form_token("x" * 43, NAME)},
    "no ASCII": lambda right: {"X-CSRF-Token": "é"},
    "right": lambda right: {"X-CSRF-Token": right},
}


@pytest.mark.parametrize("token", TOKENS)
def test_a_write_by_cookie_needs_the_token_of_the_form(service: Served, token: str) -> None:
    sign_in(service.http)
    right = form_token(service.http.cookies["tocsin"], NAME)
    headers = {name: value.encode() for name, value in TOKENS[token](right).items()}
    for path, body in (
        ("/api/patients/p1/bundle", {"json": {"resourceType": "Bundle", "type": "collection", "entry": []}}),
        ("/patients/p1/annotations", {"data": {"word": "none"}}),
        ("/sign-out", {"data": {}}),
    ):
        answer = service.http.post(path, headers=headers, **body)
        if token == "right":
            assert answer.status_code not in (401, 403), path
        else:
            assert (answer.status_code, error_of(answer)["code"]) == (403, "csrf"), path
    assert enters(service.http) == (token != "right"), "the last of them signs out"


def test_the_form_of_sign_in_needs_its_token_too(service: Served) -> None:
    """Else another site could sign somebody in under its own name."""
    form = {"name": NAME, "password": PASSWORD}
    for extra in ({}, {"csrf_token": "0" * 64}):
        service.http.get("/sign-in", headers=HTML)
        answer = service.http.post("/sign-in", data=form | extra)
        assert (answer.status_code, error_of(answer)["code"]) == (403, "csrf")
    page = service.http.get("/sign-in", headers=HTML)
    assert service.http.post("/sign-in", data=form | {"csrf_token": field(page)}).status_code == 303


def test_a_page_says_calmly_what_was_refused(service: Served) -> None:
    sign_in(service.http, "user-read")
    answer = service.http.get("/audit", headers=HTML)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "This asks for the role admin; yours is read." in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/board?sort=colour", 422), ("/patients/p1?at=noon", 422), ("/sign-out", 405)],
)
def test_whatever_a_person_mistypes_is_answered_with_a_page(service: Served, path: str, status: int) -> None:
    sign_in(service.http)
    answer = service.http.get(path, headers=HTML)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "To the board" in answer.text
    error_of(service.http.get(path))  # and a program still gets the one shape


def test_wrong_and_unknown_say_the_same(service: Served) -> None:
    texts = {
        re.sub(r'value="\w{64}"', "", sign_in(service.http, name, password).text)
        for name, password in ((NAME, "wrong"), ("nobody", "wrong"), ("no name at all é", PASSWORD), ("", ""))
    }
    assert len(texts) == 1
    assert "Name or password is wrong." in texts.pop()


def test_too_many_wrong_passwords_lock_a_name_for_a_while(service: Served) -> None:
    for _ in range(5):
        assert sign_in(service.http, NAME, "wrong").status_code == 401
    answer = sign_in(service.http, NAME.upper(), PASSWORD)
    assert answer.status_code == 429, "not even with the right one"
    assert 0 < int(answer.headers["retry-after"]) <= 30
    assert f"Try again in {answer.headers['retry-after']} s" in answer.text
    assert sign_in(service.http, "user-read").status_code == 303, "others are not locked"


def test_sign_ins_from_one_address_are_limited(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.service.access.passwords.is_password", lambda password, known: False)
    statuses = [sign_in(service.http, f"name-{number}", "wrong").status_code for number in range(40)]
    assert statuses[:30] == [401] * 30
    assert 429 in statuses[30:]
