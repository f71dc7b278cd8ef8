"""The public keys of an issuer (JWKS): fetched when needed, kept for an hour, asked again for a key that is new."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from tocsin.sources.fhir.concepts import as_list, as_object

# What may sign: no shared secret, never `none`.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_KEPT_S: Final = 3600.0
_AGAIN_S: Final = 30.0  # how often a key that nobody knows makes us ask

Fetch = Callable[[str], Awaitable[dict[str, Any]]]


class KeySet:
    """The keys behind one address."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url, self._fetch = url, fetch
        self._keys: list[dict[str, Any]] = []
        self._asked = float("-inf")

    async def key(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key that a token names, None where there is none of that kind. Raises what the fetch raises."""
        age = time.monotonic() - self._asked
        found = _chosen(self._keys, kid, algorithm) if age < _KEPT_S else None
        if found is None and age >= _AGAIN_S:
            answer = await self._fetch(self._url)
            self._keys = [as_object(one) for one in as_list(answer.get("keys"))]
            self._asked = time.monotonic()
            found = _chosen(self._keys, kid, algorithm)
        return found


def _chosen(keys: list[dict[str, Any]], kid: str | None, algorithm: str) -> PyJWK | None:
    """Return the key of a name, or the only one that fits a token without a name."""
    fit = [
        one
        for one in keys
        if one.get("kty") != "oct"
        and one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and (kid is None or one.get("kid") == kid)
    ]
    if len(fit) != 1:
        return None
    try:
        return PyJWK.from_dict(fit[0], algorithm)
    except PyJWTError:  # a key of another kind than the algorithm
        return None
