"""A small FHIR R4 server on a loopback port, for tests: real HTTP, a clock of its own, and every fault that can be asked for.

It keeps every version, searches by patient, `_id` and `_lastUpdated`, sorts by `_lastUpdated` where asked to, and pages by
offset over what there is at that instant: what changes between two pages moves the rest, as on many real servers.
"""

import json
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Json = dict[str, Any]
START = datetime(2026, 3, 4, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request."""

    kind: str  # status, reset, cut, slow, page, gateway, garbage, stale, expired
    status: int = 503
    after: str | None = None  # Retry-After


@dataclass
class Request:
    """One request as the server saw it."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class FhirServer:
    """The resources of a hospital that does not exist."""

    per_page: int = 500
    now: datetime = START
    sorts: bool = True
    elements: bool = True
    dates: bool = True  # whether answers carry a Date
    link_base: str | None = None  # what `next` links are made of, if not our own address
    not_served: dict[str, int] = field(default_factory=dict[str, int])  # type -> status
    token: str | None = None
    before: Callable[[Request], Fault | None] | None = None  # asked before each request is answered
    requests: list[Request] = field(default_factory=list[Request])
    _there: dict[tuple[str, str], Json] = field(default_factory=dict[tuple[str, str], Json])
    _gone: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    _versions: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _pages: dict[str, Json] = field(default_factory=dict[str, Json])
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _http: "_Listener | None" = None
    _port: int = 0

    # --- the hospital at work

    def put(self, resource: Json, updated: datetime | None = None) -> Json:
        """Write a resource, in a new version; each write comes a second after the one before unless a time is given."""
        with self._lock:
            if updated is None:
                self.now += timedelta(seconds=1)
                updated = self.now
            name = resource["resourceType"], resource["id"]
            self._versions[name] += 1
            meta = {
                "versionId": str(self._versions[name]),
                "lastUpdated": updated.isoformat(timespec="milliseconds"),
            }
            self._there[name] = {**resource, "meta": meta}
            self._gone.discard(name)
            return self._there[name]

    def delete(self, kind: str, id: str) -> None:
        """Delete a resource."""
        with self._lock:
            if self._there.pop((kind, id), None):
                self._gone.add((kind, id))

    def group(self, *members: str, id: str = "ward", inactive: tuple[str, ...] = ()) -> None:
        """Say who is in the group."""
        listed = [{"entity": {"reference": f"Patient/{one}"}, "inactive": one in inactive} for one in members]
        self.put({"resourceType": "Group", "id": id, "type": "person", "actual": True, "member": listed})

    def latest(self, patient: str, kinds: tuple[str, ...]) -> dict[tuple[str, str], Json]:
        """What the server has of a patient now, of some types."""
        with self._lock:
            return {
                name: one
                for name, one in self._there.items()
                if name[0] in kinds and _patient_of(one) == patient
            }  # fmt: skip

    def versions(self, patient: str) -> int:
        """How many versions of the resources that a patient has now were ever written."""
        with self._lock:
            return sum(
                self._versions[name] for name, one in self._there.items() if _patient_of(one) == patient
            )

    def get(self, kind: str, id: str) -> Json | None:
        """One resource."""
        with self._lock:
            return self._there.get((kind, id))

    # --- the server

    @property
    def base(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self._port}/fhir"

    def start(self) -> None:
        """Listen: on the same port as before, if there was one."""
        self._http = _Listener(self, self._port)
        self._port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def restart(self) -> None:
        """Stop and start, on the same port; searches under way are forgotten."""
        self.stop()
        self.start()

    @contextmanager
    def running(self) -> Iterator["FhirServer"]:
        """Listen for as long as the block lasts."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Json]:
        """Answer a request that nothing is wrong with."""
        with self._lock:
            parts = path.removeprefix("/fhir").strip("/").split("/")
            if parts[0] in self.not_served:
                return self.not_served[parts[0]], _outcome(
                    "not-supported", f"{parts[0]} of {query} is not served"
                )
            if len(parts) == 2:
                found = self._there.get((parts[0], parts[1]))
                gone = (parts[0], parts[1]) in self._gone
                return (
                    (200, found) if found else (410 if gone else 404, _outcome("not-found", f"no {parts[1]}"))
                )
            return 200, self._search(parts[0], query)

    def _search(self, kind: str, query: dict[str, str]) -> Json:
        found = [one for name, one in self._there.items() if name[0] == kind and _matches(one, query)]
        if self.sorts and query.get("_sort") == "_lastUpdated":
            found.sort(key=lambda one: one["meta"]["lastUpdated"])
        offset, count = int(query.get("_offset", "0")), min(int(query.get("_count", "20")), self.per_page)
        shown = found[offset : offset + count]
        if self.elements and "_elements" in query:
            shown = [{name: one[name] for name in ("resourceType", "id", "meta")} for one in shown]
        links = [{"relation": "self", "url": f"{self.base}/{kind}"}]
        if offset + count < len(found):
            more = urlencode({**query, "_offset": str(offset + count)})
            links.append({"relation": "next", "url": f"{self.link_base or self.base}/{kind}?{more}"})
        entries = [
            {"fullUrl": f"{self.base}/{kind}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for one in shown
        ]
        return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}

    def remembered(self, path: str, query: dict[str, str], now: Json) -> Json:
        """The page that the same request got the last time, in place of the one it should get."""
        key = path + urlencode({name: value for name, value in query.items() if name != "_lastUpdated"})
        before, self._pages[key] = self._pages.get(key, now), now
        return before


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, of: FhirServer, port: int) -> None:
        self.of = of
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # the one of HTTPServer looks up the name of the machine

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for one in list(self.open):
            _reset(one)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has hung up: that is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    server: _Listener

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, or let go wrong what shall go wrong."""
        of, parts = self.server.of, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        request = Request(
            len(of.requests), parts.path, query, {name.lower(): value for name, value in self.headers.items()}
        )
        of.requests.append(request)
        fault = of.before(request) if of.before else None
        if of.token and self.headers.get("Authorization") != f"Bearer {of.token}":
            return self._send(401, json.dumps(_outcome("login", "who are you")).encode())
        status, body = of.answer(parts.path, query)
        before = of.remembered(parts.path, query, body) if body.get("resourceType") == "Bundle" else body
        self._go_wrong(fault, status, body, before)

    def _go_wrong(self, fault: Fault | None, status: int, body: Json, before: Json) -> None:
        whole = json.dumps(body).encode()
        match fault.kind if fault else "":
            case "status":
                assert fault is not None
                self._send(fault.status, json.dumps(_outcome("throttled", "later")).encode(), fault.after)
            case "reset":
                _reset(self.connection)
                self.close_connection = True
            case "cut":
                self._head(status, len(whole), None)
                self.wfile.write(whole[: len(whole) // 2])
                self.wfile.flush()
                _reset(self.connection)
                self.close_connection = True
            case "slow":
                time.sleep(0.6)
                self._send(status, whole)
            case "gateway":
                self._send(200, b"<html>We will be back soon</html>")
            case "stale":
                self._send(status, json.dumps(before).encode())
            case "expired":
                self._send(410, json.dumps(_outcome("not-found", "this search is no more")).encode())
            case _:
                self._send(status, whole)

    def _head(self, status: int, length: int, after: str | None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(length))
        if self.server.of.dates:
            self.send_header("Date", format_datetime(self.server.of.now, usegmt=True))
        if after is not None:
            self.send_header("Retry-After", after)
        self.end_headers()

    def _send(self, status: int, body: bytes, after: str | None = None) -> None:
        self._head(status, len(body), after)
        self.wfile.write(body)


def _reset(connection: socket.socket) -> None:
    """Hang up without a good-bye."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    except OSError:
        pass  # it is closed already


def _matches(one: Json, query: dict[str, str]) -> bool:
    if "_id" in query and one["id"] != query["_id"]:
        return False
    if "patient" in query and _patient_of(one) != query["patient"]:
        return False
    since = query.get("_lastUpdated", "")
    assert since[:2] in ("", "ge"), since
    return not since or datetime.fromisoformat(one["meta"]["lastUpdated"]) >= datetime.fromisoformat(
        since[2:]
    )


def _patient_of(one: Json) -> str | None:
    if one["resourceType"] == "Patient":
        return one["id"]
    return one.get("subject", {}).get("reference", "").removeprefix("Patient/") or None


def _outcome(code: str, text: str) -> Json:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code, "diagnostics": text}],
    }
