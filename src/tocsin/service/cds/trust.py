"""Who calls: the JSON Web Token of a CDS client, verified against the trusted issuers; each token is good once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.exceptions import ExpiredSignatureError, InvalidAudienceError, PyJWTError

from tocsin.service.cds.clients import ALGORITHMS, Client, KeysUnavailable
from tocsin.service.errors import Problem
from tocsin.service.store.used_tokens import UsedTokens

ANYONE: Final = "anyone on this machine"
_LONGEST_S: Final = 24 * 3600  # a token that lives longer would have to be remembered as long
_LONGEST_TOKEN: Final = 8192
_LONGEST_JTI: Final = 256
_REQUIRED: Final = ("iss", "aud", "exp", "iat", "jti")


@dataclass(frozen=True)
class Trust:
    """The clients that may call. Without any, and `open_here`, whoever is on this machine may."""

    clients: Mapping[str, Client]
    tokens: UsedTokens
    leeway_s: int
    open_here: bool

    @property
    def is_open(self) -> bool:
        """Whether whoever can reach the service may call."""
        return not self.clients and self.open_here

    def verify(self, authorization: str | None, audience: str) -> str:
        """Return who calls the service at an address. Raises Problem (401) where that is not proven."""
        if self.is_open:
            return ANYONE
        token = _bearer(authorization)
        client, kid, algorithm = self._claimed(token)
        try:
            key = client.keys.find(kid)
        except KeysUnavailable:
            message = "the keys of this issuer cannot be had now, so its tokens cannot be verified; try again"
            raise Problem(503, "keys_unavailable", message, headers={"Retry-After": "30"}) from None
        if key is None:
            raise refused(f"kid {kid[:100]}: this issuer has no such key")
        if key.algorithm_name != algorithm:
            raise refused("alg: not the one that the key is for")
        claims = self._decoded(token, key, algorithm, client, audience)
        self._use_once(claims)
        return client.issuer

    def _claimed(self, token: str) -> tuple[Client, str, str]:
        """Return whose token it says it is, and how it is signed; nothing of that is proven yet."""
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (PyJWTError, ValueError):
            raise refused("not a JSON Web Token") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise refused(f"alg: sign it with {' or '.join(ALGORITHMS)}")
        if not isinstance(kid, str) or not kid:
            raise refused("kid: say which key signed it")
        if str(header.get("typ", "")).upper() != "JWT":
            raise refused("typ: write JWT")
        client = self.clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise refused("iss: this issuer is not trusted here")
        if "jku" in header and header["jku"] != client.url:
            raise refused("jku: not the address of keys that is trusted for this issuer")
        return client, kid, algorithm

    def _decoded(
        self, token: str, key: jwt.PyJWK, algorithm: str, client: Client, audience: str
    ) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=client.issuer,
                leeway=self.leeway_s,
                options={"require": list(_REQUIRED)},
            )
        except ExpiredSignatureError:
            raise refused("exp: it has expired") from None
        except InvalidAudienceError:
            raise refused(f"aud: must be the address that is called, {audience}") from None
        except (PyJWTError, ValueError, OverflowError) as error:
            raise refused(_reason(error)) from None
        return claims

    def _use_once(self, claims: Mapping[str, Any]) -> None:
        jti, expires = claims["jti"], float(claims["exp"])
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
            raise refused("jti: write a text of at most 256 signs")
        if expires - time.time() > _LONGEST_S + self.leeway_s:
            raise refused("exp: it lives longer than a day")
        if not self.tokens.use(claims["iss"], jti, expires + self.leeway_s):
            raise refused("jti: this token was used before")


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise refused("send Authorization: Bearer and a JSON Web Token")
    if len(token) > _LONGEST_TOKEN:
        raise refused("longer than a token is")
    return token


def _reason(error: Exception) -> str:
    """Return what is wrong with a token, in words that tell a forger nothing."""
    said = {
        "InvalidSignatureError": "its signature does not fit",
        "ImmatureSignatureError": "iat or nbf: it is not valid yet",
        "InvalidIssuedAtError": "iat: write a number",
        "MissingRequiredClaimError": f"it needs {', '.join(_REQUIRED)}",
    }
    return said.get(type(error).__name__, "it cannot be verified")


def refused(why: str) -> Problem:
    """Return the answer to a call without a token that holds."""
    return Problem(401, "not_trusted", f"token: {why}", headers={"WWW-Authenticate": "Bearer"})
