"""Who we are to a FHIR server: a token that somebody gave us, or one that our own key obtains (SMART backend services)."""

import stat
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tocsin.errors import UserError
from tocsin.service.config import LOOPBACK, Follow
from tocsin.sources.fhir.concepts import as_object

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_S: Final = 240  # of an assertion: SMART allows five minutes
_EARLY_S: Final = 30  # a token is renewed so long before its end
_USUAL_S: Final = 300  # the life of a token whose server does not say
_SCOPE: Final = "system/*.rs"


class Credentials(Protocol):
    """What proves who asks."""

    def header(self) -> str:
        """Return the value of `Authorization`. May ask the network: raises httpx.HTTPError."""
        ...

    def renew(self) -> bool:
        """Take another token after a refusal; False where there is no other."""
        ...


class Bearer:
    """A token from the environment, or from a file that somebody else keeps fresh."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._token = read()

    def header(self) -> str:
        """Return the token."""
        return f"Bearer {self._token}"

    def renew(self) -> bool:
        """Read the file again; False where it still holds the same token."""
        before, self._token = self._token, self._read()
        return self._token != before


class SmartBackend:
    """SMART backend services: an assertion signed with our key buys a token for a few minutes."""

    def __init__(self, base: str, client_id: str, key: str, scope: str = _SCOPE, key_id: str = "") -> None:
        self._base, self._client_id, self._scope, self._key_id = base, client_id, scope, key_id
        self._key, self._algorithm = _private_key(key)
        self._http = httpx.Client(timeout=30, follow_redirects=False)
        self._address: str | None = None
        self._token, self._until = "", 0.0

    def header(self) -> str:
        """Return a token that is still good for a while."""
        if time.monotonic() >= self._until:
            self._obtain()
        return f"Bearer {self._token}"

    def renew(self) -> bool:
        """Let go of the token, so that the next request obtains another."""
        self._until = 0.0
        return True

    def _obtain(self) -> None:
        address = self._address = self._address or self._discover()
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": address,
            "iat": now,
            "exp": now + _LIFE_S,
        }
        header = {"kid": self._key_id} if self._key_id else None
        signed = jwt.encode({**claims, "jti": uuid.uuid4().hex}, self._key, self._algorithm, header)
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": signed,
        }
        found = _json(self._http.post(address, data=form), "token")
        if not isinstance(token := found.get("access_token"), str):
            raise httpx.DecodingError("no access_token")
        life = found.get("expires_in")
        self._token = token
        self._until = time.monotonic() + max(
            1.0, float(life if isinstance(life, int | float) else _USUAL_S) - _EARLY_S
        )

    def _discover(self) -> str:
        """Return the address that gives tokens, from what the server says of itself."""
        found = _json(self._http.get(f"{self._base}/.well-known/smart-configuration"), "smart-configuration")
        address = str(found.get("token_endpoint"))
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise UserError(
                f"{self._base}: the server names no https address that gives tokens; check that it knows SMART"
            )
        return address


def credentials_of(base: str, follow: Follow) -> Credentials | None:
    """Return what the configuration says of who we are; None where it says nothing. Raises UserError for half of it."""
    if follow.client_id or follow.key_file:
        if not (follow.client_id and follow.key_file):
            raise UserError("follow.client_id and follow.key_file belong together; give both")
        key = _secret_file(follow.key_file, "follow.key_file")
        return SmartBackend(base, follow.client_id, key, follow.scope or _SCOPE, follow.key_id)
    if follow.token_file:
        return Bearer(
            lambda: _one_word(_secret_file(follow.token_file, "follow.token_file"), follow.token_file)
        )
    return Bearer(lambda: _one_word(follow.token, "TOCSIN_FOLLOW_TOKEN")) if follow.token else None


def _secret_file(name: str, key: str) -> str:
    """Return what a file holds. Raises UserError when it cannot be read, or when others can read it."""
    file = Path(name)
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not plain text"
        raise UserError(f"{key} {name}: cannot be read ({reason}); name another file") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{key} {name}: holds a secret and others may read it; run chmod 600 {name}")
    return text


def _one_word(token: str, where: str) -> str:
    token = token.strip()
    if not token or not token.isprintable() or " " in token:
        raise UserError(f"{where}: holds no token; write the token alone, without 'Bearer'")
    return token


def _private_key(text: str) -> tuple[Any, str]:
    """Return a private key and the algorithm it signs with: RS384 or ES384, the two that SMART asks for."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise UserError("follow.key_file: no private key without a password; write it as PEM") from None
    if isinstance(key, RSAPrivateKey):
        return key, "RS384"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name == "secp384r1":
        return key, "ES384"
    raise UserError("follow.key_file: SMART takes an RSA key or one of the curve P-384; make one of these")


def _json(answer: httpx.Response, what: str) -> dict[str, Any]:
    """Return what a token server says. Raises UserError when it says no, HTTPError when it cannot say."""
    if answer.status_code in (429, 500, 502, 503, 504):
        raise httpx.RemoteProtocolError(f"{what}: {answer.status_code}")
    if answer.status_code != 200:
        raise UserError(
            f"{what}: refused ({answer.status_code}); check follow.client_id, the key and the scope"
        )
    try:
        found: Any = answer.json()
    except ValueError:
        raise httpx.DecodingError(f"{what}: no JSON") from None
    return as_object(found)
