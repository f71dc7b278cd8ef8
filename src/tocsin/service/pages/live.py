"""Tells open boards which rows changed: one look at the store for all who listen."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Final

from fastapi import Request

from tocsin.service.access import User, still_allowed
from tocsin.service.context import Context
from tocsin.service.errors import Problem
from tocsin.service.summary import Summary, read_summary

_LOOK_S: Final = 1.0
_ALIVE_S: Final = 15.0  # a proxy would close a stream that says nothing


@dataclass
class _Watch:
    """What the boards of one service listen to."""

    listeners: set[asyncio.Queue[list[str]]] = field(default_factory=set[asyncio.Queue[list[str]]])
    task: asyncio.Task[None] | None = None


async def watch(context: Context, request: Request, user: User) -> AsyncGenerator[str]:
    """Yield server-sent events: the patients whose row changed, and now and then that we are still here."""
    shared = request.app.state
    shared.board_watch = mine = getattr(shared, "board_watch", None) or _Watch()
    queue: asyncio.Queue[list[str]] = asyncio.Queue()
    mine.listeners.add(queue)
    if mine.task is None or mine.task.done():
        mine.task = asyncio.create_task(_look(context, mine))
    try:
        yield "retry: 3000\nevent: hello\ndata: []\n\n"
        quiet = 0.0
        while not context.stopping.is_set() and not await request.is_disconnected():
            try:
                changed = await asyncio.wait_for(queue.get(), _LOOK_S)
            except TimeoutError:
                quiet += _LOOK_S
                if quiet >= _ALIVE_S:
                    quiet = 0.0
                    if not await still_allowed(request, user):
                        return
                    yield ": still here\n\n"
                continue
            if not await still_allowed(request, user):
                return
            yield f"event: changed\ndata: {json.dumps(changed)}\n\n"
    finally:
        mine.listeners.discard(queue)


async def _look(context: Context, mine: _Watch) -> None:
    """Look at the rows as long as somebody listens, and tell what is new; a store that is away is asked again."""
    before: dict[str, str] | None = None
    while mine.listeners and not context.stopping.is_set():
        with contextlib.suppress(Problem):
            now = await _bodies(context)
            known = now if before is None else before
            changed = sorted(patient for patient, body in now.items() if differs(known.get(patient), body))
            before = now
            for queue in mine.listeners if changed else ():
                queue.put_nowait(changed)
        await asyncio.sleep(_LOOK_S)


async def _bodies(context: Context) -> dict[str, str]:
    """Return the kept row of each patient, as text."""
    kept = await context.work(context.store.summaries, cpu=False)
    return {one.patient: one.body for one in kept}


def differs(before: str | None, now: str) -> bool:
    """Whether a row shows something else: rows are made anew as time passes, and most stay as they were."""
    if before == now:
        return False
    return before is None or _shown(before) != _shown(now)


def _shown(body: str) -> Summary:
    """Return a row without what changes whenever it is made: its times, and where the first step was cut off."""
    row = read_summary(body)
    spark = tuple(("" if place == 0 else time, grades) for place, (time, grades) in enumerate(row.spark))
    return replace(row, at="", updated="", version=0, spark=spark)
