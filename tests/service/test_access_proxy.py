"""A reverse proxy that says who asks: believed from its own address alone, and past it no spelling of a path leads."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.service.conftest import CAR_T
from tests.support.entry import config_of
from tests.support.service import Served, error_of, served
from tocsin.service.access.forwarded import caller, trusted
from tocsin.service.access.headers import CSP
from tocsin.service.access.people import role_of
from tocsin.service.config import Access, Config, Limits

HTML = {"Accept": "text/html"}


DOCTOR = {"X-Forwarded-User": "dr-made-up", "X-Forwarded-Groups": "kitchen, doctors"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that believes the proxy on this machine."""
    with served(config_of("proxy", tmp_path_factory.mktemp("proxy"))) as found:
        yield found


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose proxy is another machine: whoever is here is not to be believed."""
    access = Access(mode="proxy", proxies=("10.9.9.9",), readers=("*",))
    with served(Config(store=str(tmp_path_factory.mktemp("else") / "store.db"), access=access)) as found:
        yield found


def test_the_proxy_says_who_asks(behind: Served) -> None:
    page = behind.http.get("/", headers=DOCTOR | HTML)
    assert page.status_code == 200
    assert "dr-made-up" in page.text
    assert "Sign out" not in page.text, "the proxy's business"
    behind.http.get("/api/patients/p1", headers=DOCTOR | {"X-Forwarded-For": "192.0.2.7, 127.0.0.1"})
    line = behind.context.store.audit.lines("p1")[0]
    assert (line.who, line.detail) == ("dr-made-up", {"from": "192.0.2.7", "way": "proxy"})


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 401, "not_signed_in"),
        ([("X-Forwarded-Groups", "it")], 401, "not_signed_in"),
        ([("X-Forwarded-User", "a"), ("X-Forwarded-Groups", "kitchen")], 403, "forbidden"),
        ([("X-Forwarded-User", "a"), ("X-Forwarded-Groups", "*")], 403, "forbidden"),
        ([("X-Forwarded-User", "a")], 403, "forbidden"),
        ([("X-Forwarded-User", ""), ("X-Forwarded-Groups", "it")], 403, "untrusted_proxy"),
        ([("X-Forwarded-User", "a" * 129), ("X-Forwarded-Groups", "it")], 403, "untrusted_proxy"),
        (
            [("X-Forwarded-User", "a"), ("X-Forwarded-User", "b"), ("X-Forwarded-Groups", "it")],
            403,
            "untrusted_proxy",
        ),
        ([("X-Remote-User", "a"), ("X-Forwarded-Groups", "it")], 401, "not_signed_in"),
    ],
)
def test_what_a_proxy_must_say(
    behind: Served, headers: list[tuple[str, str]], status: int, code: str
) -> None:
    answer = behind.http.get("/api/audit", headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Dr Müller".encode(), "Dr Müller"),
        ("Dr Müller".encode("latin-1"), "Dr Müller"),
        ("李医生".encode(), "李医生"),
        (("ü" * 128).encode(), "ü" * 128),
        (("ü" * 129).encode(), None),
        ("ann\u202enna".encode(), None),  # would turn round what follows it in the log
        ("ann\x85".encode(), None),
    ],
    ids=["UTF-8", "Latin-1", "Chinese", "128 letters", "129 letters", "turned round", "control sign"],
)
def test_the_alphabet_of_a_name(behind: Served, sent: bytes, name: str | None) -> None:
    headers = [(b"X-Forwarded-User", sent), (b"X-Forwarded-Groups", b"ward")]
    status = behind.http.get("/api/patients/p2", headers=headers).status_code
    assert status == (404 if name else 403)
    if name:
        assert behind.context.store.audit.lines("p2")[0].who == name


def test_groups_have_an_alphabet_too(tmp_path: Path) -> None:
    access = Access(mode="proxy", proxies=("127.0.0.1",), readers=("Ärzte",))
    with served(Config(store=str(tmp_path / "store.db"), access=access)) as service:
        headers = [(b"X-Forwarded-User", b"ann"), (b"X-Forwarded-Groups", "Küche, Ärzte".encode())]
        assert service.http.get("/calculator", headers=headers).status_code == 200


def test_who_is_known_and_may_not_is_written_down(behind: Served) -> None:
    headers = {"X-Forwarded-User": "cook", "X-Forwarded-Groups": "kitchen"}
    assert behind.http.get("/api/patients/p3", headers=headers).status_code == 403
    line = behind.context.store.audit.lines("p3")[0]
    assert (line.who, line.act, line.detail["way"]) == ("cook", "refused: GET /api/patients/{id}", "proxy")


def test_a_password_that_was_for_the_proxy_is_not_for_us(behind: Served, elsewhere: Served) -> None:
    """Many proxies pass on the header by which they let somebody in."""
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert behind.http.get("/calculator", headers=DOCTOR | basic).status_code == 200
    assert error_of(behind.http.get("/calculator", headers=basic))["code"] == "not_signed_in"
    assert behind.http.get("/calculator", headers=DOCTOR | {"Authorization": "Bearer x"}).status_code == 401
    assert elsewhere.http.get("/calculator", headers=basic).status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/audit", f"/api/patients/{CAR_T}", "/board/events"])
def test_nobody_else_may_say_who_asks(elsewhere: Served, path: str) -> None:
    for headers in (
        {"X-Forwarded-User": "a"},
        {"X-Forwarded-Groups": "it"},
        DOCTOR | {"X-Forwarded-For": "10.9.9.9"},
    ):
        answer = elsewhere.http.get(path, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (403, "untrusted_proxy")
    assert elsewhere.http.get(path).status_code == 401
    assert elsewhere.context.store.audit.count() == 0


@pytest.mark.parametrize("mode", ["accounts", "oidc"])
def test_where_no_proxy_is_asked_its_headers_are_nothing(tmp_path: Path, mode: str) -> None:
    with served(config_of(mode, tmp_path)) as service:
        assert service.http.get("/api/audit", headers=DOCTOR).status_code == 401


PROXIES = ("10.0.0.1", "192.168.0.0/24", "2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "said", "who"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "spoofed, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.9, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, 192.168.0.5", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.168.0.5", "10.0.0.1"),
        ("10.0.0.2", "192.0.2.7", "10.0.0.2"),
        ("192.168.0.255", "192.0.2.7", "192.0.2.7"),
        ("192.168.1.0", "192.0.2.7", "192.168.1.0"),
        ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        ("", "192.0.2.7", ""),
    ],
)
def test_who_called(peer: str, said: str, who: str) -> None:
    assert caller(peer, said, PROXIES) == who


def test_no_address_is_no_proxy() -> None:
    assert not trusted("a name", PROXIES)
    assert not trusted("10.0.0.1", ())


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["r"], "read"),
        (["w"], "write"),
        (["a"], "admin"),
        (["r", "a", "w"], "admin"),
        (["R"], None),
        ([], None),
    ],
)
def test_groups_give_roles(groups: list[str], role: str | None) -> None:
    assert role_of(groups, Access(readers=("r",), writers=("w",), admins=("a",))) == role
    assert role_of(groups, Access(readers=("*",), admins=("a",))) == ("admin" if "a" in groups else "read")


@pytest.mark.parametrize(
    "path",
    [
        "//api/audit",
        "/api//audit",
        "/api/audit/",
        "/API/audit",
        "/api/%61udit",
        "/static/../api/audit",
        "/static/%2e%2e/api/audit",
        "/health/../api/audit",
        "/api/audit;/health",
        "/api/audit%00",
        "/sign-in/../audit",
        "/patients/%2e%2e/audit",
        "/patients/..%2faudit",
    ],
)
def test_no_spelling_of_a_path_leads_past_the_gate(elsewhere: Served, path: str) -> None:
    with socket.create_connection((urlsplit(elsewhere.url).hostname, urlsplit(elsewhere.url).port)) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert int(answer.split()[1]) in (400, 401, 404, 422), answer[:200]
    assert b'"lines"' not in answer


def test_the_pace_of_one_caller_is_limited(tmp_path: Path) -> None:
    access = Access(mode="proxy", proxies=("127.0.0.1",), readers=("*",))
    config = Config(store=str(tmp_path / "store.db"), access=access, limits=Limits(requests_per_minute=5))
    with served(config) as service:

        def status(address: str) -> httpx.Response:
            return service.http.get(
                "/calculator", headers={"X-Forwarded-User": "a", "X-Forwarded-For": address}
            )

        assert [status("192.0.2.1").status_code for _ in range(5)] == [200] * 5
        answer = status("192.0.2.1")
        assert (answer.status_code, error_of(answer)["code"]) == (429, "too_many_requests")
        assert 0 < int(answer.headers["retry-after"]) <= 12
        assert answer.headers["content-security-policy"] == CSP
        assert status("192.0.2.2").status_code == 200, "another caller behind the same proxy"
        assert service.http.get("/health").status_code == 200
