"""The page of one patient: grade now and why, what to do and by when, the course, and what a clinician says of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tocsin.errors import UserError
from tocsin.knowledge.patient_pages import languages, patient_page
from tocsin.report.leaflet import draw, treatment_in
from tocsin.report.leaflet_html import leaflet_policy
from tocsin.service.access import User, require
from tocsin.service.answered import Answered
from tocsin.service.context import Context, Here
from tocsin.service.errors import Problem
from tocsin.service.follow.mark import read_mark
from tocsin.service.pages import forms
from tocsin.service.pages.feedback import answers_of
from tocsin.service.pages.render import fragment, page
from tocsin.service.pages.sheet import Sheet, read_sheet
from tocsin.service.pages.worksheet import shown
from tocsin.service.patients import PatientState

router = APIRouter()
Reader = Annotated[User, Depends(require("read"))]
Writer = Annotated[User, Depends(require("write"))]
_LISTED: Final = 50  # of what was set aside for one reason
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)


def instant(name: str, text: str, zone: ZoneInfo) -> datetime | None:
    """Return an instant of the address, None where there is none; without a zone it is on the clocks of the ward."""
    if not text.strip():
        return None
    try:
        # A plus in an address may have become a space on its way.
        said = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise Problem(422, "invalid", f"{name}: write date and clock, such as 2026-02-12T20:00") from None
    said = said if said.tzinfo else said.replace(tzinfo=zone)
    if not _EARLIEST < said < _LATEST:
        raise Problem(422, "invalid", f"{name}: write a time between 1900 and 2200")
    return said


def _sheet(context: Context, id: str, query: dict[str, str]) -> Sheet:
    zone = ZoneInfo(context.config.zone)
    at, start, end = (instant(name, query.get(name, ""), zone) for name in ("at", "from", "to"))
    state = context.patients.state(id, at)
    try:
        said = context.store.annotations(id)
        mark = read_mark(context.store, id)
        unread = mark.aside if mark is not None else {}
        return read_sheet(state, said, zone, (start, end), at, unread, narrow=bool(query.get("narrow")))
    except UserError as error:
        raise Problem(422, "invalid", error.message) from None


def _shown(
    context: Context, sheet: Sheet, answers: Sequence[Answered], form: Mapping[str, str], wrong: str = ""
) -> dict[str, Any]:
    open_to_all = context.config.access.mode == "loopback"
    said: dict[str, Any] = {
        "groups": forms.GROUPS,
        "form": form,
        "wrong": wrong,
        "open_to_all": open_to_all,
        "most": forms.MOST,
        "listed": _LISTED,
        "languages": [(code, patient_page(code).language) for code in languages()],
        "worksheet": shown(form, f"e-{forms.ICE}"),
    }
    return {"sheet": sheet, "answers": answers, **said}


@router.get("/patients/{id}")
async def patient(id: str, request: Request, here: Here, user: Reader) -> Response:
    """Return the page of a patient, now or `at` an instant; the course between `from` and `to`."""
    sheet = await here.work(_sheet, here, id, dict(request.query_params))
    del user
    return page("patient.html", request, **_shown(here, sheet, await answers_of(here, sheet), {}))


@router.get("/patients/{id}/course")
async def course(id: str, request: Request, here: Here, user: Reader) -> Response:
    """Return the course alone, for a page that is open."""
    del user
    sheet = await here.work(_sheet, here, id, dict(request.query_params))
    return HTMLResponse(fragment("course.html", sheet=sheet), headers={"Cache-Control": "no-store"})


@router.post("/patients/{id}/annotations")
async def say(id: str, request: Request, here: Here, user: Writer) -> Response:
    """Keep what a clinician says; the patient is graded anew, and the page shown again."""
    form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    zone = ZoneInfo(here.config.zone)
    try:
        said = forms.read_form(form, zone)
        author = _author(form.get("author", ""), here, user)
        keep = partial(here.patients.annotate_with, id, said.findings, time=said.time, author=author)
        await here.work(keep, cpu=False)
    except Problem as problem:
        if problem.status != 422:
            raise
        sheet = await here.work(_sheet, here, id, {})
        answers = await answers_of(here, sheet)
        return page("patient.html", request, 422, **_shown(here, sheet, answers, form, problem.message))
    await here.work(here.patients.changed, id)
    return RedirectResponse(f"/patients/{id}#said", 303)


def _author(named: str, here: Context, user: User) -> str:
    """Return who says so: whoever signed in; where nobody signs in, the name that was given."""
    if here.config.access.mode != "loopback":
        return user.name
    name = " ".join(named.split())
    if not name or len(name) > forms.MOST:
        raise Problem(422, "invalid", f"your name: write who says this, in at most {forms.MOST} letters")
    return name


def _leaflet(state: PatientState, language: str) -> str:
    if state.records is None:
        raise Problem(422, "invalid", "no therapy is on record: the leaflet needs one")
    try:
        return draw(treatment_in(state.records), language)
    except UserError as error:
        raise Problem(422, "invalid", error.message) from None


@router.get("/patients/{id}/leaflet")
async def leaflet(id: str, request: Request, here: Here, user: Reader, language: str = "en") -> Response:
    """Return the leaflet for the patient, with the therapy and its dates."""
    del request, user
    state = await here.work(here.patients.state, id)
    text = await here.work(_leaflet, state, language)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{leaflet_policy()}; frame-ancestors 'none'",
    }
    return HTMLResponse(text, headers=headers)
