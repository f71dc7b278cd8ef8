"""The first page: what is here, and the way to one patient."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from tocsin.service.access import User, require
from tocsin.service.access.audit import audit
from tocsin.service.context import Here
from tocsin.service.pages.render import page

router = APIRouter()
Reader = Annotated[User, Depends(require("read"))]


@router.get("/")
async def home(request: Request, here: Here, user: Reader, patient: str = "") -> Response:
    """Return the first page, or the way to the patient that was asked for."""
    if patient.strip():  # whether somebody is known here is something to have read, too
        await audit(request, user.name, "GET /", patient.strip(), way=user.way)
        found = await here.work(here.patients.known, patient.strip(), cpu=False)
        return RedirectResponse(f"/patients/{found.patient}", 303)
    count = len(await here.work(here.store.patients, cpu=False))
    return page("home.html", request, count=count, zone=here.config.zone)
