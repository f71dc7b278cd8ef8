"""Who we are to a FHIR server: a token from the environment or a file, or one bought with our own key; never sent in clear."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.fhir_server import FhirServer
from tests.support.followed import QUICK, ward
from tocsin.errors import UserError
from tocsin.service.config import Follow, read_config
from tocsin.service.follow import FhirClient, SmartBackend, credentials_of

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: Key) -> str:
    """A private key as it stands in a file."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def secret(file: Path, text: str, mode: int = 0o600) -> str:
    """A file with a secret."""
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def asked_by(server: FhirServer) -> list[str | None]:
    """Who asked."""
    return [one.headers.get("authorization") for one in server.requests]


def test_a_token_goes_with_every_request() -> None:
    server = ward("a", token="t1")
    with server.running():
        client = FhirClient(server.base, credentials_of(server.base, Follow(token="t1\n")), patience=QUICK)
        assert client.read("Group", "ward").status == 200
        client.close()
    assert asked_by(server) == ["Bearer t1"]


def test_a_file_is_read_again_when_its_token_is_refused(tmp_path: Path) -> None:
    server = ward("a", token="t2")
    follow = Follow(token_file=secret(tmp_path / "token", "t1"))
    with server.running():
        client = FhirClient(server.base, credentials_of(server.base, follow), patience=QUICK)
        secret(tmp_path / "token", "t2")
        assert client.read("Group", "ward").status == 200
        client.close()
    assert asked_by(server) == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize("base", ["http://fhir.example.org/r4", "http://10.0.0.1/r4"])
def test_a_token_is_never_sent_in_clear(base: str) -> None:
    with pytest.raises(UserError, match="a token is sent over https only"):
        FhirClient(base, credentials_of(base, Follow(token="t")))


def test_a_token_is_not_shown() -> None:
    found = read_config(None, {"TOCSIN_FOLLOW_TOKEN": "never-shown"})
    assert found.follow.token == "never-shown"
    assert "never-shown" not in repr(found)


@pytest.mark.parametrize(
    ("follow", "line"),
    [
        (Follow(token=" "), "TOCSIN_FOLLOW_TOKEN: holds no token"),
        (Follow(token="Bearer x"), "TOCSIN_FOLLOW_TOKEN: holds no token"),
        (Follow(token_file="/nowhere"), "follow.token_file /nowhere: cannot be read"),
        (Follow(client_id="x"), "follow.client_id and follow.key_file belong together"),
        (Follow(key_file="x"), "follow.client_id and follow.key_file belong together"),
    ],
)
def test_half_of_it_is_said_in_one_line(follow: Follow, line: str) -> None:
    with pytest.raises(UserError) as error:
        credentials_of("https://x", follow)
    assert line in error.value.message


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = secret(tmp_path / "token", "t", 0o640)
    with pytest.raises(UserError, match=f"run chmod 600 {file}"):
        credentials_of("https://x", Follow(token_file=file))


SMALL = pem(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize("text", ["no key", SMALL.replace("PRIVATE", "PUBLIC"), SMALL])
def test_a_key_that_smart_does_not_take_is_refused(tmp_path: Path, text: str) -> None:
    follow = Follow(client_id="x", key_file=secret(tmp_path / "key.pem", text))
    with pytest.raises(UserError, match=r"follow\.key_file"):
        credentials_of("https://x", follow)


@dataclass
class Tokens:
    """A server that gives tokens against a signed assertion, as SMART backend services do."""

    key: Any
    status: int = 200
    life: int = 300
    endpoint: str | None = None
    claims: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    forms: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    port: int = 0

    @property
    def base(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/fhir"

    @contextmanager
    def running(self) -> Iterator["Tokens"]:
        """Listen for as long as the block lasts."""
        of = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/fhir/.well-known/smart-configuration"
                self.answer(200, {"token_endpoint": of.endpoint or f"http://127.0.0.1:{of.port}/token"})

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                of.forms.append(form)
                found = jwt.decode(
                    form["client_assertion"],
                    of.key,
                    ["RS384", "ES384"],
                    audience=f"http://127.0.0.1:{of.port}/token",
                )
                of.claims.append(found)
                self.answer(of.status, {"access_token": f"t{len(of.claims)}", "expires_in": of.life})

            def answer(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


KEYS: list[Key] = [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())]


@pytest.mark.parametrize("key", KEYS, ids=["RS384", "ES384"])
def test_a_key_buys_a_token_that_is_used_until_its_end(tmp_path: Path, key: Key) -> None:
    follow = Follow(client_id="tocsin-ward", key_file=secret(tmp_path / "key.pem", pem(key)), key_id="k1")
    with Tokens(key.public_key()).running() as tokens:
        found = credentials_of(tokens.base, follow)
        assert isinstance(found, SmartBackend)
        assert [found.header(), found.header()] == ["Bearer t1", "Bearer t1"]
        found.renew()
        assert found.header() == "Bearer t2"
    first, second = tokens.claims
    assert (first["iss"], first["sub"], first["exp"] - first["iat"]) == ("tocsin-ward", "tocsin-ward", 240)
    assert first["jti"] != second["jti"]
    assert tokens.forms[0]["grant_type"] == "client_credentials"
    assert tokens.forms[0]["scope"] == "system/*.rs"
    assert jwt.get_unverified_header(tokens.forms[0]["client_assertion"])["kid"] == "k1"


def test_a_token_is_bought_anew_before_it_ends(tmp_path: Path) -> None:
    with Tokens(KEYS[1].public_key(), life=0).running() as tokens:
        found = SmartBackend(tokens.base, "x", pem(KEYS[1]))
        found.header()
        found._until = 0.0  # pyright: ignore[reportPrivateUsage]  # its time is over
        assert found.header() == "Bearer t2"


def test_a_refused_client_is_told_what_to_check(tmp_path: Path) -> None:
    with Tokens(KEYS[1].public_key(), status=400).running() as tokens:
        found = SmartBackend(tokens.base, "x", pem(KEYS[1]))
        with pytest.raises(
            UserError, match=r"token: refused \(400\); check follow.client_id, the key and the scope"
        ):
            found.header()


def test_an_assertion_goes_nowhere_in_clear(tmp_path: Path) -> None:
    with Tokens(KEYS[1].public_key(), endpoint="http://evil.example/token").running() as tokens:
        with pytest.raises(UserError, match="names no https address that gives tokens"):
            SmartBackend(tokens.base, "x", pem(KEYS[1])).header()
        assert tokens.forms == []
