"""The one shape of an error, and how everything that can fail is brought into it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from tocsin.errors import UserError
from tocsin.grading.fields import FieldError

_CODES: Final = {
    400: "bad_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


class ErrorBody(BaseModel):
    """What went wrong: a word for programs, a sentence for people, and what else is known."""

    code: str = Field(description="A word that programs can rely on.")
    message: str = Field(description="What is wrong, where, and what to do.")
    detail: Any = Field(default=None, description="The places at fault, where there are several.")


class ErrorShape(BaseModel):
    """The one shape that every failing route answers with."""

    error: ErrorBody


class Problem(Exception):
    """What a caller is told in place of an answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail = status, code, message, detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer."""
        return error_response(self.status, self.code, self.message, self.detail, self.headers)


def error_response(
    status: int, code: str, message: str, detail: Any = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error in the one shape."""
    body = {"error": {"code": code, "message": message, "detail": detail}}
    return JSONResponse(body, status, headers=dict(headers or {}))


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may fail so; every route may also fail with 429, 500 and 503."""
    every = sorted({*statuses, 429, 500, 503})
    return {status: {"model": ErrorShape, "description": HTTPStatus(status).phrase} for status in every}


# What can fail, beside what nobody foresaw.
FAILURES: Final[tuple[type[Exception], ...]] = (Problem, UserError, RequestValidationError, HTTPException)


def problem_of(request: Request, error: Exception) -> Problem:
    """Return what a caller is told of an error, one of FAILURES."""
    if isinstance(error, UserError):
        return _user_error(error)
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _http(request, error)
    assert isinstance(error, Problem)
    return error


def _user_error(error: UserError) -> Problem:
    places = (
        [{"where": f"body.{error.field}", "message": error.problem}]
        if isinstance(error, FieldError)
        else None
    )
    return Problem(422, "invalid", error.message, places)


def _invalid(error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, "not_json", "the body is not JSON; correct it")
    # What was sent is not repeated: it may be a patient's.
    places = [{"where": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in found]
    first = places[0] if places else {"where": "request", "message": "cannot be read"}
    return Problem(422, "invalid", f"{first['where']}: {first['message']}", places)


def _http(request: Request, error: HTTPException) -> Problem:
    status, message = error.status_code, str(error.detail)
    if status == 404:
        message = f"{request.scope['path']}: no such page or route; see /openapi.json"
    elif status == 405:
        message = (
            f"{request.method} {request.scope['path']}: this route takes other methods; see the header Allow"
        )
    return Problem(status, _CODES.get(status, "error"), message, headers=error.headers)


def place_of(error: BaseException) -> str:
    """Return the file and line that raised an error."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{place.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}" if place else "?"
