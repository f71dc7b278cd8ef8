"""The first page: what is here, and the way to one patient."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from tocsin.service.access import User, require
from tocsin.service.context import Here
from tocsin.service.pages.render import page

router = APIRouter()
Reader = Annotated[User, Depends(require("read"))]


@router.get("/")
async def home(request: Request, here: Here, user: Reader, patient: str = "") -> Response:
    """Return the first page, or the way to the patient that was asked for."""
    if patient.strip():
        found = await here.work(here.patients.known, patient.strip(), cpu=False)
        return RedirectResponse(f"/patients/{found.patient}", 303)
    del user
    count = len(await here.work(here.store.patients, cpu=False))
    return page("home.html", request, count=count, zone=here.config.zone)
