"""Secrets of our own: random, known to the store by their hash alone, and the tokens of forms that are made from them."""

import hashlib
import hmac
import secrets
from typing import Final

_BYTES: Final = 32


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(_BYTES)


def hashed(secret: str) -> str:
    """Return what the store knows of a random secret. (A password is another thing: see passwords.)"""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(secret: str, name: str) -> str:
    """Return what a form must hold to come from a page of ours: made from the cookie, never the cookie itself."""
    return hmac.new(secret.encode(), f"form:{name}".encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
