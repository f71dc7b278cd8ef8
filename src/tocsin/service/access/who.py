"""Who is asking: by a token, by a session, by the word of a trusted proxy, or from this machine."""

from typing import Final

from fastapi import Request

from tocsin.service.access.audit import audit_refused
from tocsin.service.access.forwarded import peer_of, trusted
from tocsin.service.access.guard import Guard
from tocsin.service.access.people import User, role_of
from tocsin.service.context import context_of
from tocsin.service.errors import Problem

SESSION: Final = "tocsin"
_ANYONE: Final = User("anyone on this machine", "admin")
_LONGEST: Final = 128  # of a name
_BEARER: Final = {"WWW-Authenticate": "Bearer"}


async def who_asks(request: Request, guard: Guard, *, touch: bool = True) -> User | None:
    """Return who is asking, None where nobody says so. Raises Problem for a claim that is false.

    `touch` counts the request as a sign of life of its session.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None and not _is_of_the_proxy(request, guard, authorization):
        return await _by_token(request, guard, authorization)
    if guard.way == "loopback":
        return _ANYONE
    if guard.way == "proxy":
        return await _by_proxy(request, guard)
    return await _by_session(request, guard, touch)


async def _by_token(request: Request, guard: Guard, authorization: str) -> User:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, "not_signed_in", "Authorization: send Bearer and a token", headers=_BEARER)
    user = await context_of(request).work(guard.accounts.by_token, token.strip(), cpu=False)
    if user is None:
        message = (
            "this token is not known here, or was taken away; an administrator makes one with --add-token"
        )
        raise Problem(401, "not_signed_in", message, headers=_BEARER)
    return user


async def _by_session(request: Request, guard: Guard, touch: bool) -> User | None:
    secret = request.cookies.get(guard.cookie(SESSION))
    if not secret:
        return None
    return await context_of(request).work(guard.sessions.find, secret, guard.way, touch, cpu=False)


def _is_of_the_proxy(request: Request, guard: Guard, authorization: str) -> bool:
    """Whether it is a name and a password by which the proxy let somebody in: it passes them on, and they are not for us."""
    is_basic = authorization.partition(" ")[0].lower() == "basic"
    return is_basic and guard.way == "proxy" and trusted(peer_of(request.scope), guard.config.access.proxies)


async def _by_proxy(request: Request, guard: Guard) -> User | None:
    """Return whom the proxy let in; what anybody else says about users is refused."""
    access = guard.config.access
    names = _texts(request, access.user_header)
    if not trusted(peer_of(request.scope), access.proxies):
        if names or request.headers.getlist(access.groups_header):
            message = (
                f"only the proxies of access.proxies may send {access.user_header}; this address is none"
            )
            raise Problem(403, "untrusted_proxy", message)
        return None
    if not names:
        return None
    if len(names) > 1 or not 0 < len(names[0]) <= _LONGEST or not names[0].isprintable():
        raise Problem(
            403, "untrusted_proxy", f"{access.user_header}: one name, of at most 128 printed characters"
        )
    groups = [group.strip() for line in _texts(request, access.groups_header) for group in line.split(",")]
    role = role_of((group for group in groups if group), access)
    if role is None:
        await audit_refused(request, names[0], "proxy")
        raise Problem(403, "forbidden", "signed in, but none of your groups may enter; ask an administrator")
    return User(names[0], role, "proxy")


def _texts(request: Request, header: str) -> list[str]:
    """Return what a header says, once for each time it is there: most proxies write UTF-8, some the alphabet of old."""
    found: list[str] = []
    for said in request.headers.getlist(header):
        try:
            found.append(said.encode("latin-1").decode("utf-8"))
        except UnicodeDecodeError:
            found.append(said)
    return [one.strip(" \t") for one in found]
