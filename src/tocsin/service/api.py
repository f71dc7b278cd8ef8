"""The API: one snapshot, one Bundle, and the patients of the store."""

from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import AfterValidator

from tocsin.api import grade_resources
from tocsin.grading.calc import calc
from tocsin.grading.sets import members
from tocsin.guidance.advice import NOTE
from tocsin.knowledge.version import knowledge_hash
from tocsin.records import pick
from tocsin.report.advice import advise_records
from tocsin.results import Result
from tocsin.service import models
from tocsin.service.access import User, require
from tocsin.service.answered import answered
from tocsin.service.context import Here
from tocsin.service.errors import Problem, failures
from tocsin.service.findings import WORD
from tocsin.service.intake import PATIENT_ID, read_fhir
from tocsin.service.patients import PatientState
from tocsin.service.store import Annotation
from tocsin.service.store.database import reachable

router = APIRouter(tags=["API"])

_FHIR: Final = ("application/json", "application/fhir+json")
_BUNDLE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A FHIR R4 Bundle, plain or as gzip.",
        "content": {kind: {"schema": {"type": "object", "required": ["resourceType"]}} for kind in _FHIR},
    }
}
_TAKES_BODY: Final = (400, 408, 413, 415, 422)
_ENTERS: Final = (401, 403)
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def takes_json(request: Request) -> None:
    """Refuse a body that is not called JSON: a form of another site can send any other kind unasked."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FHIR:
        raise Problem(415, "unsupported_media_type", f"Content-Type: send {' or '.join(_FHIR)}")


def _in_reach(time: datetime | None) -> datetime | None:
    """Return a time that can be reckoned with. Raises ValueError for another."""
    if time is not None and not _FIRST <= time <= _LAST:
        raise ValueError(f"write a time between {_FIRST:%Y} and {_LAST:%Y}")
    return time


PatientId = Annotated[str, Path(pattern=PATIENT_ID, description="The patient's id in the source.")]
At = Annotated[
    models.Instant | None,
    AfterValidator(_in_reach),
    Query(description="Nothing later is seen; without it, now. Write the zone."),
]
_JSON: Final = [Depends(takes_json)]
Reader = Annotated[User, Depends(require("read"))]
Writer = Annotated[User, Depends(require("write"))]


@router.head("/health", include_in_schema=False)
@router.get("/health", response_model=models.Health, responses=failures())
async def health(here: Here) -> models.Health:
    """Say whether the service works: 503 when the store cannot be reached."""
    database = here.store.database
    if not await here.work(reachable, database, cpu=False):
        raise Problem(503, "store_unavailable", "the store cannot be reached; check that it is there")
    return models.Health(
        status="ok", version=version("tocsin"), knowledge=knowledge_hash(), store=database.engine.dialect.name
    )


@router.post(
    "/api/calc",
    response_model=dict[str, models.CalcAnswer],
    responses=failures(*_TAKES_BODY, *_ENTERS),
    dependencies=_JSON,
)
async def calculate(
    findings: Annotated[models.Findings, Body()],  # pyright: ignore[reportInvalidTypeForm, reportUnknownParameterType]
    user: Reader,
) -> dict[str, Any]:
    """Grade one snapshot on every scale that the findings speak about."""
    del user
    return calc(**findings.model_dump(exclude_none=True))


@router.post(
    "/api/grade",
    response_model=models.Graded,
    responses=failures(*_TAKES_BODY, *_ENTERS),
    openapi_extra=_BUNDLE,
    dependencies=_JSON,
)
async def grade(request: Request, here: Here, user: Reader) -> Response:
    """Grade a Bundle and say what the guidance advises; nothing is kept."""
    del user
    return _json(await here.work(_graded, await request.body(), here.config.zone))


@router.post(
    "/api/patients/{id}/bundle",
    response_model=models.Ingested,
    responses=failures(*_TAKES_BODY, *_ENTERS),
    openapi_extra=_BUNDLE,
    dependencies=_JSON,
)
async def ingest(id: PatientId, request: Request, here: Here, user: Writer) -> Response:
    """Keep the resources of a Bundle for a patient; the same content again changes nothing."""
    del user
    bundle = await request.body()
    saved = await here.work(here.patients.ingest, id, bundle)
    state = await here.work(here.patients.changed, id)
    return _json(
        {
            "patient": id,
            "version": saved.version,
            "new": saved.new,
            "same": saved.same,
            "at": state.at,
            "grade": _grade_now(state),
        }
    )


@router.post(
    "/api/patients/{id}/annotations",
    response_model=models.Noted,
    responses=failures(404, *_TAKES_BODY, *_ENTERS),
    dependencies=_JSON,
)
async def annotate(id: PatientId, said: models.AnnotationIn, here: Here, user: Writer) -> Response:
    """Keep what a clinician says of a patient; the patient is graded anew at once."""
    kind, value = _what(said)
    author = _author(said.author, here.config.access.mode == "loopback", user)
    keep = partial(
        here.patients.annotate,
        id,
        time=said.time,
        kind=kind,
        value=value,
        unit=said.unit or "",
        author=author,
    )
    annotation = await here.work(keep, cpu=False)
    state = await here.work(here.patients.changed, id)
    return _json(
        {
            "patient": id,
            "version": state.version,
            "annotation": _said(annotation),
            "at": state.at,
            "grade": _grade_now(state),
        }
    )


@router.get("/api/patients/{id}", response_model=models.PatientOut, responses=failures(404, 422, *_ENTERS))
async def patient(
    id: PatientId,
    here: Here,
    user: Reader,
    at: At = None,
) -> Response:
    """Return one patient: grade, course of grades, episodes, advice, codes, and what was said."""
    del user
    state = await here.work(here.patients.state, id, at)
    annotations = await here.work(here.store.annotations, id, cpu=False)
    feedback = [
        one.as_json() for one in answered(await here.work(here.store.cards.feedback_of, id, cpu=False))
    ]
    return _json({**await here.work(_patient, state, annotations), "feedback": feedback})


def _graded(body: bytes, zone: str) -> dict[str, Any]:
    result = grade_resources([read_fhir(body)], settings={"zone": zone}, events="all")
    return {
        "grades": _rows(result.grades.to_pylist()),
        "episodes": _rows(result.episodes.to_pylist()),
        "advice": _advice(result),
        "run": result.run,
        "note": NOTE,
    }


def _advice(result: Result) -> list[dict[str, Any]]:
    """Return the advice for each subject, at the last record."""
    tables = {"grades": result.grades, "episodes": result.episodes, "events": result.events}
    found: list[dict[str, Any]] = []
    for subject in result.subjects.to_pylist():
        records = pick(subject, tables, result.run)
        if records.events:
            found.append(advise_records(records).as_json())
    return found


def _rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their sets as sorted lists."""
    return [
        {
            name: list(members(value)) if name.endswith("_set") and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _patient(state: PatientState, annotations: list[Annotation]) -> dict[str, Any]:
    chart = state.situation.chart if state.situation else None
    return {
        "patient": state.patient,
        "name": state.name,
        "birth_date": state.birth_date,
        "sex": state.sex,
        "at": state.at,
        "version": state.version,
        "updated": state.updated,
        "key": state.key,
        "grade": _grade_now(state),
        "grades": _rows(list(chart.rows)) if chart else [],
        "episodes": _rows(list(chart.episodes)) if chart else [],
        "advice": state.advice.as_json() if state.advice else None,
        "code": state.claim.as_json() if state.claim else None,
        "annotations": [_said(one) for one in annotations],
        "quarantine": state.quarantine,
        "note": NOTE,
    }


def _grade_now(state: PatientState) -> dict[str, Any] | None:
    return state.advice.as_json()["grade"] if state.advice else None


def _said(one: Annotation) -> dict[str, Any]:
    return {
        "time": one.time,
        "kind": one.kind,
        "value": one.value,
        "unit": one.unit,
        "author": one.author,
        "entered_at": one.entered_at,
    }


def _what(said: models.AnnotationIn) -> tuple[str, str]:
    """Return kind and value of an annotation: a word or a finding, never both."""
    if said.word is not None and said.signal is None and said.value is None:
        return WORD, said.word
    if said.word is None and said.signal is not None and said.value is not None:
        return said.signal, str(said.value)
    raise Problem(422, "invalid", "give either word, or signal and value")


def _author(named: str | None, open_to_all: bool, user: User) -> str:
    """Return who says so: whoever signed in; where nobody signs in, the name that was given."""
    if open_to_all:
        return named.strip() if named and named.strip() else user.name
    if named is not None and named != user.name:
        raise Problem(422, "invalid", "author: is always who signed in; leave it out")
    return user.name


def _json(value: Any) -> Response:
    """Return an answer without a second look at its shape: a long course has many rows; tests hold it to its model."""
    return Response(
        orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS), media_type="application/json"
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
