"""Where a request comes from: the address of the caller, by the word of a proxy only where the proxy is one of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.service.config import LOOPBACK, Config
from tocsin.service.errors import Problem

_PEER: Final = "tocsin.peer"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def peer_of(scope: Scope) -> str:
    """Return the address at the other end of the connection."""
    return str(scope.get(_PEER, ""))


def trusted(address: str, proxies: Sequence[str]) -> bool:
    """Whether an address is one of the proxies."""
    found = _address(address)
    return found is not None and any(found in ip_network(one) for one in proxies)


def caller(peer: str, said: str, proxies: Sequence[str]) -> str:
    """Return who called: the last address in X-Forwarded-For that is no proxy of ours, if the peer is one."""
    if not trusted(peer, proxies):
        return peer
    for one in reversed([part.strip() for part in said.split(",") if part.strip()]):
        found = _address(one)
        if found is None:
            return peer  # not an address: the proxy passes on what it did not write
        if not trusted(one, proxies):
            return str(found)
    return peer


def _host(authority: str) -> str:
    """Return the name in a Host header, without the port."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class ForwardedMiddleware:
    """Sets the client of each request to who called; in mode loopback, refuses what does not come from this machine."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client, headers = scope.get("client"), Headers(scope=scope)
            scope[_PEER] = peer = client[0] if client else ""
            said = ",".join(headers.getlist("x-forwarded-for"))
            scope["client"] = (caller(peer, said, self._config.access.proxies), client[1] if client else 0)
            if self._config.access.mode == "loopback":
                refusal = _refusal(headers)
                if refusal is not None:
                    await refusal.response()(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _refusal(headers: Headers) -> Problem | None:
    """Return why a request is not from this machine: a page elsewhere may send its name here (DNS rebinding)."""
    if _host(headers.get("host", "")) not in LOOPBACK:
        message = "open to this machine only: reach it as 127.0.0.1 or localhost, or set access.mode"
        return Problem(403, "other_host", message)
    if any(name in headers for name in _FORWARDED):
        message = "open to this machine only, and this came through a proxy; set access.mode to accounts, proxy or oidc"
        return Problem(403, "forwarded", message)
    return None
