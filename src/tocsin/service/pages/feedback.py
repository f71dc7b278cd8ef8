"""What users of CDS Hooks answered to cards: the latest of all patients, as a page and for programs."""

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from tocsin.service import models
from tocsin.service.access import audit_board
from tocsin.service.answered import Answered, answered
from tocsin.service.api import Reader
from tocsin.service.context import Context, Here
from tocsin.service.errors import failures
from tocsin.service.pages.render import page
from tocsin.service.pages.sheet import Sheet

router = APIRouter()
_MOST: Final = 200


async def answers_of(here: Context, sheet: Sheet) -> list[Answered]:
    """Return what was answered to the cards of a patient by the instant of their page, the latest first."""
    found = answered(await here.work(here.store.cards.feedback_of, sheet.id, cpu=False))
    return [one for one in reversed(found) if sheet.asked is None or one.said.received <= sheet.asked]


async def _latest(request: Request, here: Context, user: Any) -> Sequence[Answered]:
    """Return the latest answers; that the patients were read is noted."""
    found = answered(await here.work(here.store.cards.latest_feedback, _MOST, cpu=False))
    await audit_board(request, user, sorted({one.card.patient for one in found}))
    return found


@router.get("/feedback", include_in_schema=False)
async def feedback_page(request: Request, here: Here, user: Reader) -> Response:
    """Show the latest answers."""
    found = await _latest(request, here, user)
    kept = {one.patient for one in await here.work(here.store.patients, cpu=False)}
    zone = ZoneInfo(here.config.zone)
    return page("feedback.html", request, answers=found, kept=kept, zone=zone, most=_MOST)


@router.get("/api/feedback", response_model=models.FeedbackList, responses=failures(401, 403), tags=["API"])
async def feedback_list(request: Request, here: Here, user: Reader) -> dict[str, Any]:
    """Return the latest answers to cards of CDS Hooks, newest first, also of patients whose record is not kept here."""
    return {"feedback": [one.as_json() for one in await _latest(request, here, user)]}
