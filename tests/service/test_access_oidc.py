"""The SMART standalone launch against an authorisation server of our own: the whole way, and every way it is refused."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from tests.support.authorisation_server import CLIENT, KID, Authorisation, authorising, curve_key, new_key
from tests.support.service import Served, error_of, free_port, served
from tocsin.errors import UserError
from tocsin.service.access.launches import Launches
from tocsin.service.config import Access, Config, checked
from tocsin.service.store import Store, schema

HTML = {"Accept": "text/html"}


@pytest.fixture
def provider() -> Iterator[Authorisation]:
    """A running authorisation server."""
    with authorising() as found:
        yield found


Open = Callable[..., Served]


@pytest.fixture
def opened(provider: Authorisation, tmp_path: Path) -> Iterator[Open]:
    """Starts a service that trusts the provider."""
    running: list[Any] = []

    def start(**keys: Any) -> Served:
        port = free_port()
        given: dict[str, Any] = {
            "fhir_base": provider.fhir_base,
            "readers": ("ward",),
            "admins": ("it",),
        } | keys
        access = Access(mode="oidc", client_id=CLIENT, **given)
        config = checked(Config(store=str(tmp_path / "store.db"), port=port, access=access))
        running.append(served(config, port))
        return running[-1].__enter__()

    yield start
    for one in running:
        one.__exit__(None, None, None)


def begin(service: Served, back: str = "/audit") -> httpx.Response:
    """Click on the link; return the way to the provider."""
    return service.http.get("/sign-in/oidc", params={"next": back}, headers=HTML)


def approve(at_provider: str) -> str:
    """Follow the way to the provider; return the way back."""
    return httpx.get(at_provider, trust_env=False).headers["location"]


def launch(service: Served, back: str = "/audit") -> httpx.Response:
    """Go the whole way; return the answer to the way back."""
    return service.http.get(approve(begin(service, back).headers["location"]), headers=HTML)


def test_the_whole_launch(opened: Open, provider: Authorisation) -> None:
    service = opened()
    assert service.http.get("/audit", headers=HTML).headers["location"] == "/sign-in?next=%2Faudit"
    page = service.http.get("/sign-in", params={"next": "/audit"}, headers=HTML)
    assert 'href="/sign-in/oidc?next=/audit"' in page.text
    assert provider.seen == [], "nothing is fetched before somebody signs in"

    way = begin(service)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(way.headers["location"]).query).items()}
    assert asked["aud"] == provider.fhir_base
    assert asked["scope"] == "openid fhirUser"
    assert asked["redirect_uri"] == f"{service.url}/sign-in/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    assert asked["state"] != asked["nonce"]

    back = approve(way.headers["location"])
    answer = service.http.get(back, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    cookies = answer.headers.get_list("set-cookie")
    assert any(re.match(r"tocsin=[\w-]{43}; HttpOnly; Path=/; SameSite=lax$", one) for one in cookies), (
        cookies
    )
    assert any(one.startswith('tocsin-launch="";') for one in cookies), cookies
    assert service.http.get("/").status_code == 200
    assert service.http.get("/api/audit").status_code == 403, "ward may read, not administer"
    line = next(one for one in service.context.store.audit.lines() if one.act == "sign-in")
    assert (line.who, line.detail["role"], line.detail["way"]) == ("dr-made-up", "read", "oidc")


def test_sign_out_ends_the_session(opened: Open) -> None:
    service = opened()
    launch(service)
    token = re.search(r'name="csrf_token" value="(\w+)"', service.http.get("/", headers=HTML).text)
    assert token
    out = service.http.post("/sign-out", data={"csrf_token": token[1]})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert service.http.get("/api/audit").status_code == 401


@pytest.mark.parametrize("how", ["smart", "openid", "openid with a secret", "smart without keys", "es384"])
def test_each_kind_of_provider(opened: Open, provider: Authorisation, how: str) -> None:
    keys: dict[str, Any] = {}
    if how.startswith("openid"):
        keys = {"fhir_base": "", "issuer": provider.url}
    if how == "openid with a secret":
        provider.secret = "made-up-secret"
        keys["client_secret"] = "made-up-secret"
    if how == "es384":
        key, public = curve_key("curve")
        provider.others.append(public)
        provider.sign = lambda claims: jwt.encode(claims, key, "ES384", headers={"kid": "curve"})
    assert launch(opened(**keys)).status_code == 303


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["it", "ward"]}, "admin"),
        ({"groups": "ward"}, "read"),
        ({"groups": ["kitchen"]}, None),
        ({"groups": ["*"]}, None),
        ({"groups": {"ward": True}}, None),
        ({}, None),
    ],
)
def test_roles_come_from_a_claim(
    opened: Open, provider: Authorisation, claims: dict[str, Any], role: str | None
) -> None:
    provider.claims = {"sub": "dr-made-up", **claims}
    service = opened()
    answer = launch(service)
    if role is None:
        assert answer.status_code == 403
        assert "none of your groups" in answer.text
        assert service.http.get("/api/audit").status_code == 401
    else:
        assert answer.status_code == 303
        assert service.context.store.audit.lines()[0].detail["role"] == role


def test_claims_may_lie_inside_others(opened: Open, provider: Authorisation) -> None:
    provider.claims = {"sub": "1", "fhirUser": "Practitioner/7", "realm_access": {"roles": ["ward"]}}
    service = opened(role_claim="realm_access.roles", name_claim="fhirUser")
    assert launch(service).status_code == 303
    assert service.context.store.audit.lines()[0].who == "Practitioner/7"


def set_to(**values: Any) -> Callable[[dict[str, Any]], None]:
    """A twist: claims of other values, or none where the value is None."""

    def twist(claims: dict[str, Any]) -> None:
        claims.update(values)
        for name in [name for name, value in values.items() if value is None]:
            del claims[name]

    return twist


NOW = int(time.time())
TWISTS = {
    "another nonce": (set_to(nonce="other"), "for another sign-in"),
    "no nonce": (set_to(nonce=None), "for another sign-in"),
    "another audience": (set_to(aud="somebody-else"), "for another client"),
    "several audiences, no azp": (set_to(aud=[CLIENT, "other"]), "for another client"),
    "another azp": (set_to(azp="other"), "for another client"),
    "another issuer": (set_to(iss="https://elsewhere.example"), "another issuer"),
    "expired": (set_to(iat=NOW - 900, exp=NOW - 120), "expired"),
    "not yet valid": (set_to(iat=NOW + 7200, exp=NOW + 9000), "not valid yet"),
    "no expiry": (set_to(exp=None), "lacks a claim"),
    "no subject": (set_to(sub=None), "lacks a claim"),
}


@pytest.mark.parametrize("name", TWISTS)
def test_an_id_token_with_wrong_claims_is_refused(opened: Open, provider: Authorisation, name: str) -> None:
    provider.twist, words = TWISTS[name]
    refused(opened(), words)


@pytest.mark.parametrize(("late", "status"), [(50, 303), (70, 401)])
def test_two_clocks_may_be_a_minute_apart(
    opened: Open, provider: Authorisation, late: int, status: int
) -> None:
    provider.twist = set_to(iat=int(time.time()) - 400, exp=int(time.time()) - late)
    assert launch(opened()).status_code == status


SIGNS: dict[str, Callable[[Authorisation, dict[str, Any]], str]] = {
    "none": lambda server, claims: jwt.encode(claims, None, "none", headers={"kid": KID}),
    "another key": lambda server, claims: jwt.encode(claims, new_key(), "RS256", headers={"kid": KID}),
    "a key of no name": lambda server, claims: jwt.encode(
        claims, new_key(), "RS256", headers={"kid": "key-9"}
    ),
    "the public key as a shared secret": lambda server, claims: jwt.encode(
        claims, str(server.keys()["keys"][0]["n"]), "HS256", headers={"kid": KID}
    ),
    "a curve under the name of the RSA key": lambda server, claims: jwt.encode(
        claims, curve_key(KID)[0], "ES384", headers={"kid": KID}
    ),
    "no token": lambda server, claims: "eyJ.no.token",
    "cut off": lambda server, claims: jwt.encode(claims, server.key, "RS256", headers={"kid": KID})[:-9],
}


@pytest.mark.parametrize("name", SIGNS)
def test_a_forged_id_token_is_refused(opened: Open, provider: Authorisation, name: str) -> None:
    provider.sign = lambda claims: SIGNS[name](provider, claims)
    refused(opened(), "refused")


def refused(service: Served, words: str) -> None:
    """A launch must end on a page that says why, calmly, with nobody signed in and nothing of the token in it."""
    answer = launch(service)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text
    assert "eyJ" not in answer.text
    assert service.http.get("/api/audit").status_code == 401
    assert [one.act for one in service.context.store.audit.lines()] == ["sign-in refused"]


def callback(service: Served, change: Callable[[dict[str, str]], None]) -> httpx.Response:
    """Come back from the provider with a changed answer, as a program that wants the one error shape."""
    parts = urlsplit(approve(begin(service).headers["location"]))
    query = {name: value[0] for name, value in parse_qs(parts.query).items()}
    change(query)
    return service.http.get(parts.path, params=query)


CHANGES: dict[str, Callable[[dict[str, str]], None]] = {
    "another state": lambda query: query.update(state="x" * 43),
    "no state": lambda query: query.pop("state") and None,
    "another code": lambda query: query.update(code="guessed"),
    "no code": lambda query: query.pop("code") and None,
    "the provider says no": lambda query: query.update(error="access_denied"),
    "from another provider": lambda query: query.update(iss="https://elsewhere.example"),
    "a letter that is none": lambda query: query.update(
        state="\udcff".encode("utf-8", "surrogatepass").decode("latin-1")
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_answer_that_was_changed_is_refused(opened: Open, name: str) -> None:
    service = opened()
    answer = callback(service, CHANGES[name])
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "sign_in_refused"
    assert service.http.get("/api/audit").status_code == 401


def test_an_answer_is_good_once_and_in_one_browser(opened: Open, provider: Authorisation) -> None:
    service = opened()
    back = approve(begin(service).headers["location"])
    with httpx.Client(base_url=service.url, trust_env=False) as another_browser:
        assert error_of(another_browser.get(back))["code"] == "sign_in_refused"
    cookies = dict(service.http.cookies)
    assert service.http.get(back).status_code == 303
    again = httpx.get(back, cookies=cookies, trust_env=False)
    assert (again.status_code, error_of(again)["code"]) == (401, "sign_in_refused")
    # And the code by itself, in a launch of its own: the provider has given it away already.
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert callback(service, lambda query: query.update(code=code)).status_code == 401
    assert provider.codes != {}


def test_a_launch_outlives_a_restart(provider: Authorisation, tmp_path: Path) -> None:
    access = Access(mode="oidc", client_id=CLIENT, fhir_base=provider.fhir_base, readers=("ward",))
    port = free_port()
    config = Config(store=str(tmp_path / "store.db"), port=port, access=access)
    with served(config, port) as service:
        way = begin(service, "/board")
    cookie = way.headers["set-cookie"].partition(";")[0]
    with served(config, port) as service:
        answer = service.http.get(approve(way.headers["location"]), headers={"Cookie": cookie})
        assert (answer.status_code, answer.headers["location"]) == (303, "/board")


def test_a_launch_is_good_once_and_for_ten_minutes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [NOW * 1_000_000]
    monkeypatch.setattr("tocsin.service.access.launches.now", lambda: clock[0])
    launches = Launches(store.database)
    for minutes, there in ((0, True), (10, True), (10.01, False), (-0.01, False)):
        secret, launch = launches.begin("/board")
        clock[0] += int(minutes * 60_000_000)
        assert (launches.end(secret) == launch) is there, minutes
        assert launches.end(secret) is None
    launches.begin("/")
    clock[0] += 3600_000_000
    launches.begin("/")
    with store.database.reading() as con:
        assert len(con.execute(schema.launches.select()).all()) == 1, (
            "what nobody came back from is forgotten"
        )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"issuer": "https://elsewhere.example"}, "another name"),
        ({"issuer": None}, "another name"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "not https"),
        ({"jwks_uri": 7}, "not https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "not https"),
    ],
)
def test_a_provider_that_is_not_to_be_trusted(
    opened: Open, provider: Authorisation, document: dict[str, Any], words: str
) -> None:
    provider.document = document
    answer = opened(fhir_base="", issuer=provider.url).http.get("/sign-in/oidc")
    assert answer.status_code == 502
    assert words in error_of(answer)["message"]


def test_a_provider_that_is_away(opened: Open) -> None:
    answer = opened(fhir_base=f"http://127.0.0.1:{free_port()}/fhir").http.get("/sign-in/oidc")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "provider")


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_nobody_is_sent_elsewhere_afterwards(opened: Open, back: str) -> None:
    assert launch(opened(), back).headers["location"] == "/"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"client_id": ""}, "access.client_id"),
        ({"issuer": "", "fhir_base": ""}, "access.fhir_base"),
        ({"issuer": "https://a.example", "fhir_base": "https://b.example"}, "not both"),
        ({"issuer": "http://id.example"}, "https"),
        ({"issuer": "https://id.example?x=1"}, "without a query"),
        ({"readers": ()}, "nobody may enter"),
    ],
)
def test_a_configuration_that_lets_in_nobody_does_not_start(keys: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"client_id": CLIENT, "issuer": "https://id.example", "readers": ("ward",)} | keys
    with pytest.raises(UserError, match=re.escape(words)):
        checked(Config(access=Access(mode="oidc", **given)))
