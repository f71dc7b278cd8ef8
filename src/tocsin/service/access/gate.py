"""The one gate before every route: who asks, whether they may, from a page of ours, and written down."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Request, Security
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tocsin.service.access.audit import act_of, audit, audit_refused, patient_of
from tocsin.service.access.forms import check_form, csrf_token, refuse_other_sites, writes
from tocsin.service.access.guard import guard_of
from tocsin.service.access.people import Role, User
from tocsin.service.access.who import who_asks
from tocsin.service.errors import Problem

_SCHEME: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token made with `tocsin serve --add-token`."
)
_Told = Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]  # for the OpenAPI document alone


class NotSignedIn(Problem):
    """Nobody is signed in: a program is told so, a person is shown where to sign in."""

    def __init__(self) -> None:
        message = "sign in first; a program sends a token in the header Authorization"
        super().__init__(401, "not_signed_in", message, headers={"WWW-Authenticate": "Bearer"})


def require(role: Role, *, touch: bool = True) -> Callable[..., Awaitable[User]]:
    """Return a dependency that lets in who holds a role, and returns them.

    Without `touch` the request is no sign of life of its session: a page asks by itself, nobody may sit before it.

    A write must come from a page of ours, and a patient in the path is noted in the audit log. Raises Problem: 401 for nobody,
    403 for too small a role or another site's page.
    """

    async def allowed(request: Request, told: _Told) -> User:
        del told
        guard = guard_of(request)
        refuse_other_sites(request, guard)
        user = await who_asks(request, guard, touch=touch)
        if user is None:
            raise NotSignedIn
        request.state.user, request.state.role = user, role
        if writes(request):
            await check_form(request, guard, user)
        if not user.may(role):
            await audit_refused(request, user.name, user.way)
            raise Problem(403, "forbidden", f"this asks for the role {role}; yours is {user.role}")
        patient = patient_of(request)
        if patient is not None:
            await audit(request, user.name, act_of(request), patient, way=user.way)
        return user

    allowed.role = role  # pyright: ignore[reportFunctionMemberAccess]  (tests read which role a route asks for)
    return allowed


def current_user(request: Request) -> User:
    """Return who was let in; only in a route that requires a role."""
    return request.state.user


async def still_allowed(request: Request, user: User) -> bool:
    """Whether a stream may go on: its user is still signed in, and still holds the role that let them in."""
    try:
        now = await who_asks(request, guard_of(request), touch=False)
    except Problem:
        return False
    return now is not None and now.name == user.name and now.may(request.state.role)


def page_context(request: Request) -> dict[str, Any]:
    """Return what every page shows of its reader: `user`, `csrf_token`, `can_write`, `is_admin`, `can_sign_out`."""
    user: User | None = getattr(request.state, "user", None)
    return {
        "user": user,
        "csrf_token": csrf_token(request),
        "can_write": user is not None and user.may("write"),
        "is_admin": user is not None and user.may("admin"),
        "can_sign_out": user is not None and guard_of(request).has_sessions and user.way != "token",
    }


def not_signed_in(request: Request, error: Exception) -> Response:
    """Answer who is not signed in: a reader of pages goes to where to sign in, and comes back."""
    assert isinstance(error, NotSignedIn)
    if request.method != "GET" or not wants_page(request) or not guard_of(request).has_sessions:
        return error.response()
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/sign-in?" + urlencode({"next": back}), 303)


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer, not a program."""
    programs = request.url.path.startswith(("/api/", "/cds-services"))
    return not programs and "text/html" in request.headers.get("accept", "")
