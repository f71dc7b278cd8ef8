"""Who read or changed what, written down before the answer leaves: what cannot be written down is not shown."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import Request

from tocsin.service.access.people import User, Way
from tocsin.service.context import context_of

_LONGEST: Final = 128  # of an id: what is longer names no patient
_PATIENT: Final = "/patients/{id}"  # in the path of each route that is about one


def noting(request: Request, who: str, act: str, **detail: Any) -> Callable[[str | None], None]:
    """Return what adds a line about a patient to the audit log, with where the request comes from.

    It waits for the disk, on the thread that calls it, and raises Problem when the line cannot be kept.
    """
    append = context_of(request).store.audit.append
    detail["from"] = request.client.host if request.client else ""

    def note(patient: str | None) -> None:
        append(who, act, patient[:_LONGEST] if patient is not None else None, **detail)

    return note


async def audit(request: Request, who: str, act: str, patient: str | None = None, **detail: Any) -> None:
    """Add a line to the audit log. Raises Problem when it cannot be kept."""
    await context_of(request).work(noting(request, who, act, **detail), patient, cpu=False)


async def audit_board(request: Request, user: User, patients: Sequence[str]) -> None:
    """Note that somebody reads the rows of several patients: one line for all of them."""
    await audit(request, user.name, act_of(request), way=user.way, patients=list(patients))


async def audit_refused(request: Request, who: str, way: Way) -> None:
    """Note that somebody who is known was refused, and of whom they asked."""
    await audit(request, who, f"refused: {act_of(request)}", patient_of(request), way=way)


def patient_of(request: Request) -> str | None:
    """Return the patient in the path of a request; None where its route is about none."""
    return str(request.path_params["id"]) if _PATIENT in act_of(request) else None


def act_of(request: Request) -> str:
    """Return what is done: the method and the route, without what stands in it."""
    route = getattr(request.scope.get("route"), "path", "")
    return f"{request.method} {route}"
