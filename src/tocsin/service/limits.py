"""What a request may be: how large, how deep, how slow, how often; its body is whole and unpacked when a route runs."""

import time
import zlib
from collections import OrderedDict
from ipaddress import IPv6Address
from typing import Final

import anyio
import numpy as np
from anyio import to_thread
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.service.config import Limits
from tocsin.service.errors import Problem

_MIB: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ON_LOOP: Final = 1 << 19  # what is smaller is looked at on the event loop: a millisecond at most
_BLOCK: Final = 1 << 20
_ADDRESSES: Final = 10_000  # how many callers are remembered
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/")
_FREE: Final = frozenset({"/health"})  # who watches the service must always get through
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_AT_ONCE: Final = 4  # bodies of the largest size that may wait in memory together
_STEP: Final = np.zeros(256, np.int8)
_STEP[[ord("["), ord("{")]] = 1
_STEP[[ord("]"), ord("}")]] = -1


def install(app: FastAPI, limits: Limits) -> None:
    """Put the limits around the application."""
    app.add_middleware(LimitMiddleware, limits=limits)


class Rates:
    """How many requests each address has left: as many as a minute allows, coming back evenly."""

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Take one request; return the seconds until the next one is allowed, 0 where this one is."""
        if not self._most:
            return 0.0
        address = _network(address)
        left, before = self._left.pop(address, (self._most, now))
        left = min(self._most, left + max(0.0, now - before) * self._most / 60)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        while len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self._most


def _network(address: str) -> str:
    """Return by what a caller is known: of IPv6 the network, because each caller has a whole one to choose from."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


class LimitMiddleware:
    """Reads the body of each request up to its limit, unpacks and checks it, and hands it on whole."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._most = limits.body_mib * _MIB
        self._rates = Rates(limits.requests_per_minute)
        self._waiting = 0  # bytes of bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held = _Held(self)
        try:
            self._check_rate(scope)
            if scope["method"] not in _WITHOUT_BODY:
                receive = await self._with_body(scope, receive, held)
            await self._app(scope, receive, send)
        except Problem as problem:  # of ours: what a route raises is answered before it gets here
            await problem.response()(scope, receive, send)
        finally:
            self._waiting -= held.size

    def hold(self, size: int) -> None:
        """Count bytes that wait in memory. Raises Problem when there are too many."""
        if self._waiting + size > _AT_ONCE * self._most:
            raise Problem(
                503, "busy", "too many large requests at once; try again", headers={"Retry-After": "5"}
            )
        self._waiting += size

    def _check_rate(self, scope: Scope) -> None:
        client = scope.get("client")
        wait = self._rates.wait(client[0] if client else "", time.monotonic())
        if wait and scope["path"] not in _FREE:
            seconds = str(int(wait) + 1)
            raise Problem(
                429,
                "too_many_requests",
                f"too many requests; try again in {seconds} s",
                headers={"Retry-After": seconds},
            )

    async def _with_body(self, scope: Scope, receive: Receive, held: "_Held") -> Receive:
        headers = Headers(scope=scope)
        packed = await self._read(headers, receive, held)
        how = headers.get("content-encoding", "").strip().lower()
        form = headers.get("content-type", "").lower().startswith(_FORMS)
        depth = 0 if form else self._limits.json_depth
        if len(packed) < _ON_LOOP and not _is_packed(packed, how):
            body = ready(packed, how, self._most, depth)
        else:
            body = await to_thread.run_sync(ready, packed, how, self._most, depth)
        held.add(len(body) - len(packed))
        scope["headers"] = list(scope["headers"])
        changed = MutableHeaders(scope=scope)
        del changed["content-encoding"], changed["transfer-encoding"]
        changed["content-length"] = str(len(body))
        return _replay(body, receive)

    async def _read(self, headers: Headers, receive: Receive, held: "_Held") -> bytes:
        said = headers.get("content-length", "0")
        if said.isdecimal() and int(said) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        with anyio.move_on_after(self._limits.body_seconds) as deadline:
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Problem(400, "bad_request", "the body broke off")
                part = message.get("body", b"")
                size += len(part)
                if size > self._most:
                    raise self._too_large()
                held.add(len(part))
                parts.append(part)
                more = message.get("more_body", False)
        if deadline.cancelled_caught:
            message = f"the body took longer than {self._limits.body_seconds} s"
            raise Problem(408, "too_slow", message, headers={"Connection": "close"})
        return b"".join(parts)

    def _too_large(self) -> Problem:
        message = f"the body is larger than {self._limits.body_mib} MiB; send it in parts"
        return Problem(413, "too_large", message, headers={"Connection": "close"})


class _Held:
    """What one request holds of the memory for bodies."""

    def __init__(self, of: LimitMiddleware) -> None:
        self._of, self.size = of, 0

    def add(self, size: int) -> None:
        self._of.hold(size)
        self.size += size


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body on, then listens on: a stream must notice when its reader leaves."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _is_packed(body: bytes, how: str) -> bool:
    return how in ("gzip", "x-gzip") or body.startswith(_GZIP)


def ready(body: bytes, how: str, most: int, depth: int) -> bytes:
    """Return a body unpacked. Raises Problem when it is too large unpacked, cut short, or nested too deep (0: not looked at)."""
    if how not in ("", "identity", "gzip", "x-gzip"):
        raise Problem(415, "unsupported_media_type", "Content-Encoding: send the body plain or as gzip")
    if _is_packed(body, how):
        body = _unpacked(body, most)
        if body.startswith(_GZIP):  # what reads Bundles would unpack it again, without a limit
            raise Problem(415, "unsupported_media_type", "the body is packed twice; pack it once")
    if depth and nesting(body) > depth:
        raise Problem(422, "too_deep", f"the JSON is nested deeper than {depth}; FHIR never is")
    return body


def _unpacked(body: bytes, most: int) -> bytes:
    """Return what is packed, never more than allowed: a small body may unpack to any size."""
    parts: list[bytes] = []
    size = 0
    try:
        while body:
            member = zlib.decompressobj(wbits=31)
            while body and not member.eof:
                parts.append(member.decompress(body, most + 1 - size))
                size += len(parts[-1])
                if size > most:
                    raise Problem(
                        413,
                        "too_large",
                        f"the body is larger than {most // _MIB} MiB unpacked; send it in parts",
                    )
                body = member.unconsumed_tail
            if not member.eof:
                raise Problem(400, "bad_request", "the body is cut short: it cannot be unpacked")
            body = member.unused_data
    except zlib.error:
        raise Problem(400, "bad_request", "the body is no gzip: it cannot be unpacked") from None
    return b"".join(parts)


def nesting(body: bytes) -> int:
    """Return how deep a JSON text is nested; brackets inside texts do not count."""
    # Escaped backslashes first, then escaped quotes: what quotes are left begin and end a text.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    # Two quotes with nothing between them change nothing for what stands around them; most marks are such.
    marks = plain.translate(None, _NOT_A_MARK).replace(b'""', b"")
    deepest = level = quotes = 0
    for start in range(0, len(marks), _BLOCK):
        block = np.frombuffer(marks, np.uint8, min(_BLOCK, len(marks) - start), start)
        count = np.cumsum(block == ord('"'), dtype=np.int64) + quotes
        levels = np.cumsum(np.where(count % 2 == 0, _STEP[block], 0), dtype=np.int64) + level
        quotes, level, deepest = int(count[-1]), int(levels[-1]), max(deepest, int(levels.max()))
    return deepest


_NOT_A_MARK: Final = bytes(byte for byte in range(256) if byte not in b'"[]{}')
