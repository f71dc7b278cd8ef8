"""What an id_token says, once it is proved: who signed it, for whom, when, and for which launch."""

from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from tocsin.service.access.keys import ALGORITHMS, KeySet
from tocsin.service.access.tokens import same
from tocsin.service.errors import Problem
from tocsin.sources.fhir.concepts import as_list

_LEEWAY_S: Final = 60  # how far two clocks may be apart
_NEEDED: Final = ("iss", "sub", "aud", "exp", "iat")


async def read_claims(id_token: str, keys: KeySet, issuer: str, client: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an id_token. Raises Problem (401) for one that does not hold, without saying what was in it."""
    try:
        head = jwt.get_unverified_header(id_token)
        algorithm, kid = head.get("alg"), head.get("kid")
        if algorithm not in ALGORITHMS:
            raise _unproved("it is signed in a way that is not taken")
        key = await keys.key(kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise _unproved("it is signed with a key that the provider does not publish")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=[algorithm],
            audience=client,
            issuer=issuer,
            leeway=_LEEWAY_S,
            options={"require": list(_NEEDED)},
        )
    except PyJWTError as error:
        raise _unproved(_WORDS.get(type(error).__name__, "it cannot be read")) from None
    if not same(str(claims.get("nonce", "")), nonce):
        raise _unproved("it was made for another sign-in")
    several = len(as_list(claims["aud"])) > 1
    if claims.get("azp", None if several else client) != client:
        raise _unproved("it was made for another client")
    return claims


_WORDS: Final = {
    "InvalidSignatureError": "its signature is wrong",
    "InvalidAudienceError": "it was made for another client",
    "InvalidIssuerError": "it is from another issuer",
    "ExpiredSignatureError": "it has expired",
    "ImmatureSignatureError": "it is not valid yet: compare the clocks",
    "MissingRequiredClaimError": "it lacks a claim that it must have",
}


def _unproved(reason: str) -> Problem:
    return Problem(
        401, "sign_in_refused", f"the provider's word on who signed in was refused: {reason}; begin again"
    )
