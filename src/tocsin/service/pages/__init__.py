"""The pages: calculator, board and patient, drawn on the server; every path works without a script."""

from fastapi import APIRouter

from tocsin.service.pages import board, calculator, home, patient, static

router = APIRouter(include_in_schema=False)
for part in (home, calculator, board, patient, static):
    router.include_router(part.router)

__all__ = ["router"]
