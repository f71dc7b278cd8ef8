"""Who may enter: `require` stands before every route; the audit log keeps who read what."""

from fastapi import FastAPI

from tocsin.service.access.audit import audit_board, noting
from tocsin.service.access.forms import csrf_token
from tocsin.service.access.forwarded import ForwardedMiddleware
from tocsin.service.access.gate import (
    NotSignedIn,
    current_user,
    not_signed_in,
    page_context,
    require,
    still_allowed,
)
from tocsin.service.access.guard import make_guard
from tocsin.service.access.headers import CSP, HeadersMiddleware
from tocsin.service.access.people import Role, User
from tocsin.service.context import Context

__all__ = [
    "CSP",
    "Role",
    "User",
    "audit_board",
    "csrf_token",
    "current_user",
    "install",
    "noting",
    "page_context",
    "require",
    "still_allowed",
]


def install(app: FastAPI) -> None:
    """Put what guards every route around the application; to be called last, so that it is the outermost."""
    context: Context = app.state.context
    app.state.guard = make_guard(context)
    app.add_exception_handler(NotSignedIn, not_signed_in)
    app.add_middleware(ForwardedMiddleware, config=context.config)
    app.add_middleware(HeadersMiddleware, secure=context.config.secure)
