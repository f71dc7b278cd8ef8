"""The files that pages are made with: style sheets and scripts, each known by name and by what is in it."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

from tocsin.service.errors import Problem

router = APIRouter()
_OURS: Final = "tocsin.service.pages"
_PICTURES: Final = "tocsin.report.svg"
# Each file by its name, with the package that holds it: nothing else is ever served.
_FILES: Final = {
    "tokens.css": _PICTURES,
    "course.css": _PICTURES,
    "pages.css": f"{_OURS}/static",
    "calculator.js": f"{_OURS}/static",
    "course.js": f"{_OURS}/static",
    "worksheet.js": f"{_OURS}/static",
    "board.js": f"{_OURS}/static",
    "icon.svg": f"{_OURS}/static",
}
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_KEEP: Final = "public, max-age=31536000, immutable"  # its address changes with what is in it


@cache
def content(name: str) -> bytes:
    """Return what is in a file."""
    package, _, folder = _FILES[name].partition("/")
    place = files(package) / folder if folder else files(package)
    return (place / name).read_bytes()


@cache
def address(name: str) -> str:
    """Return the address of a file: another one whenever it changes."""
    return f"/static/{name}?v={hashlib.sha256(content(name)).hexdigest()[:12]}"


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Return a file by its name."""
    if name not in _FILES:
        raise Problem(404, "not_found", f"/static/{name[:40]}: no such file")
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(content(name), media_type=kind, headers={"Cache-Control": _KEEP})
