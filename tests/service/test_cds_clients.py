"""Who may call: tokens of a made-up EHR, forged, old, replayed, for somebody else; keys in a file, at an address, rotated."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.service.cds_calls import request, severe
from tests.support.service import Served, error_of, served
from tocsin.errors import UserError
from tocsin.service.cds.clients import Keys, KeysUnavailable, read_clients, read_keys
from tocsin.service.cds.trust import Trust
from tocsin.service.config import Access, Cds, Config, Limits
from tocsin.service.errors import Problem
from tocsin.service.store import open_store

ISSUER, BASE = "https://ehr.example", "https://tocsin.example"
VIEW = f"{BASE}/cds-services/tocsin-patient-view"
EC, EC_OTHER, EC_256 = (
    ec.generate_private_key(curve()) for curve in (ec.SECP384R1, ec.SECP384R1, ec.SECP256R1)
)
RSA, RSA_SMALL = (rsa.generate_private_key(public_exponent=65537, key_size=size) for size in (2048, 1024))
Json = dict[str, Any]


def jwk(key: Any, kid: str, **more: Any) -> Json:
    """The public key as a client publishes it."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


JWKS = {"keys": [jwk(EC, "ec-1", alg="ES384"), jwk(RSA, "rsa-1", alg="RS384")]}


def claims(**more: Any) -> Json:
    now = int(time.time())
    found = {"iss": ISSUER, "aud": VIEW, "iat": now, "exp": now + 300, "jti": str(uuid4()), **more}
    return {name: value for name, value in found.items() if value is not None}


def token(
    key: Any = EC, algorithm: str = "ES384", kid: str | None = "ec-1", header: Json | None = None, **more: Any
) -> str:
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**more), key, algorithm, headers={**named, **(header or {})})


def clients_file(folder: Path, text: str | None = None) -> Path:
    (folder / "ehr.json").write_text(json.dumps(JWKS))
    file = folder / "clients.toml"
    file.write_text(
        text if text is not None else f'[[client]]\nissuer = "{ISSUER}"\njwks_file = "ehr.json"\n'
    )
    return file


@pytest.fixture
def trust(tmp_path: Path) -> Iterator[Trust]:
    store = open_store(str(tmp_path / "store.db"))
    yield Trust(read_clients(clients_file(tmp_path)), store.used_tokens, 10, False)
    store.close()


def verify(trust: Trust, text: str | None, audience: str = VIEW) -> str:
    return trust.verify(None if text is None else f"Bearer {text}", audience)


def refusal(trust: Trust, text: str | None, audience: str = VIEW) -> str:
    with pytest.raises(Problem) as raised:
        verify(trust, text, audience)
    assert raised.value.status == 401
    assert raised.value.headers == {"WWW-Authenticate": "Bearer"}
    return raised.value.message


# --- tokens that hold, and that do not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        lambda: token(),
        lambda: token(RSA, "RS384", "rsa-1"),
        lambda: token(aud=[VIEW]),
        lambda: token(aud=["https://other.example", VIEW]),
        lambda: token(exp=int(time.time()) - 8),  # within the leeway
        lambda: token(iat=int(time.time()) + 8),
        lambda: token(tenant="ward-7"),
    ],
)
def test_a_good_token_is_taken(trust: Trust, text: Any) -> None:
    assert verify(trust, text()) == ISSUER


def forged_with_the_public_key() -> str:
    """HS256, the public key as its secret: what a careless reader would take."""
    public = EC.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = part({"alg": "HS256", "typ": "JWT", "kid": "ec-1"})
    body = f"{head}.{part(claims())}"
    return f"{body}.{b64(hmac.new(public, body.encode(), hashlib.sha256).digest())}"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Json) -> str:
    return b64(json.dumps(value).encode())


def unsigned() -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'ec-1'})}.{part(claims())}."


def changed() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{part(claims(sub='admin'))}.{signature}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lambda: None, "Bearer"),
        (lambda: "", "Bearer"),
        (lambda: "not-a-token", "not a JSON Web Token"),
        (lambda: "a.b.c", "not a JSON Web Token"),
        (lambda: "x" * 9000, "longer"),
        (unsigned, "alg"),
        (forged_with_the_public_key, "alg"),
        (changed, "signature"),
        (lambda: token(EC_OTHER), "signature"),
        (lambda: token(RSA, "RS384", "ec-1"), "alg"),
        (lambda: token(EC_256, "ES256"), "alg"),
        (lambda: token(RSA, "RS256", "rsa-1"), "alg"),
        (lambda: token(kid="ec-2"), "kid"),
        (lambda: token(kid=None), "kid"),
        (lambda: token(header={"typ": "at+jwt"}), "typ"),
        (lambda: token(header={"jku": "https://evil.example/keys"}), "jku"),
        (lambda: token(iss="https://evil.example"), "iss"),
        (lambda: token(iss=None), "iss"),
        (lambda: token(aud="https://other.example/cds-services/tocsin-patient-view"), "aud"),
        (lambda: token(aud=f"{BASE}/cds-services/tocsin-order-sign"), "aud"),
        (lambda: token(aud=f"{BASE}/cds-services"), "aud"),
        (lambda: token(aud=None), "needs"),
        (lambda: token(exp=int(time.time()) - 12), "expired"),
        (lambda: token(exp=int(time.time()) + 2 * 86400), "longer than a day"),
        (lambda: token(exp=None), "needs"),
        (lambda: token(iat=int(time.time()) + 60), "not valid yet"),
        (lambda: token(iat=None), "needs"),
        (lambda: token(nbf=int(time.time()) + 60), "not valid yet"),
        (lambda: token(jti=None), "needs"),
        (lambda: token(jti=""), "jti"),
        (lambda: token(jti="x" * 257), "jti"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(trust: Trust, text: Any, said: str) -> None:
    assert said in refusal(trust, text())


def test_a_token_is_good_once_and_over_a_restart(tmp_path: Path) -> None:
    clients, once = read_clients(clients_file(tmp_path)), token()
    first = open_store(str(tmp_path / "store.db"))
    assert verify(Trust(clients, first.used_tokens, 10, False), once) == ISSUER
    assert "used before" in refusal(Trust(clients, first.used_tokens, 10, False), once)
    first.close()
    again = open_store(str(tmp_path / "store.db"))
    assert "used before" in refusal(Trust(clients, again.used_tokens, 10, False), once)
    again.close()


def test_a_token_that_was_refused_is_not_used_up(trust: Trust) -> None:
    once = token()
    refusal(trust, once, f"{BASE}/cds-services/other")
    assert verify(trust, once) == ISSUER


def test_two_issuers_may_use_one_jti(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    soon = time.time() + 60
    assert store.used_tokens.use("a", "1", soon)
    assert store.used_tokens.use("b", "1", soon)
    assert not store.used_tokens.use("a", "1", soon)
    store.close()


# --- keys --------------------------------------------------------------------------------------------------------------------


class Place:
    """An address of keys, without a network: what stands there, and how often it was asked."""

    def __init__(self, keys: Json) -> None:
        self.keys, self.asked, self.down = keys, 0, False

    def fetch(self, url: str) -> bytes:
        assert url == "https://ehr.example/jwks"
        self.asked += 1
        if self.down:
            raise OSError
        return json.dumps(self.keys).encode()


def test_keys_at_an_address_are_kept_and_looked_up_again_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, clock = Place(JWKS), [1000.0]
    monkeypatch.setattr("tocsin.service.cds.clients.time.monotonic", lambda: clock[0])
    keys = Keys({}, "https://ehr.example/jwks", place.fetch)
    assert keys.find("ec-1") is not None
    assert keys.find("rsa-1") is not None
    assert place.asked == 1
    place.keys = {"keys": [jwk(EC_OTHER, "ec-2")]}
    assert keys.find("ec-2") is None  # not more often than every half minute
    clock[0] += 31
    assert keys.find("ec-2") is not None
    assert keys.find("ec-1") is None  # gone: rotated away
    assert place.asked == 2


def test_a_short_absence_of_the_keys_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    place, clock = Place(JWKS), [1000.0]
    monkeypatch.setattr("tocsin.service.cds.clients.time.monotonic", lambda: clock[0])
    keys = Keys({}, "https://ehr.example/jwks", place.fetch)
    keys.find("ec-1")
    place.down = True
    clock[0] += 700
    assert keys.find("ec-1") is not None
    clock[0] += 700
    with pytest.raises(KeysUnavailable):
        keys.find("ec-1")


def test_without_keys_the_answer_is_503_not_401(tmp_path: Path) -> None:
    place = Place(JWKS)
    place.down = True
    file = clients_file(tmp_path, f'[[client]]\nissuer = "{ISSUER}"\njwks_url = "https://ehr.example/jwks"\n')
    store = open_store(str(tmp_path / "store.db"))
    trust = Trust(read_clients(file, place.fetch), store.used_tokens, 10, False)
    with pytest.raises(Problem) as raised:
        verify(trust, token())
    assert raised.value.status == 503
    store.close()


def test_a_jku_must_be_the_trusted_one(tmp_path: Path) -> None:
    file = clients_file(tmp_path, f'[[client]]\nissuer = "{ISSUER}"\njwks_url = "https://ehr.example/jwks"\n')
    store = open_store(str(tmp_path / "store.db"))
    trust = Trust(read_clients(file, Place(JWKS).fetch), store.used_tokens, 10, False)
    assert verify(trust, token(header={"jku": "https://ehr.example/jwks"})) == ISSUER
    assert "jku" in refusal(trust, token(header={"jku": "https://ehr.example/other"}))
    store.close()


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [jwk(EC_256, "small")],
        [jwk(RSA_SMALL, "small")],
        [jwk(EC, "enc", use="enc")],
        [jwk(EC, "es256", alg="ES256")],
        [{**jwk(EC, "private"), "d": "AAAA"}],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}],
        [{name: value for name, value in jwk(EC, "x").items() if name != "kid"}],
        [{"kty": "EC", "crv": "P-384", "kid": "broken", "x": "?", "y": "?"}],
        [None, 1, "x"],
        "keys",
    ],
)
def test_keys_that_cannot_verify_are_none(keys: Any) -> None:
    with pytest.raises(UserError, match="no key for ES384 or RS384"):
        read_keys({"keys": keys}, "here")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[[client]]"),
        ("client = 1", "[[client]]"),
        ("other = 1", "[[client]]"),
        ('[[client]]\nissuer = "a"', "[[client]]"),
        ('[[client]]\nissuer = ""\njwks_file = "ehr.json"', "[[client]]"),
        ('[[client]]\nissuer = "a"\njwks_file = "ehr.json"\njwks_url = "https://a.example"', "[[client]]"),
        ('[[client]]\nissuer = "a"\njwks_file = "none.json"', "cannot be read"),
        ('[[client]]\nissuer = "a"\njwks_file = "clients.toml"', "not JSON"),
        ('[[client]]\nissuer = "a"\njwks_url = "http://ehr.example/jwks"', "https"),
        ('[[client]]\nissuer = "a"\njwks_url = "ftp://ehr.example/jwks"', "https"),
        ('[[client]]\nissuer = "a"\njwks_file = "ehr.json"\n' * 2, "twice"),
        ('[[client]]\nissuer = "a"\nkeys = []', "no key"),
        ("[[client", "not TOML"),
    ],
)
def test_a_file_of_clients_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        read_clients(clients_file(tmp_path, text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_of_clients_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_clients(tmp_path / "none.toml")


# --- over HTTP ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that trusts one EHR and lets one origin's pages call."""
    folder = tmp_path_factory.mktemp("guarded")
    config = Config(
        store=str(folder / "store.db"),
        access=Access(public_url=BASE),
        cds=Cds(clients=str(clients_file(folder)), origins=("https://ehr.example",)),
        limits=Limits(requests_per_minute=0),
    )
    with served(config) as found:
        yield found


def post(
    guarded: Served, text: str | None, path: str = "/cds-services/tocsin-patient-view", body: Any = None
) -> Any:
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    return guarded.http.post(path, json=request(prefetch=severe()) if body is None else body, headers=headers)


def test_a_call_with_a_token_is_answered(guarded: Served) -> None:
    answer = post(guarded, token())
    assert answer.status_code == 200, answer.text
    assert answer.json()["cards"][0]["links"][0]["url"].startswith(f"{BASE}/rules/")


@pytest.mark.parametrize("text", [None, unsigned, forged_with_the_public_key, changed])
def test_a_call_without_one_that_holds_is_not(guarded: Served, text: Any) -> None:
    answer = post(guarded, text() if text else None)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "not_trusted"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_replayed_token_is_refused(guarded: Served) -> None:
    once = token()
    assert post(guarded, once).status_code == 200
    assert post(guarded, once).status_code == 401


def test_feedback_asks_for_a_token_of_its_own(guarded: Served) -> None:
    path = "/cds-services/tocsin-patient-view/feedback"
    body = {
        "feedback": [
            {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-02-12T19:00:00Z"}
        ]
    }
    assert post(guarded, token(), path, body).status_code == 401  # meant for the service itself
    assert post(guarded, token(aud=f"{BASE}{path}"), path, body).status_code == 200


def test_discovery_asks_for_nothing(guarded: Served) -> None:
    assert guarded.http.get("/cds-services").status_code == 200


def test_open_to_others_without_clients_nobody_may_call(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    assert "Bearer" in refusal(Trust({}, store.used_tokens, 10, False), None)
    assert "iss" in refusal(Trust({}, store.used_tokens, 10, False), token())
    assert Trust({}, store.used_tokens, 10, True).verify(None, VIEW) == "anyone on this machine"
    store.close()


@pytest.mark.parametrize(
    ("host", "mode", "free"),
    [("127.0.0.1", "loopback", True), ("127.0.0.1", "proxy", False), ("0.0.0.0", "accounts", False)],
)
def test_authentication_is_off_only_where_nobody_else_can_come_in(
    tmp_path: Path, host: str, mode: Any, free: bool
) -> None:
    from tocsin.service.cds.routes import trust_of
    from tocsin.service.context import Context
    from tocsin.service.patients import Patients

    config = Config(host=host, access=Access(mode=mode))
    store = open_store(str(tmp_path / "store.db"))
    assert trust_of(config, Context(config, store, Patients(store))).open_here is free
    store.close()


# --- CORS --------------------------------------------------------------------------------------------------------------------

_ASK = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://ehr.example", True), ("https://evil.example", False), ("null", False)]
)
def test_browsers_are_told_which_origin_may_call(guarded: Served, origin: str, allowed: bool) -> None:
    before = guarded.http.options("/cds-services/tocsin-patient-view", headers={"Origin": origin, **_ASK})
    assert before.status_code == 204
    assert ("access-control-allow-origin" in before.headers) is allowed
    assert ("access-control-allow-methods" in before.headers) is allowed
    assert "access-control-allow-credentials" not in before.headers
    found = guarded.http.get("/cds-services", headers={"Origin": origin})
    assert found.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert "Origin" in found.headers["vary"]
    refused = guarded.http.post("/cds-services/tocsin-patient-view", json={}, headers={"Origin": origin})
    assert refused.status_code == 401
    assert ("access-control-allow-origin" in refused.headers) is allowed


def test_other_routes_are_never_opened_to_other_origins(guarded: Served) -> None:
    for path in ("/health", "/openapi.json"):
        found = guarded.http.get(path, headers={"Origin": "https://ehr.example"})
        assert "access-control-allow-origin" not in found.headers
