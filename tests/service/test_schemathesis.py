"""The API is asked everything that its own description allows, and much that it does not: no 5xx, every answer as described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.service.conftest import CAR_T
from tocsin.demo import demo_folder
from tocsin.service.app import create_app
from tocsin.service.config import Config, Limits
from tocsin.service.patients import Patients

HERE = "127.0.0.1"  # what is open on this machine answers to no other name
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    allow_header_conformance,
    negative_data_rejection,
]
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> OpenApiSchema:
    """The description of an API over a store with one patient."""
    app = create_app(
        Config(store=str(tmp_path_factory.mktemp("api") / "api.db"), limits=Limits(requests_per_minute=0))
    )
    patients: Patients = app.state.context.patients
    patients.ingest(CAR_T, (demo_folder() / f"{CAR_T}.json").read_bytes())
    found = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": HERE})
    found.config.generation.with_security_parameters = False  # on this machine alone anyone may ask
    return found


ROUTES = {
    "GET /health",
    "POST /api/calc",
    "POST /api/grade",
    "POST /api/patients/{id}/bundle",
    "POST /api/patients/{id}/annotations",
    "GET /api/patients/{id}",
    "GET /api/audit",
    "GET /api/feedback",
    "GET /cds-services",
    "POST /cds-services/{id}",
    "POST /cds-services/{id}/feedback",
}


def asked(case: Case) -> Response:
    """The answer to a case, held to the description and to the one shape of an error."""
    answer = case.call_and_validate(headers={"Host": HERE}, checks=CHECKS)
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "detail"}
        assert error["message"]
    return answer


def test_every_route_of_the_api_is_tried(described: OpenApiSchema) -> None:
    assert {one.ok().label for one in described.get_all_operations()} == ROUTES


# What takes nothing can be given nothing wrong.
TRIES = [(route, GenerationMode.POSITIVE) for route in sorted(ROUTES)] + [
    (route, GenerationMode.NEGATIVE)
    for route in sorted(ROUTES - {"GET /health", "GET /api/feedback", "GET /cds-services"})
]


@pytest.mark.parametrize(("route", "mode"), TRIES)
def test_every_answer_is_as_described(described: OpenApiSchema, route: str, mode: GenerationMode) -> None:
    (operation,) = [one.ok() for one in described.get_all_operations() if one.ok().label == route]

    @BOUNDED
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        asked(case)

    ask()


@pytest.mark.parametrize("route", sorted(one for one in ROUTES if "{id}" in one))
def test_every_answer_about_what_is_there_is_as_described(described: OpenApiSchema, route: str) -> None:
    (operation,) = [one.ok() for one in described.get_all_operations() if one.ok().label == route]

    @BOUNDED
    @given(operation.as_strategy())
    def ask(case: Case) -> None:
        case.path_parameters = {"id": "tocsin-patient-view" if "cds" in route else CAR_T}
        assert asked(case).status_code != 404

    ask()
