"""The doors: signing in and out, the own password, and the audit log for who may read it."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from tocsin.errors import UserError
from tocsin.service.access.accounts import Refused
from tocsin.service.access.audit import audit
from tocsin.service.access.forms import check_form, drop_cookie, refuse_other_sites, set_cookie
from tocsin.service.access.gate import require, wants_page
from tocsin.service.access.guard import Guard, guard_of
from tocsin.service.access.launches import LAUNCH_S
from tocsin.service.access.oidc import CALLBACK
from tocsin.service.access.passwords import SHORTEST
from tocsin.service.access.people import User
from tocsin.service.access.who import SESSION
from tocsin.service.context import Here, context_of
from tocsin.service.errors import FAILURES, Problem, failures, problem_of
from tocsin.service.models import AuditOut
from tocsin.service.pages.render import page

router = APIRouter()
_LAUNCH: Final = "tocsin-launch"
_NOBODY: Final = "(nobody)"
_MOST: Final = 500
_LONGEST: Final = 1024  # of what is typed into a field
_LONGEST_BACK: Final = 2048

Signed = Annotated[User, Depends(require("read"))]
Admin = Annotated[User, Depends(require("admin"))]
Entry = Annotated[Guard, Depends(guard_of)]
Field = Annotated[str, Form(max_length=_LONGEST)]


def install(app: FastAPI) -> None:
    """Bring every error into the one shape, and for a reader of pages into a page."""
    for kind in FAILURES:
        app.add_exception_handler(kind, _in_words)


def _in_words(request: Request, error: Exception) -> Response:
    problem = problem_of(request, error)
    if not wants_page(request):
        return problem.response()
    found = page("error.html", request, problem.status, message=problem.message)
    found.headers.update(problem.headers)
    return found


@router.get("/sign-in", include_in_schema=False)
async def sign_in_page(
    request: Request, guard: Entry, back: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Show where to sign in."""
    _where_people_sign_in(guard)
    return await _sign_in(request, guard, back)


@router.post("/sign-in", include_in_schema=False)
async def sign_in(
    request: Request,
    here: Here,
    guard: Entry,
    name: Field = "",
    password: Field = "",
    back: Annotated[str, Form(alias="next", max_length=_LONGEST_BACK)] = "/",
) -> Response:
    """Open a session for who knows the password of an account."""
    _only_accounts(guard)
    refuse_other_sites(request, guard)
    await check_form(request, guard, None)
    guard.check_pace(request)
    found = await here.work(guard.accounts.enter, name, password)
    if isinstance(found, Refused):
        # An unknown name is not written down: people type a password into the wrong field.
        who = name.strip().lower() if found.known else _NOBODY
        await audit(request, who, "sign-in refused", locked=found.wait_s > 0)
        return await _sign_in(request, guard, back, found)
    return await _enter(request, guard, found, back)


@router.get("/sign-in/oidc", include_in_schema=False)
async def launch(request: Request, guard: Entry, back: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Send the browser to the OpenID provider."""
    guard.check_pace(request)
    address, secret = await _provider(guard).begin(local(back))
    answer = RedirectResponse(address, 303)
    set_cookie(answer, guard, _LAUNCH, secret, LAUNCH_S)
    return answer


@router.get(CALLBACK, include_in_schema=False)
async def callback(request: Request, guard: Entry) -> Response:
    """Open a session for whom the provider names."""
    guard.check_pace(request)
    provider, secret = _provider(guard), request.cookies.get(guard.cookie(_LAUNCH))
    try:
        user, back = await provider.finish(secret, request.query_params)
    except Problem as problem:
        await audit(request, _NOBODY, "sign-in refused", code=problem.code)
        answer = _in_words(request, problem)
    else:
        answer = await _enter(request, guard, user, back)
    drop_cookie(answer, guard, _LAUNCH)
    return answer


@router.post("/sign-out", include_in_schema=False)
async def sign_out(request: Request, here: Here, guard: Entry, user: Signed) -> Response:
    """End the session."""
    _where_people_sign_in(guard)
    secret = request.cookies.get(guard.cookie(SESSION))
    if secret:
        await here.work(guard.sessions.end, secret, cpu=False)
    await audit(request, user.name, "sign-out", way=user.way)
    answer = RedirectResponse("/sign-in", 303)
    drop_cookie(answer, guard, SESSION)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get("/account", include_in_schema=False)
async def account(request: Request, guard: Entry, user: Signed) -> Response:
    """Show the own account."""
    del user
    _only_accounts(guard)
    return _account(request)


@router.post("/account", include_in_schema=False)
async def change_password(
    request: Request,
    here: Here,
    guard: Entry,
    user: Signed,
    old: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """Change the own password; every other session of the account ends."""
    _only_accounts(guard)
    if user.way != "accounts":
        raise Problem(403, "forbidden", "a program has no password")
    guard.check_pace(request)
    if new != again:
        return _account(request, "The two new passwords differ.")
    found = await here.work(guard.accounts.enter, user.name, old)
    if isinstance(found, Refused):
        await audit(request, user.name, "password change refused", locked=found.wait_s > 0)
        return _account(request, _why(found) if found.wait_s else "The old password is wrong.")
    try:
        await here.work(guard.accounts.set_password, user.name, new)
    except UserError as error:
        return _account(request, f"{error.message[:1].upper()}{error.message[1:]}.")
    await audit(request, user.name, "password changed")
    return await _enter(request, guard, found, "/")


@router.get("/audit", include_in_schema=False)
async def audit_page(request: Request, here: Here, user: Admin, patient: str = "") -> Response:
    """Show the latest lines of the audit log."""
    lines = await _lines(request, here, user, patient)
    return page("audit.html", request, lines=lines, patient=patient.strip(), most=_MOST)


@router.get("/api/audit", response_model=AuditOut, responses=failures(401, 403, 422), tags=["API"])
async def audit_lines(
    request: Request,
    here: Here,
    user: Admin,
    patient: Annotated[str, Query(max_length=128, description="Only what concerns this patient.")] = "",
) -> dict[str, Any]:
    """Return the latest lines of the audit log, newest first."""
    return {"lines": await _lines(request, here, user, patient)}


async def _lines(request: Request, here: Here, user: User, patient: str) -> list[Any]:
    """Return lines of the log; that it was read is the newest of them."""
    wanted = patient.strip() or None
    await audit(request, user.name, "audit log read", wanted, way=user.way)
    return await here.work(here.store.audit.lines, wanted, _MOST, cpu=False)


def local(back: str) -> str:
    """Return where somebody wanted to go, as long as it is a page of ours."""
    # Browsers take a backslash for a slash, and leave out what is not printed.
    fits = back.startswith("/") and not back.startswith("//") and back.isprintable() and "\\" not in back
    return back if fits else "/"


def _where_people_sign_in(guard: Guard) -> None:
    if not guard.has_sessions:
        raise Problem(404, "not_found", "nobody signs in here; see access.mode")


def _only_accounts(guard: Guard) -> None:
    if guard.way != "accounts":
        raise Problem(404, "not_found", "there are no accounts here; see access.mode")


def _provider(guard: Guard) -> Any:
    if guard.provider is None:
        raise Problem(404, "not_found", "there is no OpenID provider here; see access.mode")
    return guard.provider


async def _enter(request: Request, guard: Guard, user: User, back: str) -> Response:
    """Open a new session, whatever cookie the browser came with."""
    here = context_of(request)
    opened = partial(guard.sessions.open, user, request.cookies.get(guard.cookie(SESSION)))
    secret = await here.work(opened, cpu=False)
    await audit(request, user.name, "sign-in", way=user.way, role=user.role)
    answer = RedirectResponse(local(back), 303)
    set_cookie(answer, guard, SESSION, secret)
    return answer


async def _sign_in(request: Request, guard: Guard, back: str, refused: Refused | None = None) -> Response:
    accounts = guard.way == "accounts"
    count = await context_of(request).work(guard.accounts.count, cpu=False) if accounts else 0
    status = 200 if refused is None else 429 if refused.wait_s else 401
    found = page(
        "sign-in.html",
        request,
        status,
        back=local(back),
        accounts=accounts,
        wrong=_why(refused) if refused else "",
        none_yet=accounts and not count,
    )
    if refused is not None and refused.wait_s:
        found.headers["Retry-After"] = str(refused.wait_s)
    return found


def _why(refused: Refused) -> str:
    if refused.wait_s:
        return f"Too many wrong passwords for this name. Try again in {refused.wait_s} s."
    return "Name or password is wrong."


def _account(request: Request, wrong: str = "") -> Response:
    return page("account.html", request, 422 if wrong else 200, wrong=wrong, shortest=SHORTEST)
