"""Signing in at an OpenID provider: the SMART on FHIR standalone launch, with PKCE, state and nonce."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from tocsin.service.access.claims import read_claims
from tocsin.service.access.discovery import Discovery, Endpoints
from tocsin.service.access.keys import KeySet
from tocsin.service.access.launches import Launches
from tocsin.service.access.people import Role, User, role_of
from tocsin.service.access.tokens import same
from tocsin.service.context import Context
from tocsin.service.errors import Problem
from tocsin.sources.fhir.concepts import as_list, as_object

CALLBACK: Final = "/sign-in/callback"
_NAME_LENGTH: Final = 128


class Provider:
    """The provider that a site trusts."""

    def __init__(self, context: Context) -> None:
        config = context.config
        self._access, self._context = config.access, context
        self._callback = config.address + CALLBACK
        self._discovery = Discovery(config.access)
        self._keys: dict[str, KeySet] = {}
        self._launches = Launches(context.store.database)

    async def begin(self, back: str) -> tuple[str, str]:
        """Return where to send a browser, and the secret that its cookie holds. Raises Problem (502) without the provider."""
        ends = await self._discovery.endpoints()
        secret, launch = await self._context.work(self._launches.begin, back, cpu=False)
        asked = {
            "response_type": "code",
            "client_id": self._access.client_id,
            "redirect_uri": self._callback,
            "scope": self._scope(),
            "state": launch.state,
            "nonce": launch.nonce,
            "code_challenge": _challenge(launch.verifier),
            "code_challenge_method": "S256",
        }
        if self._access.fhir_base:
            asked["aud"] = self._access.fhir_base
        joint = "&" if "?" in ends.authorization else "?"
        return ends.authorization + joint + urlencode(asked), secret

    async def finish(self, secret: str | None, answer: Mapping[str, str]) -> tuple[User, str]:
        """Return who signed in and where they wanted to go; each launch can be finished once.

        Raises Problem for whatever does not fit the launch that this browser began.
        """
        launch = await self._context.work(self._launches.end, secret, cpu=False) if secret else None
        if launch is None or not same(answer.get("state", ""), launch.state):
            raise refusal("this sign-in was not begun in this browser, took too long, or was used before")
        if "error" in answer or not answer.get("code"):
            raise refusal("the provider let nobody in")
        ends = await self._discovery.endpoints()
        if not same(answer.get("iss", ends.issuer), ends.issuer):
            raise refusal("the answer is from another provider")
        id_token = await self._redeem(ends, answer["code"], launch.verifier)
        keys = self._keys.setdefault(ends.keys, KeySet(ends.keys, self._discovery.fetch))
        claims = await read_claims(id_token, keys, ends.issuer, self._access.client_id, launch.nonce)
        return self._user(claims), launch.back

    async def _redeem(self, ends: Endpoints, code: str, verifier: str) -> str:
        """Return the id_token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if self._access.client_secret:
            pair = f"{quote(self._access.client_id, safe='')}:{quote(self._access.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = self._access.client_id
        answer = await self._discovery.post(ends.token, form, headers)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise refusal("the provider did not take the code, or says nothing of who signed in")
        return id_token

    def _user(self, claims: Mapping[str, Any]) -> User:
        name = claims.get(self._access.name_claim)
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise refusal(f"the provider says no name in the claim {self._access.name_claim}")
        role: Role | None = role_of(_texts(_inner(claims, self._access.role_claim)), self._access)
        if role is None:
            message = (
                "signed in at the provider, but none of your groups may enter here; ask an administrator"
            )
            raise Problem(403, "forbidden", message)
        return User(name.strip()[:_NAME_LENGTH], role, "oidc")

    def _scope(self) -> str:
        return self._access.scope or ("openid fhirUser" if self._access.fhir_base else "openid profile")


def refusal(reason: str) -> Problem:
    """Return what somebody is told who could not be signed in."""
    return Problem(401, "sign_in_refused", f"{reason}; nobody is signed in, begin again")


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _inner(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim, by its own name or inside another."""
    if path in claims:
        return claims[path]
    found: Any = None
    for name in path.split("."):
        found, claims = claims.get(name), as_object(claims.get(name))
    return found


def _texts(value: Any) -> list[str]:
    """Return the texts of a claim that is a list, or one text."""
    several = [value] if isinstance(value, str) else as_list(value)
    return [one for one in several if isinstance(one, str)]
