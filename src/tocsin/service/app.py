"""The application: its routes, what guards them, and what runs from start to stop."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI

from tocsin.guidance.advice import NOTE
from tocsin.service import access, api, cds, errors, limits, logs, pages
from tocsin.service.access import routes as doors
from tocsin.service.config import Config
from tocsin.service.context import Context
from tocsin.service.errors import Problem
from tocsin.service.patients import Patients
from tocsin.service.store import open_store

# Each module brings its routes as `router`.
_ROUTERS: Final = (api.router, doors.router, pages.router, cds.router)
_TRY_AGAIN_S: Final = 300.0
_LOOK_S: Final = 2.0  # how long a change by another process may wait for the board
_log = logging.getLogger("tocsin.service")


def create_app(config: Config) -> FastAPI:
    """Return the application over the store that the configuration names.

    Raises UserError when the store cannot be opened.
    """
    store = open_store(config.place)
    context = Context(config, store, Patients(store, config.zone))
    app = FastAPI(
        title="Tocsin",
        summary="Grades cytokine release syndrome over time, and says why.",
        description=NOTE,
        version=version("tocsin"),
        lifespan=_lifespan,
        docs_url=None,  # its page would fetch scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.context = context
    doors.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    cds.install(app, context)
    limits.install(app, config.limits)
    logs.install(app)
    access.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    context: Context = app.state.context
    keeper = asyncio.create_task(_keep_board(context))
    try:
        yield
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        context.store.close()


async def _keep_board(context: Context) -> None:
    """Keep the rows of the board current: after a change by whoever writes to the store, and as time passes."""
    later: dict[str, float] = {}  # patients whose row could not be made, and when to try again
    while True:
        now = time.monotonic()
        for patient in await _stale(context):
            if later.get(patient, now) <= now:
                later.pop(patient, None)
                if not await _refreshed(context, patient):
                    later[patient] = now + _TRY_AGAIN_S
        await asyncio.sleep(_LOOK_S)


async def _stale(context: Context) -> list[str]:
    try:
        return await context.work(context.patients.stale, cpu=False)
    except Problem:  # the store is away, and said so in the log
        return []


async def _refreshed(context: Context, patient: str) -> bool:
    """Whether the row of a patient was made anew: whatever one patient brings, the board goes on."""
    try:
        await context.work(context.patients.refresh, patient)
    except Exception as error:
        _log.error("board", extra={"error": type(error).__name__, "at": errors.place_of(error)})
        return False
    return True
