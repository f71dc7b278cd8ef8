"""What every route stands on: configuration, store, patients, and the threads that grade."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from tocsin.service.config import Config
from tocsin.service.errors import Problem
from tocsin.service.patients import Patients
from tocsin.service.store import Store

Answer = TypeVar("Answer")


@dataclass
class Context:
    """One running service."""

    config: Config
    store: Store
    patients: Patients
    # Grading is work for the processor: more threads than cores would only make each answer later.
    graders: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(len(os.sched_getaffinity(0))))
    readers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(16))
    # Set when the service is asked to stop: a stream that never ends by itself looks at it.
    stopping: threading.Event = field(default_factory=threading.Event)

    async def work(self, function: Callable[..., Answer], *arguments: Any, cpu: bool = True) -> Answer:
        """Run what blocks on a thread: `cpu` for grading, otherwise for waiting on the store.

        Raises Problem when it takes too long.
        """
        limiter = self.graders if cpu else self.readers
        return await in_time(self.config.limits.answer_seconds, limiter, function, *arguments)


async def in_time(
    seconds: float, limiter: CapacityLimiter, function: Callable[..., Answer], *arguments: Any
) -> Answer:
    """Run what blocks on a thread, one of those that `limiter` lets run. Raises Problem when it takes too long."""
    try:
        with anyio.fail_after(seconds):
            return await to_thread.run_sync(function, *arguments, limiter=limiter, abandon_on_cancel=True)
    except TimeoutError:
        message = "the service is too busy to answer in time; try again"
        raise Problem(503, "timeout", message, headers={"Retry-After": "5"}) from None


def context_of(request: Request) -> Context:
    """Return the running service of a request."""
    return cast(Context, request.app.state.context)


Here = Annotated[Context, Depends(context_of)]
