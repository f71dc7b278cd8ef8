"""An authorisation server for tests: SMART and OpenID documents, codes with PKCE, id_tokens signed with keys made here.

It signs in whoever comes, as `claims` says. `twist` changes one id_token before it is signed, `sign` signs it otherwise; `codes`
can be used once. Loopback only, in a thread.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT = "tocsin-ward"
KID = "key-1"


def new_key() -> rsa.RSAPrivateKey:
    """A key to sign with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Authorisation:
    """What a running server knows, and how it misbehaves when told to."""

    url: str
    key: rsa.RSAPrivateKey
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "dr-made-up", "groups": ["ward"]})
    document: dict[str, Any] = field(
        default_factory=dict[str, Any]
    )  # what its own description says otherwise
    twist: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    secret: str = ""
    others: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # more public keys

    @property
    def fhir_base(self) -> str:
        """The FHIR address whose SMART document it serves."""
        return f"{self.url}/fhir"

    def description(self) -> dict[str, Any]:
        """What stands under .well-known."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-standalone", "sso-openid-connect"],
        } | self.document

    def keys(self) -> dict[str, Any]:
        """The public keys."""
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": KID, "use": "sig"}, *self.others]}

    def authorize(self, query: dict[str, str]) -> str:
        """Let the user in; return where the browser is sent back to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"]})

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Give an id_token for a code, once, to who began."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or proof != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        pair = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
        known = authorization == f"Basic {pair}" if self.secret else form.get("client_id") == CLIENT
        if not known:
            return 401, {"error": "invalid_client"}
        return 200, {
            "access_token": "unused",
            "token_type": "Bearer",
            "id_token": self.id_token(asked["nonce"]),
        }

    def id_token(self, nonce: str) -> str:
        """The signed word on who signed in."""
        time_s = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": time_s,
            "exp": time_s + 300,
            "nonce": nonce,
            **self.claims,
        }
        self.twist(claims)
        return self.sign(claims) if self.sign else jwt.encode(claims, self.key, "RS256", headers={"kid": KID})


def curve_key(kid: str) -> tuple[ec.EllipticCurvePrivateKey, dict[str, Any]]:
    """Another kind of key, and its public half as it is published."""
    key = ec.generate_private_key(ec.SECP384R1())
    return key, json.loads(ECAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "ES384"}


@contextmanager
def authorising() -> Iterator[Authorisation]:
    """Run a server on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    found = Authorisation(f"http://127.0.0.1:{server.server_port}", new_key())
    server.knows = found  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        knows: Authorisation = self.server.knows  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        knows.seen.append((parts.path, query))
        if parts.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", knows.authorize(query))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = {
            "/.well-known/openid-configuration": knows.description,
            "/fhir/.well-known/smart-configuration": knows.description,
            "/jwks": knows.keys,
        }.get(parts.path)
        self._answer(200, found()) if found else self._answer(404, {})

    def do_POST(self) -> None:
        knows: Authorisation = self.server.knows  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        knows.seen.append((self.path, form))
        self._answer(*knows.redeem(form, self.headers.get("Authorization", "")))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args
