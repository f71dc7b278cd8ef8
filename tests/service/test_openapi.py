"""`/openapi.json` is true: every route is in it with the shape of its errors, and nothing a client can send makes a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.service import Served, served
from tocsin.service.config import Config, Limits

_PROMISED = {
    ("get", "/health"),
    ("post", "/api/calc"),
    ("post", "/api/grade"),
    ("post", "/api/patients/{id}/bundle"),
    ("post", "/api/patients/{id}/annotations"),
    ("get", "/api/patients/{id}"),
}


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that lets as many requests in as come."""
    store = str(tmp_path_factory.mktemp("openapi") / "s.db")
    with served(Config(store=store, limits=Limits(requests_per_minute=0))) as found:
        yield found


def routes(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            yield method, path, route


def test_every_promised_route_is_in_it(unlimited: Served) -> None:
    document = unlimited.http.get("/openapi.json").json()
    assert {(method, path) for method, path, _ in routes(document)} >= _PROMISED
    assert "Not a medical device" in document["info"]["description"]


def test_every_route_documents_the_one_shape_of_its_errors(unlimited: Served) -> None:
    document = unlimited.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for method, path, route in routes(document):
        failing = {status: one for status, one in route["responses"].items() if status[0] in "45"}
        assert {"429", "500", "503"} <= set(failing), f"{method} {path}"
        for status, one in failing.items():
            shape = one["content"]["application/json"]["schema"]["$ref"]
            assert shape.endswith("/ErrorShape"), f"{method} {path} {status}"


def test_every_route_says_what_it_does_and_gives(unlimited: Served) -> None:
    document = unlimited.http.get("/openapi.json").json()
    for method, path, route in routes(document):
        assert route["description"], f"{method} {path}"
        if (method, path) in _PROMISED:
            assert route["responses"]["200"]["content"]["application/json"]["schema"], f"{method} {path}"
        if method == "post" and (method, path) in _PROMISED:
            assert route["requestBody"]["required"], f"{method} {path}"


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), sorted(_PROMISED))
def test_nothing_that_is_sent_makes_it_fail(unlimited: Served, method: str, path: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_url(f"{unlimited.url}/openapi.json")
    checks = schemathesis.checks
    wanted = [
        getattr(checks, name)
        for name in (
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
        )
        if hasattr(checks, name)
    ]
    assert wanted

    @given(case=schema[path][method.upper()].as_strategy())
    @settings(
        max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )
    def ask(case: Any) -> None:
        case.call_and_validate(checks=wanted)

    ask()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_fetches_scripts_from_elsewhere(unlimited: Served, path: str) -> None:
    assert unlimited.http.get(path).status_code == 404
