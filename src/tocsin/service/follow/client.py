"""A FHIR server over HTTP: one request at a time, tried again with patience, and never sent anywhere but to that server."""

import email.utils
import random
import ssl
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from tocsin.errors import UserError
from tocsin.service.config import LOOPBACK
from tocsin.service.follow.auth import Credentials
from tocsin.service.follow.outcome import reason_of
from tocsin.sources.fhir.bundle import parse
from tocsin.sources.fhir.concepts import Json, as_object

# no-cache: some servers answer the same search from memory for a while. lenient: what a server cannot sort or cut, it may ignore.
_HEADERS: Final = {
    "Accept": "application/fhir+json",
    "Cache-Control": "no-cache",
    "Prefer": "handling=lenient",
    "User-Agent": "tocsin",
}
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_ABSENT: Final = frozenset({404, 410})
_LARGEST: Final = 128 * 2**20  # bytes of one answer, unpacked


class Stopped(Exception):
    """Somebody asked to stop."""


class Stop:
    """The wish to stop, from a signal: a wait ends at once, a write to the store is finished first."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def ask(self) -> None:
        """Ask to stop. Raises Stopped where the program only waits; called on the main thread."""
        self.asked = True
        if self._waiting:
            raise Stopped

    def check(self) -> None:
        """Raise Stopped if somebody asked."""
        if self.asked:
            raise Stopped

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Mark what may be broken off at any point."""
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises Stopped as soon as somebody asks."""
        with self.waiting():
            time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take, how often a request is tried, and how long the rest between two tries is."""

    connect_s: float = 10
    read_s: float = 30
    whole_s: float = 180
    tries: int = 5
    first_rest_s: float = 0.5
    longest_rest_s: float = 60
    longest_wish_s: float = 300  # of a server that says how long to wait

    def rest(self, tries: int) -> float:
        """Return how long to rest after so many tries: longer each time, and never the same for two who were refused together."""
        return random.uniform(0.5, 1) * min(self.longest_rest_s, self.first_rest_s * 2 ** (tries - 1))


class FhirError(Exception):
    """What the server did not give, in our words; `said` is what the server said of it, which is not for a log."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class Unreachable(FhirError):
    """The server did not answer, or not usably, however often it was asked."""


class Refused(FhirError):
    """The server answered, and said no."""


class Cut(Refused):
    """The server gave a part of what was asked for, and not the rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, and by its own clock when; `body` is empty where it says that there is nothing."""

    status: int
    body: Json
    time: datetime | None

    @property
    def is_absent(self) -> bool:
        """Whether there is no such thing, or no longer."""
        return self.status in _ABSENT


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a request has to be made again, and when the server would like it."""

    why: str
    after: float | None = None


class FhirClient:
    """Reads from one FHIR server. Not for several threads."""

    def __init__(
        self,
        base: str,
        credentials: Credentials | None = None,
        stop: Stop | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.base = checked_base(base)
        self._origin = _origin(self.base)
        self._credentials = credentials
        if credentials is not None and not is_safe(self.base):
            raise UserError(f"{self.base}: a token is sent over https only; give the https address")
        self.stop = stop or Stop()
        self._patience = patience or Patience()
        limits = httpx.Timeout(self._patience.read_s, connect=self._patience.connect_s)
        self._http = httpx.Client(timeout=limits, headers=_HEADERS, follow_redirects=False)
        self.server_time: datetime | None = None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def read(self, kind: str, id: str) -> Answer:
        """Return one resource by its id. Raises FhirError."""
        return self._get(f"{self.base}/{kind}/{id}", kind)

    def search(self, kind: str, parameters: Mapping[str, str]) -> Answer:
        """Return the first page of a search. Raises FhirError."""
        return self._get(f"{self.base}/{kind}", kind, parameters)

    def follow(self, link: str, kind: str) -> Answer:
        """Return the page that a `next` link of a search leads to. Raises FhirError, also when it leads elsewhere."""
        if not link.strip():
            raise Refused(f"{kind}: its next page has no address; this is a fault of the server")
        within = f"{self.base}/{kind}" if link.startswith("?") else f"{self.base}/"
        address = str(httpx.URL(within).join(link)) if _is_url(link) else ""
        if not address or _origin(address) != self._origin or urlsplit(address).username is not None:
            raise Refused(
                f"{kind}: its next page lies on another server, which is never asked; "
                f"make {self._origin} the address that the server writes into its links"
            )
        return self._get(address, kind)

    def _get(self, url: str, kind: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """Ask until there is an answer. Raises Refused for a no, Unreachable when patience is at its end."""
        trouble = _Trouble("not asked")
        for tries in range(1, self._patience.tries + 1):
            found = self._try(url, kind, parameters)
            if isinstance(found, Answer):
                return found
            trouble = found
            if tries < self._patience.tries:
                self.stop.sleep(self._rest(tries, trouble))
        raise Unreachable(f"{kind}: {trouble.why}, {self._patience.tries} times; will be tried again")

    def _rest(self, tries: int, trouble: _Trouble) -> float:
        usual = self._patience.rest(tries)
        wish = min(trouble.after or 0.0, self._patience.longest_wish_s)
        return max(usual, wish)

    def _try(self, url: str, kind: str, parameters: Mapping[str, str] | None) -> Answer | _Trouble:
        try:
            with self.stop.waiting():
                status, headers, content = self._fetch(url, parameters)
                if status == 401 and self._credentials is not None and self._credentials.renew():
                    status, headers, content = self._fetch(url, parameters)
        except httpx.HTTPError as error:
            _refuse_certificate(error, self._origin)
            return _Trouble(_words(error))
        except httpx.InvalidURL:
            raise Refused(f"{kind}: the server gave an address that is none") from None
        time = _instant(headers.get("Date"))
        self.server_time = time or self.server_time
        if status in _AGAIN:
            return _Trouble(f"the server says {status}", _after(headers, time))
        if status == 200:
            return _answer(content, time)
        if status in _ABSENT:
            return Answer(status, {}, time)
        asked = httpx.URL(url, params=parameters) if parameters else httpx.URL(url)
        hidden = {*asked.params.values(), asked.path.rsplit("/", 1)[-1]} - {kind}
        raise Refused(_refusal(kind, status, headers), reason_of(content, hidden))

    def _fetch(self, url: str, parameters: Mapping[str, str] | None) -> tuple[int, httpx.Headers, bytes]:
        """Make one request; the body is read to its end, unless it is larger or slower than any answer should be."""
        header = {"Authorization": self._credentials.header()} if self._credentials else {}
        started, body = time.monotonic(), bytearray()
        with self._http.stream("GET", url, params=parameters, headers=header) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise httpx.DecodingError(f"more than {_LARGEST} bytes")
                if time.monotonic() - started > self._patience.whole_s:
                    raise httpx.ReadTimeout("too slow")
        return response.status_code, response.headers, bytes(body)


def _answer(content: bytes, time: datetime | None) -> Answer | _Trouble:
    try:
        body = as_object(parse(content, "answer"))
    except UserError:
        return _Trouble("the server's answer is no JSON")
    return Answer(200, body, time) if body.get("resourceType") else _Trouble("the server's answer is no FHIR")


def _refusal(kind: str, status: int, headers: httpx.Headers) -> str:
    if status == 401:
        return f"{kind}: the server wants to know who asks (401); give a token that is valid"
    if status == 403:
        return f"{kind}: the server does not allow this (403); ask for the right to read {kind}"
    if 300 <= status < 400:
        place = urlsplit(str(headers.get("Location", "")))
        where = f" to {place.scheme}://{place.hostname}" if place.hostname else ""
        return f"{kind}: the server leads on{where} ({status}); give the address that answers itself"
    return f"{kind}: the server says {status}"


def _words(error: httpx.HTTPError) -> str:
    """Return in words why there was no answer; the library's own message may hold the address, and with it a patient."""
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return "the server cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "the server's answer took too long"
    if isinstance(error, httpx.DecodingError):
        return "the server's answer cannot be unpacked, or is too large"
    return "the connection broke off"


def _refuse_certificate(error: BaseException, origin: str) -> None:
    """Raise Refused where it is the certificate: to ask again at once would not make it a better one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise Refused(
                f"{origin}: its certificate is not trusted ({cause.verify_message}); "
                "name the file of your own authority in SSL_CERT_FILE"
            ) from None
        cause = cause.__cause__ or cause.__context__


def _after(headers: httpx.Headers, time: datetime | None) -> float | None:
    """Return how many seconds a server wants to be left alone; a date is taken by the server's own clock."""
    said = headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said[:9])
    until = _instant(said)
    return None if until is None else max(0.0, (until - (time or datetime.now(UTC))).total_seconds())


def _instant(said: str | None) -> datetime | None:
    """Return a date of HTTP."""
    try:
        found = email.utils.parsedate_to_datetime(said) if said else None
    except (ValueError, TypeError):
        return None
    return None if found is None else found.replace(tzinfo=found.tzinfo or UTC)


def checked_base(base: str) -> str:
    """Return the address of a FHIR server without a slash at its end. Raises UserError when it is none."""
    if not _is_url(base):
        raise UserError(f"{base}: no address; write it as https://fhir.example.org/r4")
    parts = urlsplit(base)
    if parts.username is not None or parts.password is not None:
        raise UserError(
            "the server's address holds a name or a password, which everyone on this machine could see; take it out"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"{base}: no address of a FHIR server; write it as https://fhir.example.org/r4")
    return base.rstrip("/")


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read what is sent: TLS, or this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _is_url(text: str) -> bool:
    try:
        httpx.URL(text)
        urlsplit(text).port  # noqa: B018 - raises for a port that is none
    except (httpx.InvalidURL, ValueError, TypeError):
        return False
    return True


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"
