"""The headers that every answer carries, and the cookie that forms are tied to before there is a session."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
COOKIES: Final = "tocsin_cookies"  # in the state of a request: cookies to set on its answer
_STATIC: Final = "/static/"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_HSTS: Final = "max-age=31536000; includeSubDomains"


class HeadersMiddleware:
    """Adds the headers to every answer, errors too."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        self._headers = _ALWAYS | ({"Strict-Transport-Security": _HSTS} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                # A page with a style of its own says so, by the hash of that style.
                headers.setdefault("Content-Security-Policy", CSP)
                if not scope["path"].startswith(_STATIC):
                    headers.setdefault("Cache-Control", "no-store")
                for cookie in scope.get("state", {}).get(COOKIES, ()):
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, guarded)
