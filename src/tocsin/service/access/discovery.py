"""Where an OpenID provider has its endpoints: by SMART's own document or OpenID's, and how it is asked."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tocsin.service.config import LOOPBACK, Access
from tocsin.service.errors import Problem
from tocsin.sources.fhir.concepts import as_object

_KEPT_S: Final = 3600.0
_TIMEOUT_S: Final = 10.0
_LARGEST: Final = 1 << 20
_SMART: Final = "/.well-known/smart-configuration"
_OPENID: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a provider says of itself."""

    issuer: str
    authorization: str
    token: str
    keys: str


class Discovery:
    """Asks one provider; nothing is asked before somebody signs in."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._found: Endpoints | None = None
        self._asked = float("-inf")

    async def endpoints(self) -> Endpoints:
        """Return where the provider is asked what. Raises Problem (502) when it cannot be reached, or is not to be trusted."""
        if self._found is None or time.monotonic() - self._asked > _KEPT_S:
            self._found = await self._discover()
            self._asked = time.monotonic()
        return self._found

    async def fetch(self, url: str) -> dict[str, Any]:
        """Return a JSON object that the provider publishes."""
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """Return what the provider answers to a form; empty where it refuses it."""
        return await self._ask("POST", url, form, headers)

    async def _discover(self) -> Endpoints:
        said: dict[str, Any] = {}
        issuer = self._access.issuer.rstrip("/")
        if self._access.fhir_base:
            said = await self.fetch(self._access.fhir_base.rstrip("/") + _SMART)
            issuer = str(said.get("issuer", "")).rstrip("/")
        if not self._access.fhir_base or "jwks_uri" not in said:
            said = said | await self.fetch(_checked(issuer) + _OPENID)
        if not issuer or str(said.get("issuer", "")).rstrip("/") != issuer:
            raise _unfit("it calls itself by another name than access.issuer")
        methods = said.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(methods, list) or "S256" not in methods:
            raise _unfit("it does not take PKCE with S256")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return Endpoints(str(said["issuer"]), *(_checked(said.get(name)) for name in names))

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.request(
                    method, url, data=form, headers={"Accept": "application/json", **(headers or {})}
                )
            refused = method == "POST" and 400 <= answer.status_code < 500
            if refused:
                return {}
            said: Any = answer.json() if answer.is_success and len(answer.content) <= _LARGEST else None
        except (httpx.HTTPError, ValueError, RecursionError):
            said = None
        found = as_object(said)
        if not found:
            raise _unfit("it cannot be reached, or does not answer as a provider does")
        return found


def _checked(url: Any) -> str:
    """Return an address that a secret may be sent to: https, or this machine."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    except ValueError:
        safe = False
    if not safe:
        raise _unfit("one of its addresses is not https")
    return str(url)


def _unfit(reason: str) -> Problem:
    message = (
        f"nobody can sign in through the OpenID provider now: {reason}; try again, or ask an administrator"
    )
    return Problem(502, "provider", message)
