"""What proves that a request comes from a page of ours: its origin, and the token that the form was given."""

from typing import Final

from fastapi import Request, Response
from starlette.datastructures import UploadFile

from tocsin.service.access.guard import Guard, guard_of
from tocsin.service.access.headers import COOKIES
from tocsin.service.access.people import User
from tocsin.service.access.tokens import form_token, new_secret, same
from tocsin.service.access.who import SESSION
from tocsin.service.errors import Problem

FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
_FORM: Final = "tocsin-form"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def writes(request: Request) -> bool:
    """Whether a request may change something."""
    return request.method not in _SAFE


def refuse_other_sites(request: Request, guard: Guard) -> None:
    """Refuse what a page of another site makes a browser send; a link that people follow is let through."""
    site = request.headers.get("sec-fetch-site", "none")
    followed = not writes(request) and request.headers.get("sec-fetch-mode") == "navigate"
    origin = request.headers.get("origin")
    # Our pages send no referrer, so that browsers call the origin of their forms null; no page can make up the other header.
    ours = origin is None or guard.own_origin(request, origin) or (origin == "null" and site == "same-origin")
    foreign = writes(request) and not ours
    if foreign or (site not in ("same-origin", "none") and not followed):
        raise Problem(
            403, "cross_site", "this came from a page of another site; open Tocsin itself and try again"
        )


async def check_form(request: Request, guard: Guard, user: User | None) -> None:
    """Refuse a write without the token of the form, unless no browser could have been made to send it.

    A bearer token is never sent by itself; and where nobody has a session, another site can send no JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    in_session = guard.cookie(SESSION) in request.cookies and guard.has_sessions
    if user is not None and (user.way == "token" or (not in_session and kind.endswith("json"))):
        return
    sent = request.headers.get(HEADER)
    if sent is None and kind in _FORM_TYPES:
        field = (await request.form()).get(FIELD)
        sent = None if isinstance(field, UploadFile) else field
    wanted = _token(request, guard, user)
    if sent is None or wanted is None or not same(sent, wanted):
        message = "the form has expired or is not ours; go back, load the page again, and send it once more"
        raise Problem(403, "csrf", message)


def csrf_token(request: Request) -> str:
    """Return what the forms of a page must send back as `csrf_token`, or a script as X-CSRF-Token."""
    guard = guard_of(request)
    user: User | None = getattr(request.state, "user", None)
    found = _token(request, guard, user)
    if found is not None:
        return found
    secret = new_secret()
    cookies: list[str] = request.scope.setdefault("state", {}).setdefault(COOKIES, [])
    carrier = Response()
    set_cookie(carrier, guard, _FORM, secret)
    cookies.append(carrier.headers["set-cookie"])
    request.cookies[guard.cookie(_FORM)] = secret  # the next form of this page has the same
    return form_token(secret, user.name if user else "")


def set_cookie(response: Response, guard: Guard, name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie that no script reads and no other site sends along with a form."""
    response.set_cookie(
        guard.cookie(name),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=guard.config.secure,
    )


def drop_cookie(response: Response, guard: Guard, name: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(
        guard.cookie(name), path="/", httponly=True, samesite="lax", secure=guard.config.secure
    )


def _token(request: Request, guard: Guard, user: User | None) -> str | None:
    """Return the token of the forms of a session, or of a browser that has none; None where it has no cookie yet."""
    if user is not None and user.way == guard.way and guard.has_sessions:
        secret = request.cookies.get(guard.cookie(SESSION))
        return form_token(secret, user.name) if secret else None
    secret = request.cookies.get(guard.cookie(_FORM))
    return form_token(secret, user.name if user else "") if secret else None
