"""A server that throttles, breaks off, lies or is away: asked again with patience, never hammered, not believed blindly."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.fhir_server import START, Fault, FhirServer, Request
from tests.support.followed import QUICK, following, held, ids, observation, there, ward
from tocsin.errors import UserError
from tocsin.service.errors import Problem
from tocsin.service.follow import FhirClient, Follower, Patience, Round, Stop, Stopped
from tocsin.service.store import Store


class Rests(Stop):
    """Notes how long it should have rested, and does not."""

    def __init__(self, most: int = 10_000) -> None:
        super().__init__()
        self.rests: list[float] = []
        self._most = most

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        if len(self.rests) >= self._most:
            raise Stopped
        self.check()


def every_other(kind: str, **more: Any) -> Callable[[Request], Fault | None]:
    """A fault in each request that has an even number."""
    return lambda request: Fault(kind, **more) if request.number % 2 == 0 else None


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 429, "0"),
        Fault("status", 429),
        Fault("status", 503),
        Fault("status", 500),
        Fault("status", 502),
        Fault("status", 504),
        Fault("reset"),
        Fault("cut"),
        Fault("gateway"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_a_request_that_fails_is_made_again(tmp_path: Path, fault: Fault) -> None:
    server = ward("a", "b", temperatures=7, per_page=3)
    server.before = every_other(fault.kind, status=fault.status, after=fault.after)
    with server.running(), following(server, tmp_path) as (follower, store):
        assert follower.round().is_whole
        for patient in ("a", "b"):
            assert held(store, patient) == there(server, patient)


def test_an_answer_that_takes_too_long_is_asked_for_again(tmp_path: Path) -> None:
    server = ward("a")
    server.before = lambda request: Fault("slow") if request.number in (2, 3) else None
    with server.running(), following(server, tmp_path) as (follower, store):
        assert follower.round().is_whole
        assert held(store, "a") == there(server, "a")


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 1),
        ("100000", 300, 300),  # a day: we ask sooner
        (
            (START + timedelta(seconds=45)).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            40,
            45,
        ),  # by the server's own clock
        ("soon", 0, 1),
        ("-5", 0, 1),
        (None, 0, 1),
    ],
)
def test_a_throttled_client_rests_as_long_as_the_server_wishes(
    tmp_path: Path, said: str | None, least: float, most: float
) -> None:
    server, stop = ward("a"), Rests()
    server.before = lambda request: Fault("status", 429, said) if request.number == 1 else None
    with server.running(), following(server, tmp_path, stop=stop) as (follower, _):
        assert follower.round().is_whole
    assert len(stop.rests) == 1
    assert least <= stop.rests[0] <= most


def test_rests_grow_to_a_limit_and_are_never_quite_the_same() -> None:
    usual = Patience()
    for tries, middle in [(1, 0.5), (2, 1), (3, 2), (7, 32), (8, 60), (50, 60)]:
        rests = {usual.rest(tries) for _ in range(20)}
        assert all(middle / 2 <= rest <= middle for rest in rests)
        assert len(rests) > 1


def test_a_server_that_is_down_is_not_hammered(tmp_path: Path) -> None:
    server, stop = ward("a", "b", "c", "d"), Rests(most=40)
    done: list[tuple[Round, float]] = []
    with server.running(), following(server, tmp_path, stop=stop) as (follower, _):
        follower.round()
        before = len(server.requests)
        server.before = lambda request: Fault("status", 503)
        with pytest.raises(Stopped):
            follower.run(30, lambda round, rest: done.append((round, rest)))
        rests = [rest for _, rest in done]
        assert rests == sorted(rests)
        assert rests[0] > 29
        assert rests[-1] == 300
        assert len(server.requests) - before == QUICK.tries * len(done)  # the group alone is asked for
        assert done[0][0].tally.troubles == {"Group: the server says 503, 4 times; will be tried again": 1}


def test_one_patient_who_cannot_be_read_does_not_hold_up_the_others(tmp_path: Path) -> None:
    server = ward("a", "b", "c", "d")
    bad = {"a", "b"}

    def broken(request: Request) -> Fault | None:
        return Fault("status", 500) if request.query.get("patient") in bad else None

    server.before = broken
    with server.running(), following(server, tmp_path) as (follower, store):
        first = follower.round()
        assert not first.is_whole  # two in a row: it might be the server
        second = follower.round()  # begins with the one at which it broke off
        assert not second.is_whole
        for patient in ("c", "d"):
            assert held(store, patient) == there(server, patient)
        bad.clear()
        assert follower.round().is_whole
        for patient in ("a", "b", "c", "d"):
            assert held(store, patient) == there(server, patient)


def test_a_server_that_restarts_is_followed_on(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        server.stop()
        done = follower.round()
        assert not done.is_whole
        assert done.tally.troubles == {"Group: the server cannot be reached, 4 times; will be tried again": 1}
        server.start()
        server.put(observation("new", "a"))
        assert follower.round().is_whole
        assert held(store, "a") == there(server, "a")


def test_a_store_that_is_away_ends_the_round_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        with monkeypatch.context() as patched:
            patched.setattr(Store, "save_resources", _away)
            done = follower.round()
        assert not done.is_whole
        assert done.tally.troubles == {"the store cannot be reached": 1}
        assert follower.round().is_whole
        assert held(store, "a") == there(server, "a")


def _away(*_: Any, **__: Any) -> None:
    raise Problem(503, "store_unavailable", "the store cannot be reached")


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/fhir",  # another port
        "https://127.0.0.1/fhir",
        "http://evil.example/fhir",
        "http://user:word@127.0.0.1:{port}/fhir",
        "file:///etc",
        "//evil.example/fhir",
        "http://[",
    ],
)
def test_a_next_page_elsewhere_is_never_asked_for(tmp_path: Path, link: str) -> None:
    server = ward("a", temperatures=7, per_page=3)
    with server.running(), following(server, tmp_path) as (follower, _):
        server.link_base = link.replace("{port}", server.base.rsplit(":", 1)[1].split("/")[0])
        done = follower.round()
    (trouble,) = done.tally.troubles
    assert trouble.startswith("Observation: its next page lies on another server, which is never asked; ")
    assert not done.is_whole, "a part was read, and not the rest"
    assert not any("_offset" in asked for asked in ids(server, "Observation"))


@pytest.mark.parametrize("start", ["/fhir/Observation?", "Observation?", "?"])
def test_a_relative_next_page_is_found(tmp_path: Path, start: str) -> None:
    server = ward("a", temperatures=7, per_page=3)
    link_to(server, lambda url: start + url.partition("?")[2])
    with server.running(), following(server, tmp_path) as (follower, store):
        assert not follower.round().tally.troubles
        assert held(store, "a") == there(server, "a")


@pytest.mark.parametrize("link", ["", " ", None])
def test_a_next_page_without_an_address_is_not_taken_for_the_end(tmp_path: Path, link: str | None) -> None:
    server = ward("a", temperatures=7, per_page=3)
    link_to(server, lambda url: link)
    with server.running(), following(server, tmp_path) as (follower, _):
        done = follower.round()
        assert list(done.tally.troubles) == [
            "Observation: its next page has no address; this is a fault of the server"
        ]
        assert not done.is_whole


def link_to(server: FhirServer, other: Callable[[str], str | None]) -> None:
    """Let the server write other addresses into its links to the next page."""
    usual = server.answer

    def answer(path: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        status, body = usual(path, query)
        for link in body.get("link", []):
            if link["relation"] == "next":
                link["url"] = other(link["url"])
        return status, body

    server.answer = answer  # type: ignore[method-assign]


def test_pages_that_go_round_in_circles_are_left(tmp_path: Path) -> None:
    server = ward("a")
    usual = server.answer

    def circle(path: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        status, body = usual(path, query)
        if "Observation" in path:
            body["link"] = [{"relation": "next", "url": f"{server.base}/Observation?patient=a"}]
        return status, body

    server.answer = circle  # type: ignore[method-assign]
    with server.running(), following(server, tmp_path) as (follower, _):
        assert list(follower.round().tally.troubles) == [
            "Observation: the server's pages have no end; this is a fault of the server"
        ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"not_served": {"Group": 404}}, "there is no group ward on the server (404); check --group"),
        ({"not_served": {"Group": 403}}, "not allow this (403); ask for the right to read Group (Group of {} is not served)"),
        ({"not_served": {"Group": 302}}, "Group: the server leads on (302); give the address that answers itself"),
        ({"not_served": {"Group": 422}}, "Group: the server says 422 (Group of {} is not served)"),
        ({"token": "secret"}, "Group: the server wants to know who asks (401); give a token that is valid"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_at_all_is_said_in_one_line(
    tmp_path: Path, change: dict[str, Any], line: str
) -> None:
    server = ward("a", **change)
    with server.running(), following(server, tmp_path) as (follower, _), pytest.raises(UserError) as error:
        follower.round()
    assert line in error.value.message
    assert server.base in error.value.message


def test_what_the_server_says_of_a_patient_does_not_name_the_patient(tmp_path: Path) -> None:
    server = ward("jane-doe", not_served={"Condition": 400})
    with server.running(), following(server, tmp_path) as (follower, _):
        tally = follower.round().tally
    assert tally.troubles == {"Condition: the server says 400": 1}
    (said,) = tally.said.values()
    assert said.startswith("Condition of {'patient': '...'")
    assert "jane-doe" not in said


def test_an_answer_without_an_end_is_broken_off(tmp_path: Path) -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b" " * 10)
                time.sleep(0.05)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    endless = HTTPServer(("127.0.0.1", 0), Endless)
    endless.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=endless.serve_forever, args=(0.02,), daemon=True).start()
    client = FhirClient(
        f"http://127.0.0.1:{endless.server_address[1]}", patience=Patience(whole_s=0.3, tries=1)
    )
    started = time.monotonic()
    with pytest.raises(Exception, match="took too long"):
        client.read("Group", "ward")
    assert time.monotonic() - started < 2
    client.close()
    endless.shutdown()
    endless.server_close()


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ("fhir.example.org", "no address of a FHIR server"),
        ("ftp://fhir.example.org", "no address of a FHIR server"),
        ("https://", "no address of a FHIR server"),
        ("https://fhir.example.org/r4?x=1", "no address of a FHIR server"),
        ("http://[", "no address"),
        ("http://a:99999/", "no address"),
        ("https://me:word@fhir.example.org", "holds a name or a password"),
    ],
)
def test_an_address_that_is_none_is_said_so(base: str, line: str) -> None:
    with pytest.raises(UserError) as error:
        FhirClient(base)
    assert line in error.value.message
    assert "word" not in error.value.message.replace("password", "")


@pytest.mark.parametrize("group", ["", "../Patient", "a b", "x" * 65, "ward?_count=1"])
def test_a_group_that_is_no_id_is_said_so(tmp_path: Path, group: str) -> None:
    with following(FhirServer(), tmp_path) as (_, store), pytest.raises(UserError, match="no id of FHIR"):
        Follower(FhirClient("http://127.0.0.1:1"), store, group)
