"""The pages: calculator, board and patient, drawn on the server; every path works without a script."""

from fastapi import APIRouter

from tocsin.service.pages import board, calculator, feedback, home, patient, static

router = APIRouter()
for part in (home, calculator, board, patient, static):
    router.include_router(part.router, include_in_schema=False)
router.include_router(feedback.router)

__all__ = ["router"]
