"""The HTTP of one connection: a head that is no HTTP, too large or too slow is answered in the one shape, and cut off."""

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LARGEST_HEAD: Final = 64 * 1024
_HEAD_S: Final = 30.0
_TEXTS: Final = {
    400: ("bad_request", "this is no HTTP request; correct it"),
    408: ("too_slow", f"the head of the request took longer than {_HEAD_S:g} s"),
    431: ("too_large", f"the head of the request is larger than {_LARGEST_HEAD // 1024} KiB; send less"),
}


class Wire(HttpToolsProtocol):
    """Reads requests as its parent does, which waits for the end of a head for ever, however long it grows."""

    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values)
        self._in_head, self._is_begun, self._read = True, False, 0
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head is neither too large nor too slow."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._read += len(data)
        super().data_received(data)
        if self._in_head and self._read > _LARGEST_HEAD:
            self._refuse(431)
        elif self._in_head and (self._is_begun or self._read):  # a part of it is here, the rest has to follow
            self._wait()

    def on_message_begin(self) -> None:
        """The first letter of a head is here."""
        self._is_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: what follows is a body, which has limits of its own."""
        self._in_head = self._is_begun = False
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole: what follows is the head of the next."""
        super().on_message_complete()
        self._in_head, self._read = True, 0

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        del msg
        self._refuse(400)

    def _wait(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(_HEAD_S, self._refuse, 408)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: int) -> None:
        """Say why, unless an answer has begun on this connection, and hang up."""
        self._wait_no_more()
        if self.transport.is_closing():
            return
        under_way: Any = self.cycle
        if under_way is not None:
            can_answer = under_way.response_complete or not under_way.response_started
            under_way.disconnected = True  # what a route may still have to say is not heard
        else:
            # Browsers connect ahead, and take an answer to nothing for one to their next request.
            can_answer = self._read > 0
        if can_answer:
            self.transport.write(_answer(status))
        self.transport.close()


def _answer(status: int) -> bytes:
    code, message = _TEXTS[status]
    body = json.dumps({"error": {"code": code, "message": message, "detail": None}}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "x-content-type-options: nosniff\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
