"""The limits of a request: size, depth, packing, pace."""

import gzip
import json
import socket
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.service import Served, error_of, served
from tocsin.service.config import Config, Limits
from tocsin.service.errors import Problem
from tocsin.service.limits import Rates, nesting, ready

MIB = 1 << 20
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with small limits."""
    store = str(tmp_path_factory.mktemp("small") / "store.db")
    limits = Limits(body_mib=1, json_depth=10, body_seconds=1, requests_per_minute=0)
    with served(Config(store=store, limits=limits)) as found:
        yield found


def filled(size: int) -> bytes:
    start = b'{"resourceType": "Bundle", "x": "'
    return start + b"x" * (size - len(start) - 2) + b'"}'


@pytest.mark.parametrize(("size", "status"), [(MIB - 1, 200), (MIB, 200), (MIB + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_size_of_a_body(small: Served, size: int, status: int, chunked: bool) -> None:
    body = filled(size)
    content: Any = (body[at : at + 60_000] for at in range(0, len(body), 60_000)) if chunked else body
    answer = small.http.post("/api/grade", content=content, headers=JSON)
    assert answer.status_code == status
    if status == 413:
        assert error_of(answer)["code"] == "too_large"


@pytest.mark.parametrize("named", [True, False])
def test_a_packed_body_is_unpacked_and_its_size_counts_unpacked(small: Served, named: bool) -> None:
    headers = {**JSON, "content-encoding": "gzip"} if named else JSON
    for size, status in ((MIB, 200), (MIB + 1, 413)):
        answer = small.http.post("/api/grade", content=gzip.compress(filled(size)), headers=headers)
        assert answer.status_code == status


def test_a_bomb_is_never_unpacked_whole() -> None:
    bomb = gzip.compress(bytes(300 * MIB), compresslevel=1)
    for body in (bomb, bomb * 3, gzip.compress(b"") * 1000 + bomb):
        tracemalloc.start()
        try:
            with pytest.raises(Problem) as raised:
                ready(body, "gzip", MIB, 10)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert raised.value.status == 413
        assert most < 16 * MIB


@pytest.mark.parametrize("named", [True, False])
def test_a_body_that_is_packed_twice_is_refused(small: Served, named: bool) -> None:
    bomb = gzip.compress(gzip.compress(bytes(MIB * 8)))
    headers = {**JSON, "content-encoding": "gzip"} if named else JSON
    answer = small.http.post("/api/grade", content=bomb, headers=headers)
    assert answer.status_code == 415
    error_of(answer)


@pytest.mark.parametrize(
    ("body", "how", "status"),
    [
        (b"no gzip at all", "gzip", 400),
        (gzip.compress(b"{}" * 100)[:-12], "gzip", 400),
        (gzip.compress(b"{}") + b"rest", "gzip", 400),
        (zlib.compress(b"{}"), "deflate", 415),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
)
def test_a_body_that_cannot_be_unpacked(small: Served, body: bytes, how: str, status: int) -> None:
    answer = small.http.post("/api/grade", content=body, headers={**JSON, "content-encoding": how})
    assert answer.status_code == status
    error_of(answer)


def test_several_packed_parts_are_one_body() -> None:
    assert ready(gzip.compress(b"ab") + gzip.compress(b"cd"), "gzip", 10, 0) == b"abcd"
    assert ready(b"", "", 10, 5) == b""


@pytest.mark.parametrize(("depth", "status"), [(9, 200), (10, 200), (11, 422), (100_000, 422)])
def test_the_depth_of_json(small: Served, depth: int, status: int) -> None:
    body = b'{"resourceType":"Bundle","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    answer = small.http.post("/api/grade", content=body, headers=JSON)
    assert answer.status_code == status
    if status == 422:
        assert error_of(answer)["code"] == "too_deep"


JSON_VALUES = st.recursive(
    st.none() | st.text(alphabet='a"\\[]{}é') | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='"\\[{'), inner, max_size=3),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (1 if isinstance(value, dict | list) else 0) + max((depth_of(one) for one in inside), default=0)


@given(JSON_VALUES, st.booleans())
def test_the_depth_is_that_of_the_parsed_value(value: Any, ascii: bool) -> None:
    assert nesting(json.dumps(value, ensure_ascii=ascii).encode()) == depth_of(value)


def test_the_depth_is_counted_on_over_blocks() -> None:
    assert nesting(b"[" * (3 * MIB) + b"]" * (3 * MIB)) == 3 * MIB
    assert nesting(b'["' + b"[" * (3 * MIB) + b'"]') == 1


def test_a_body_that_dawdles_is_cut_off(small: Served) -> None:
    host, port = small.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(
            b"POST /api/grade HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        start = time.monotonic()
        answer = b"".join(iter(lambda: slow.recv(10_000), b""))
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b'"too_slow"' in answer
    assert 0.5 < time.monotonic() - start < 5


HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def raw(service: Served, *parts: bytes) -> bytes:
    """What comes back for bytes as they stand, until the service hangs up."""
    host, port = service.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while got := connection.recv(65_536):
                answer += got
        except (ConnectionResetError, BrokenPipeError):
            pass  # hung up while there was more to say
    return answer


@pytest.mark.parametrize(
    "sent",
    [
        b"what is this\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"X-A: a\x00b\r\n\r\n",
        HEAD + b"X-A: 1\r\n folded\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=\n\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["words", "no colon", "nul", "folded", "two lengths", "length and chunks", "odd chunks", "space", "odd extension"],
)  # fmt: skip
def test_what_two_servers_could_read_in_two_ways_is_refused_in_the_one_shape(
    small: Served, sent: bytes
) -> None:
    head, _, body = raw(small, sent).rpartition(b"\r\n\r\n")
    assert b"HTTP/1.1 400 Bad Request\r\n" in head + b"\r\n"
    assert b"x-content-type-options: nosniff" in head
    assert json.loads(body)["error"]["code"] == "bad_request"
    assert small.http.get("/health").status_code == 200


def test_a_head_without_an_end_is_cut_off(small: Served) -> None:
    for sent in (b"X-A: " + b"a" * (1 << 20), b"X-A: a\r\n" * (1 << 17)):
        answer = raw(small, HEAD, *(sent[at : at + 60_000] for at in range(0, len(sent), 60_000)))
        assert answer == b"" or b" 431 " in answer.split(b"\r\n")[0]
    assert b" 200 " in raw(small, HEAD + b"X-A: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("before", "sent"),
    [(0, b"G"), (0, HEAD), (1, b"G"), (1, HEAD)],
    ids=["a letter", "lines", "a letter of the second", "lines of the second"],
)
def test_a_head_that_dawdles_is_cut_off(
    small: Served, monkeypatch: pytest.MonkeyPatch, before: int, sent: bytes
) -> None:
    monkeypatch.setattr("tocsin.service.wire._HEAD_S", 0.3)
    answers = raw(small, (HEAD + b"\r\n") * before + sent)
    assert [one.split()[0] for one in answers.split(b"HTTP/1.1 ")[1:]] == [b"200"] * before + [b"408"]
    assert json.loads(answers.rpartition(b"\r\n\r\n")[2])["error"]["code"] == "too_slow"


def test_who_connects_and_says_nothing_is_let_go_without_a_word(
    small: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.service.wire._HEAD_S", 0.3)
    assert raw(small) == b""


def test_a_stream_is_not_taken_for_a_head_that_dawdles(
    small: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.service.wire._HEAD_S", 0.3)
    with small.http.stream("GET", "/board/events") as stream:
        lines = stream.iter_raw()
        assert b"hello" in next(lines)
        time.sleep(0.6)
        assert small.http.get("/health").status_code == 200
        assert not stream.is_closed


def test_a_caller_who_leaves_half_way_harms_nobody(small: Served) -> None:
    host, port = small.url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=10) as gone:
            gone.sendall(b"POST /api/grade HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n{")
    assert small.http.get("/health").status_code == 200


def test_rates() -> None:
    rates = Rates(60)
    assert [rates.wait("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert rates.wait("a", 0.0) == pytest.approx(1.0)
    assert rates.wait("b", 0.0) == 0.0
    assert rates.wait("a", 0.5) == pytest.approx(0.5)
    assert rates.wait("a", 1.01) == 0.0
    assert rates.wait("a", 0.0) > 0, "a clock that goes back gives nothing"
    assert Rates(0).wait("a", 0.0) == 0.0


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "no:address", False),
    ],
)
def test_who_has_a_whole_network_of_addresses_is_one_caller(first: str, second: str, together: bool) -> None:
    rates = Rates(1)
    assert rates.wait(first, 0.0) == 0.0
    assert (rates.wait(second, 0.0) > 0) is together


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    with served(Config(store=str(tmp_path / "s.db"), limits=Limits(requests_per_minute=5))) as found:
        answers = [found.http.get("/api/patients/none") for _ in range(7)]
        assert [one.status_code for one in answers] == [404] * 5 + [429] * 2
        assert error_of(answers[-1])["code"] == "too_many_requests"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert found.http.get("/health").status_code == 200, "who watches the service always gets through"


def test_large_bodies_do_not_fill_the_memory() -> None:
    from tocsin.service.limits import LimitMiddleware

    held = LimitMiddleware(None, Limits(body_mib=1))  # type: ignore[arg-type]
    held.hold(4 * MIB)
    with pytest.raises(Problem) as raised:
        held.hold(1)
    assert (raised.value.status, raised.value.code) == (503, "busy")
