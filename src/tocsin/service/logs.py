"""The log: a line of JSON for each request, with nothing of a patient and nothing secret in it."""

import json
import logging
import os
import sys
import time
import traceback
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.service.errors import error_response, place_of

# What `tocsin follow` tells of a round: numbers, and troubles in our own words.
_FOLLOWED: Final = ("patients", "changed", "new", "gone", "aside", "joined", "left", "troubles", "rest_s")
_FIELDS: Final = ("id", "method", "route", "status", "ms", "error", "at", "count", *_FOLLOWED)
_LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "off": logging.CRITICAL + 1}
_BUG: Final = "this is a bug in Tocsin; please report it with the id of this request"
_log = logging.getLogger("tocsin.service")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON.

    Only the words of our own messages and a closed list of fields are written: the message of an exception, or of a library,
    may hold a patient's data or a password.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if record.name.startswith("tocsin") else record.name,
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "at": place_of(record.exc_info[1])}
        return json.dumps(line, ensure_ascii=True)


def write_json_lines(level: str) -> None:
    """Send every log of this process to the standard error as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tocsin").setLevel(_LEVELS[level])
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def install(app: FastAPI) -> None:
    """Log every request, and answer for what nobody else caught."""
    app.add_middleware(LogMiddleware)


class LogMiddleware:
    """The outermost layer: it gives each request an id, logs it, and turns an error of ours into an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id, start, status = uuid.uuid4().hex, time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = id
            await send(message)

        error: Exception | None = None
        try:
            await self._app(scope, receive, told)
        except Exception as raised:  # never let through: a server would print its message
            error = raised
            if os.environ.get("TOCSIN_DEBUG") == "1":
                traceback.print_exception(raised)
            if not status:
                await error_response(500, "internal", _BUG, {"id": id})(scope, receive, told)
        _write(scope, id, status, start, error)


def _write(scope: Scope, id: str, status: int, start: float, error: Exception | None) -> None:
    route = getattr(scope.get("route"), "path", "(none)")
    line: dict[str, Any] = {
        "id": id,
        "method": scope["method"][:16],
        "route": route,
        "status": status,
        "ms": round((time.perf_counter() - start) * 1000, 1),
    }
    if error is not None:
        line |= {"error": type(error).__name__, "at": place_of(error)}
    _log.log(
        logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO,
        "request",
        extra=line,
    )
