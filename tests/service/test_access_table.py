"""Every route, for every role, in every mode: who is let in and who is not. A route without a row here fails."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastapi.routing
import pytest

from tests.service.conftest import CAR_T
from tests.support.entry import ACCESS, People, config_of
from tests.support.service import Served, error_of, served
from tocsin.service.access.people import ROLES, Role
from tocsin.service.app import create_app
from tocsin.service.config import Config

MODES = tuple(ACCESS)
JSON = {"content-type": "application/json"}
BUNDLE = b'{"resourceType":"Bundle","type":"collection","entry":[]}'
NOT_HERE = dict.fromkeys(MODES, 404)


@dataclass(frozen=True)
class Row:
    """What a route asks for, a request for it, and the answer to who may enter (by mode where it differs)."""

    role: Role | None
    status: int | dict[str, int]
    request: dict[str, Any] = field(default_factory=dict[str, Any])

    def answer(self, mode: str) -> int:
        """The status for who is let in."""
        return self.status if isinstance(self.status, int) else self.status[mode]


def sent(content: bytes) -> dict[str, Any]:
    """A request with a body of JSON."""
    return {"content": content, "headers": JSON}


TABLE: dict[tuple[str, str], Row] = {
    ("GET", "/openapi.json"): Row(None, 200),
    ("GET", "/health"): Row(None, 200),
    ("GET", "/static/{name}"): Row(None, 200),
    ("GET", "/rules"): Row(None, 200),  # the guidance: nothing of a patient, and cards link to it
    ("GET", "/rules/{id}"): Row(None, 200),
    ("GET", "/sign-in"): Row(None, NOT_HERE | {"accounts": 200, "oidc": 200}),
    ("POST", "/sign-in"): Row(None, NOT_HERE | {"accounts": 401}, {"data": {"name": "x", "password": "y"}}),
    ("GET", "/sign-in/oidc"): Row(None, NOT_HERE | {"oidc": 502}),  # the provider is made up
    ("GET", "/sign-in/callback"): Row(None, NOT_HERE | {"oidc": 401}),
    ("POST", "/sign-out"): Row("read", NOT_HERE | {"accounts": 303, "oidc": 303}),
    ("GET", "/account"): Row("read", NOT_HERE | {"accounts": 200}),
    ("POST", "/account"): Row("read", NOT_HERE | {"accounts": 422}, {"data": {"new": "a", "again": "b"}}),
    ("GET", "/audit"): Row("admin", 200),
    ("GET", "/api/audit"): Row("admin", 200),
    ("POST", "/api/calc"): Row("read", 200, sent(b'{"temp_c": 38.6}')),
    ("POST", "/api/grade"): Row("read", 200, sent(BUNDLE)),
    ("POST", "/api/patients/{id}/bundle"): Row("write", 200, sent(BUNDLE)),
    ("POST", "/api/patients/{id}/annotations"): Row("write", 422, sent(b"{}")),
    ("GET", "/api/patients/{id}"): Row("read", 200),
    ("GET", "/"): Row("read", 200),
    ("GET", "/calculator"): Row("read", 200),
    ("GET", "/api/feedback"): Row("read", 200),
    ("GET", "/feedback"): Row("read", 200),
    ("GET", "/board"): Row("read", 200),
    ("GET", "/board/rows"): Row("read", 200),
    ("GET", "/board/events"): Row("read", 200),
    ("GET", "/patients/{id}"): Row("read", 200),
    ("GET", "/patients/{id}/course"): Row("read", 200),
    ("GET", "/patients/{id}/leaflet"): Row("read", 200),
    ("POST", "/patients/{id}/annotations"): Row("write", 422, {"data": {"word": "none"}}),
}
# Clients of CDS Hooks prove themselves by a token of their own: see test_cds*.py.
OF_ITS_OWN = {
    ("GET", "/cds-services"),
    ("POST", "/cds-services/{id}"),
    ("POST", "/cds-services/{id}/feedback"),
}
# A program has no session to end and no password to change.
PEOPLE_ONLY = {("POST", "/sign-out"): {"accounts": 303, "oidc": 303}, ("POST", "/account"): {"accounts": 403}}


def routes(app: Any) -> set[tuple[str, str]]:
    """Method and path of every route of an application."""
    walk = getattr(fastapi.routing, "iter_route_contexts", None)
    every = list(walk(app.routes)) if walk else app.routes
    return {(method, one.path) for one in every for method in one.methods if method != "HEAD"}


def test_every_route_has_a_row(tmp_path: Path) -> None:
    found = routes(create_app(Config(store=str(tmp_path / "store.db"))))
    assert found - set(TABLE) - OF_ITS_OWN == set(), "write down who may use the new route"
    assert set(TABLE) - found == set(), "a row without a route"


def test_a_path_with_a_patient_says_so_as_the_audit_log_reads_it(tmp_path: Path) -> None:
    for _, path in routes(create_app(Config(store=str(tmp_path / "store.db")))):
        assert ("patient" in path) == ("/patients/{id}" in path), path


@pytest.fixture(scope="module", params=MODES)
def people(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, car_t: bytes
) -> Iterator[People]:
    """A service in each mode in turn, with its people and one patient."""
    with served(config_of(request.param, tmp_path_factory.mktemp("table"))) as service:
        found = People(service, request.param)
        kept = service.http.post(
            f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON | found.token("write")
        )
        assert kept.status_code == 200, kept.text
        yield found


def status_of(service: Served, route: tuple[str, str], headers: dict[str, str]) -> int:
    """The status of an answer, which may be a stream; an error must have the one shape."""
    method, path = route
    asked = dict(TABLE[route].request)
    asked["headers"] = asked.get("headers", {}) | headers
    url = path.replace("/rules/{id}", "/rules/TOC-002").replace("{id}", CAR_T).replace("{name}", "pages.css")
    service.http.cookies.clear()
    with service.http.stream(method, url, **asked) as answer:
        if answer.status_code in (401, 403):
            answer.read()
            if "html" not in answer.headers["content-type"]:
                error_of(answer)
        return answer.status_code


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_who_is_let_in(people: People, route: tuple[str, str]) -> None:
    row, mode = TABLE[route], people.mode
    for who in (None, *ROLES):
        role: Role | None = "admin" if mode == "loopback" else who
        if row.role is None or (role and ROLES.index(role) >= ROLES.index(row.role)):
            wanted = row.answer(mode)
        else:
            wanted = 401 if role is None else 403
        headers = people.person(who if row.role else None)  # who signs in is nobody yet
        assert status_of(people.service, route, headers) == wanted, f"{mode}, {who}"


@pytest.mark.parametrize("route", [one for one in TABLE if TABLE[one].role], ids=" ".join)
def test_which_program_is_let_in(people: People, route: tuple[str, str]) -> None:
    row = TABLE[route]
    for role in ROLES:
        wanted = 403
        if row.role and ROLES.index(role) >= ROLES.index(row.role):
            wanted = PEOPLE_ONLY.get(route, {}).get(people.mode, row.answer(people.mode))
        assert status_of(people.service, route, people.token(role)) == wanted, f"{people.mode}, {role}"


@pytest.mark.parametrize("route", [one for one in TABLE if TABLE[one].role], ids=" ".join)
def test_a_false_token_opens_nothing(people: People, route: tuple[str, str]) -> None:
    for false in ("Bearer tocsin_" + "x" * 43, "Bearer", "Basic dXNlcjpwYXNz", people.tokens["admin"]):
        if people.mode == "proxy" and false.startswith("Basic"):
            continue  # the proxy's business: see test_access_proxy.py
        # Not even where the cookie beside it would.
        headers = people.person("admin") | {"Authorization": false}
        assert status_of(people.service, route, headers) == 401, false
