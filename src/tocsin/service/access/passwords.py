"""Passwords: what a new one must be, and its argon2id hash."""

import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.errors import UserError

SHORTEST: Final = 12
_LONGEST: Final = 256
# 32 MiB and three passes: above the floors that OWASP names, and two at once leave the service in its memory.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def hash_password(name: str, password: str) -> str:
    """Return the hash of a new password. Raises UserError when it is too short, too long or the name itself."""
    text = _plain(password)
    if not SHORTEST <= len(text) <= _LONGEST:
        raise UserError(f"the password has {len(text)} characters; take {SHORTEST} to {_LONGEST}")
    if name.lower() in text.lower() and len(text) < len(name) + SHORTEST:
        raise UserError("the password is little more than the name; take another")
    return _HASHER.hash(text)


def is_password(password: str, known: str | None) -> bool:
    """Whether a password is the one behind a hash; it takes as long where there is none."""
    text = _plain(password)[: _LONGEST + 1]
    try:
        return _HASHER.verify(known or _nobody(), text) and known is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(known: str) -> bool:
    """Whether a hash was made with less work than hashes are made with now."""
    return _HASHER.check_needs_rehash(known)


def rehash(password: str) -> str:
    """Return a hash, as they are made now, of a password that was found right."""
    return _HASHER.hash(_plain(password))


def _plain(password: str) -> str:
    # One spelling, whichever keyboard wrote it; a lone surrogate has none.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


@cache
def _nobody() -> str:
    """Return a hash that no password has: who asks for an unknown name waits as long."""
    return _HASHER.hash("")
