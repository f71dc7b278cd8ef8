"""What stands before every route: the host, pages of other sites, security headers, streams, the log, the configuration."""

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tests.service.conftest import CAR_T
from tests.support.entry import ACCESS, PASSWORD, People, config_of
from tests.support.service import Served, error_of, served
from tocsin.errors import UserError
from tocsin.service.access.accounts import Accounts
from tocsin.service.access.headers import CSP
from tocsin.service.access.routes import local
from tocsin.service.config import Access, Config, checked
from tocsin.service.store import schema

HTML = {"Accept": "text/html"}


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8420", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8420", 200),
        ("rebound.example", 403),
        ("rebound.example:8420", 403),
        ("127.0.0.1.rebound.example", 403),
        ("10.0.0.1", 403),
    ],
)
def test_open_to_this_machine_is_open_by_its_names_alone(service: Served, host: str, status: int) -> None:
    for path in ("/health", "/api/audit", "/static/pages.css"):
        answer = service.http.get(path, headers={"Host": host})
        assert answer.status_code == status, path
    if status == 403:
        assert error_of(service.http.get("/health", headers={"Host": host}))["code"] == "other_host"


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_open_to_this_machine_is_not_open_through_a_proxy(service: Served, name: str) -> None:
    answer = service.http.get("/health", headers={name: "127.0.0.1"})
    assert (answer.status_code, error_of(answer)["code"]) == (403, "forwarded")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"Origin": "{url}", "Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", {"Origin": "https://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
        (
            "POST",
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
            200,
        ),  # a form of ours: no referrer, no origin
        ("POST", {"Origin": "http://127.0.0.1:1"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ("POST", {"Sec-Fetch-Site": "none"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        (
            "GET",
            {"Origin": "https://evil.example"},
            200,
        ),  # nothing is changed, and its page cannot read the answer
    ],
)
def test_pages_of_other_sites(service: Served, method: str, headers: dict[str, str], status: int) -> None:
    path = "/api/calc" if method == "POST" else "/calculator"
    headers = {name: value.format(url=service.url) for name, value in headers.items()} | JSON
    answer = service.http.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)
    assert (answer.status_code == 403) == (status == 403), answer.text
    if status == 403:
        assert error_of(answer)["code"] == "cross_site"
    assert "access-control-allow-origin" not in answer.headers


def test_the_public_address_is_the_only_origin(tmp_path: Path) -> None:
    access = Access(mode="accounts", public_url="https://tocsin.example.org")
    with served(Config(store=str(tmp_path / "store.db"), access=access)) as service:
        for origin, code in (("https://tocsin.example.org", "not_signed_in"), (service.url, "cross_site")):
            answer = service.http.post("/api/calc", json={}, headers={"Origin": origin})
            assert error_of(answer)["code"] == code


def test_a_form_needs_its_token_where_nobody_signs_in(service: Served) -> None:
    """JSON that no browser marks as another site's is a program's; a form may come from anywhere."""
    form = {"word": "fever:other", "author": "Dr Made Up", "time": "2026-02-12T20:00"}
    path = f"/patients/{CAR_T}/annotations"
    assert error_of(service.http.post(path, data=form))["code"] == "csrf"
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = service.http.post("/api/calc", content=b"{}", headers={"content-type": kind})
        assert answer.status_code in (403, 415)


STRICT = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/calculator",
        "/board",
        f"/patients/{CAR_T}",
        f"/api/patients/{CAR_T}",
        "/audit",
        "/nowhere",
        "/api/x",
    ],
)
def test_every_answer_carries_the_headers(service: Served, car_t: bytes, path: str) -> None:
    service.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    answer = service.http.get(path, headers=HTML)
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT
    assert "strict-transport-security" not in answer.headers, "plain http on this machine"
    assert "server" not in answer.headers
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


def test_refusals_carry_the_headers_too(service: Served) -> None:
    for answer in (
        service.http.get("/health", headers={"Host": "rebound.example"}),
        service.http.post("/api/calc", content=b"[" * 200 + b"]" * 200, headers=JSON),
        service.http.post("/api/calc", content=b"\x1f\x8bnot gzip", headers=JSON),
        service.http.put("/health"),
    ):
        assert answer.status_code >= 400
        assert {name: answer.headers.get(name) for name in STRICT} == STRICT


def test_the_leaflet_brings_its_own_style_by_hash(service: Served, car_t: bytes) -> None:
    service.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    policy = service.http.get(f"/patients/{CAR_T}/leaflet").headers["content-security-policy"]
    assert "'sha256-" in policy
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "frame-ancestors 'none'"):
        assert part in policy


def test_static_files_may_be_kept(service: Served) -> None:
    assert "no-store" not in service.http.get("/static/pages.css").headers["cache-control"]


@pytest.mark.parametrize("end", ["sign out", "remove", "idle"])
def test_a_stream_ends_with_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr("tocsin.service.pages.live._ALIVE_S", 1.0)
    with served(config_of("accounts", tmp_path)) as service:
        people, database = People(service, "accounts"), service.context.store.database
        person = people.person("read")
        with service.http.stream("GET", "/board/events", headers=person) as stream:
            assert stream.status_code == 200
            lines = stream.iter_raw()
            if end == "sign out":
                assert (
                    httpx.post(f"{service.url}/sign-out", headers=person, trust_env=False).status_code == 303
                )
            elif end == "remove":
                Accounts(database).remove("user-read")
            else:
                with database.writing() as con:
                    con.execute(update(schema.sessions).values(seen=0))
            for _ in lines:
                pass  # it ends by itself, or the client's timeout fails the test
        assert service.http.get("/board", headers=person).status_code == 401


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(host="0.0.0.0"), "access.mode is loopback"),
        (Config(host="192.0.2.1"), "access.mode is loopback"),
        (Config(host="0.0.0.0", access=ACCESS["accounts"]), "host 0.0.0.0: .* set access.public_url"),
        (
            Config(host="0.0.0.0", access=Access(mode="accounts", public_url="https://tocsin.example.org")),
            None,
        ),
        (Config(access=Access(mode="proxy", readers=("*",))), "access.proxies"),
        (Config(access=Access(mode="proxy", proxies=("10.0.0.1",))), "nobody may enter"),
        (Config(access=Access(proxies=("10.0.0",))), "no address or network"),
        (Config(access=Access(proxies=("10.0.0.1/24",))), "no address or network"),
        (Config(access=Access(public_url="http://tocsin.example.org")), "https"),
        (Config(access=Access(public_url="https://tocsin.example.org/app")), "without a path"),
        (Config(access=Access(public_url="https://u:p@tocsin.example.org")), "https"),
        (Config(host="0.0.0.0", access=ACCESS["oidc"]), "access.public_url"),
    ],
)
def test_what_does_not_start(config: Config, words: str | None) -> None:
    if words is None:
        assert checked(config).secure
    else:
        with pytest.raises(UserError, match=words):
            checked(config)


@pytest.mark.parametrize(
    ("back", "where"),
    [
        ("/board", "/board"),
        ("/patients/p1?at=2026-01-01T10:00Z#course", "/patients/p1?at=2026-01-01T10:00Z#course"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https:/evil.example", "/"),
        ("board", "/"),
        ("", "/"),
        ("http://[", "/"),
    ],
)
def test_the_way_back_stays_here(back: str, where: str) -> None:
    assert local(back) == where


def test_no_secret_and_no_patient_in_the_log(
    tmp_path: Path, car_t: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "tocsin")
    with served(config_of("accounts", tmp_path)) as service:
        people = People(service, "accounts")
        token, person = people.token("write"), people.person("write")
        service.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON | token)
        service.http.get(f"/patients/{CAR_T}?at=2026-02-12T20:00Z", headers=person)
        service.http.get("/sign-in", headers=HTML)
        service.http.post(
            "/sign-in", data={"name": PASSWORD, "password": "wrong-made-up"}, headers=people.person(None)
        )
        service.http.get("/api/audit", headers={"Authorization": "Bearer " + token["Authorization"]})
        log = "\n".join(
            json.dumps(vars(one), default=str) for one in caplog.records if one.name.startswith("tocsin")
        )
        audit = "\n".join(map(str, service.context.store.audit.lines()))
    assert "/api/patients/{id}/bundle" in log
    names: list[Any] = json.loads(car_t)["entry"][0]["resource"].get("name", [])
    for secret in [
        PASSWORD,
        "wrong-made-up",
        *people.tokens.values(),
        person["Cookie"].partition("=")[2],
        person["X-CSRF-Token"],
    ]:
        assert secret not in log
        assert secret not in audit
    for private in (CAR_T, *[name["family"] for name in names if "family" in name]):
        assert private not in log
