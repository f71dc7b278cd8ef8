"""Which CDS clients are trusted: issuers with their public keys, out of a file, or fetched and kept for a while."""

import json
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from tocsin.errors import UserError
from tocsin.service.config import LOOPBACK

# The algorithms that the specification recommends, each with the kind of key that it takes.
ALGORITHMS: Final = MappingProxyType({"ES384": ("EC", "P-384"), "RS384": ("RSA", None)})
_KEEP_S: Final = 600.0
_AGAIN_S: Final = 30.0  # an unknown key id makes us look again, but not more often
_FETCH_S: Final = 5.0
_MOST_BYTES: Final = 1 << 20
_LEAST_RSA_BITS: Final = 2048
_PLACES: Final = ("jwks_url", "jwks_file", "keys")
_FORM: Final = "write [[client]] with issuer and one of jwks_url, jwks_file or keys"

Json = dict[str, Any]
Fetch = Callable[[str], bytes]


class KeysUnavailable(Exception):
    """The keys of a client cannot be had now."""


@dataclass(frozen=True)
class Client:
    """One issuer that is trusted; `url` is where its keys are, where they are fetched."""

    issuer: str
    keys: "Keys"

    @property
    def url(self) -> str | None:
        """Return the address of its keys."""
        return self.keys.url


class Keys:
    """The public keys of one issuer by their ids."""

    def __init__(
        self, keys: Mapping[str, PyJWK], url: str | None = None, fetch: "Fetch | None" = None
    ) -> None:
        self.url = url
        self._keys, self._fetch = dict(keys), fetch or fetched
        self._lock = threading.Lock()
        self._read_at = self._tried_at = -_KEEP_S

    def find(self, kid: str) -> PyJWK | None:
        """Return the key of an id, None where there is none. Raises KeysUnavailable."""
        if self.url is None:
            return self._keys.get(kid)
        with self._lock:  # who waits here gets what the first one fetches
            now = time.monotonic()
            stale = now - self._read_at >= _KEEP_S
            if (stale or kid not in self._keys) and now - self._tried_at >= _AGAIN_S:
                self._tried_at = now
                self._read(self.url, now)
            if self._read_at < 0:
                raise KeysUnavailable(self.url)
            return self._keys.get(kid)

    def _read(self, url: str, now: float) -> None:
        try:
            self._keys = read_keys(json.loads(self._fetch(url)), url)
            self._read_at = now
        except (httpx.HTTPError, OSError, ValueError, UserError) as error:
            if now - self._read_at >= 2 * _KEEP_S:  # a short absence changes nothing
                raise KeysUnavailable(url) from error


def fetched(url: str) -> bytes:
    """Return what stands at an address; small, and without going anywhere else. Raises httpx.HTTPError."""
    trusted = httpx.create_ssl_context()  # by the authority of SSL_CERT_FILE where there is one
    with (
        httpx.Client(timeout=_FETCH_S, follow_redirects=False, trust_env=False, verify=trusted) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        if not answer.is_success:
            raise httpx.HTTPError(f"{url}: status {answer.status_code}")
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > _MOST_BYTES:
                raise httpx.HTTPError(f"{url}: too large for a set of keys")
        return body


def read_keys(document: Any, where: str) -> dict[str, PyJWK]:
    """Return the keys of a JWK Set that can verify what is signed as ALGORITHMS say. Raises UserError where there is none."""
    listed = cast(Json, document).get("keys") if isinstance(document, dict) else document
    found: dict[str, PyJWK] = {}
    for one in cast(list[Any], listed) if isinstance(listed, list) else []:
        algorithm = _algorithm(one)
        if algorithm is None:
            continue
        try:
            key = PyJWK(one, algorithm)
        except (PyJWTError, ValueError, TypeError):
            continue
        if getattr(key.key, "key_size", 0) >= (_LEAST_RSA_BITS if algorithm == "RS384" else 0):
            found[one["kid"]] = key
    if not found:
        raise UserError(
            f"{where}: no key for {' or '.join(ALGORITHMS)} with a kid in it; give a JWK Set of public keys"
        )
    return found


def _algorithm(key: Any) -> str | None:
    """Return the algorithm that a key is for; a secret key, and one for anything else, is for none."""
    if not isinstance(key, dict) or not isinstance(cast(Json, key).get("kid"), str):
        return None
    of = cast(Json, key)
    if of.get("use", "sig") != "sig" or "d" in of:
        return None
    kinds = (
        name
        for name, (kind, curve) in ALGORITHMS.items()
        if of.get("kty") == kind and curve in (None, of.get("crv"))
    )
    name = next(kinds, None)
    return name if of.get("alg", name) == name else None


def read_clients(file: Path, fetch: Fetch | None = None) -> dict[str, Client]:
    """Return the trusted clients of a TOML file by issuer. Raises UserError that says what is wrong and where."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not TOML ({error}); correct it") from None
    rows = table.get("client")
    if not isinstance(rows, list) or not rows or set(table) != {"client"}:
        raise UserError(f"{file}: {_FORM}")
    clients: dict[str, Client] = {}
    for place, row in enumerate(cast(list[Json], rows), 1):
        client = _client(row, file, f"{file}: client {place}", fetch)
        if client.issuer in clients:
            raise UserError(f"{file}: issuer {client.issuer} is there twice")
        clients[client.issuer] = client
    return clients


def _client(row: Json, file: Path, where: str, fetch: Fetch | None) -> Client:
    issuer, places = row.get("issuer"), [name for name in _PLACES if name in row]
    if not isinstance(issuer, str) or not issuer or len(places) != 1 or set(row) != {"issuer", places[0]}:
        raise UserError(f"{where}: {_FORM}")
    value = row[places[0]]
    if places[0] == "keys":
        return Client(issuer, Keys(read_keys(value, where)))
    if not isinstance(value, str):
        raise UserError(f"{where}: {_FORM}")
    if places[0] == "jwks_file":
        return Client(issuer, Keys(_keys_of_file(file.parent / value)))
    address = urlsplit(value)
    if not address.hostname or not (
        address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    ):
        raise UserError(f"{where}: jwks_url {value}: write an https address")
    return Client(issuer, Keys({}, value, fetch))


def _keys_of_file(file: Path) -> dict[str, PyJWK]:
    try:
        return read_keys(json.loads(file.read_bytes()), str(file))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); give the path of a JWK Set") from None
    except ValueError:
        raise UserError(f"{file}: not JSON; give a JWK Set") from None
