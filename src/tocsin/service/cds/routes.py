"""The routes of CDS Hooks 2.0: what is offered, the services, what was answered to cards, and the rules that cards link to."""

from pathlib import Path as File
from typing import Annotated, Final, cast

import orjson
from fastapi import APIRouter, Depends, FastAPI, Path, Request, Response

from tocsin.guidance.advice import NOTE
from tocsin.knowledge.cds import Service, prefetch, services
from tocsin.service.access import noting
from tocsin.service.api import takes_json
from tocsin.service.cds import models
from tocsin.service.cds.answers import Answers
from tocsin.service.cds.clients import read_clients
from tocsin.service.cds.cors import CorsMiddleware
from tocsin.service.cds.feedback import read_feedback
from tocsin.service.cds.graders import Graders, wanted
from tocsin.service.cds.trust import ANYONE, Trust
from tocsin.service.config import Config
from tocsin.service.context import Context, Here
from tocsin.service.errors import Problem, failures

router = APIRouter(tags=["CDS Hooks"])

ROOT: Final = "/cds-services"
ServiceId = Annotated[str, Path(description="The id of the service, as the discovery names it.")]
_JSON: Final = [Depends(takes_json)]
_FAILS: Final = (400, 401, 404, 408, 413, 415, 422)
_OFFER: Final = orjson.dumps(
    {
        "services": [
            {
                "hook": one.hook,
                "title": one.title,
                "description": one.description,
                "id": one.id,
                "prefetch": {key: wanted.template for key, wanted in prefetch().items()},
                "usageRequirements": one.usage,
            }
            for one in services().values()
        ]
    }
)


def install(app: FastAPI, context: Context) -> None:
    """Make ready what the routes stand on. Raises UserError where the file of the trusted clients cannot be used."""
    app.state.cds_trust = trust_of(context.config, context)
    app.state.cds_graders = None
    app.state.cds_answers = Answers(context.store, context.config.zone, context.config.address)
    app.add_middleware(CorsMiddleware, root=ROOT, origins=frozenset(context.config.cds.origins))


def add_graders(app: FastAPI, inherited: tuple[int, ...]) -> None:
    """Start the processes that answer hooks, where any are wanted; to be called before anything else runs.

    `inherited` are the descriptors that are none of theirs.
    """
    context = cast(Context, app.state.context)
    config, count = context.config, wanted(context.config.cds.processes)
    if count:
        context.store.close()  # no connection goes into another process; the next use opens one again
        app.state.cds_graders = Graders(config.place, config.zone, config.address, count, inherited)


def end_graders(app: FastAPI) -> None:
    """End them, where there are any."""
    graders = cast(Graders | None, app.state.cds_graders)
    if graders is not None:
        graders.close()


def trust_of(config: Config, context: Context) -> Trust:
    """Return who may call: whoever is on this machine only where nobody else can reach the service."""
    clients = read_clients(File(config.cds.clients)) if config.cds.clients else {}
    open_here = config.on_loopback and config.access.mode == "loopback"
    return Trust(clients, context.store.used_tokens, config.cds.leeway_seconds, open_here)


def _service(id: str) -> Service:
    found = services().get(id)
    if found is None:
        raise Problem(404, "unknown_service", f"no service {id[:100]}; GET {ROOT} lists them")
    return found


async def client_of(request: Request, here: Here) -> str:
    """Return which CDS client calls. Raises Problem (401) where that is not proven."""
    trust = cast(Trust, request.app.state.cds_trust)
    if trust.is_open:
        return ANYONE
    audience = here.config.address + request.url.path
    return await here.work(trust.verify, request.headers.get("authorization"), audience, cpu=False)


Client = Annotated[str, Depends(client_of)]


@router.get(ROOT, response_model=models.Discovery, responses=failures())
async def discover() -> Response:
    """Say which services there are, and what each wants to be sent along. Holds no patient data: anyone may ask."""
    return Response(_OFFER, media_type="application/json")


@router.post(
    ROOT + "/{id}",
    response_model=models.Answer,
    responses=failures(*_FAILS, 412),
    dependencies=_JSON,
    openapi_extra=models.body_of(
        "A hook request as CDS Hooks 2.0 writes it.", ("hook", "hookInstance", "context")
    ),
)
async def call_service(id: ServiceId, request: Request, here: Here, client: Client) -> Response:
    """Answer a hook with the cards of the state of the patient now."""
    service = _service(id)
    body, graders = await request.body(), cast(Graders | None, request.app.state.cds_graders)
    note, seconds = noting(request, client, f"POST {ROOT}/{service.id}"), here.config.limits.answer_seconds
    answer = await graders.answer(body, service.id, note, seconds) if graders else None
    if answer is None:
        answers = cast(Answers, request.app.state.cds_answers)
        answer = await here.work(answers.of, body, service, note)
    return Response(answer, media_type="application/json")


@router.post(
    ROOT + "/{id}/feedback",
    response_model=models.Kept,
    responses=failures(*_FAILS),
    dependencies=_JSON,
    openapi_extra=models.body_of("What users answered to cards.", ("feedback",)),
)
async def take_feedback(id: ServiceId, request: Request, here: Here, client: Client) -> models.Kept:
    """Keep what users answered to cards; a card that was overridden stays quiet until the state changes."""
    answers = read_feedback(await request.body(), _service(id), client)
    await here.work(here.store.feedback.append_all, answers, cpu=False)
    return models.Kept(kept=len(answers), note=NOTE)
