"""Cross-origin calls of the CDS routes: only from the origins that the site names, and never with cookies."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS: Final = "authorization, content-type"
_METHODS: Final = "GET, POST, OPTIONS"


class CorsMiddleware:
    """Answers what browsers ask before they call, and says which origin may read the answer."""

    def __init__(self, app: ASGIApp, root: str, origins: frozenset[str]) -> None:
        self._app, self._root, self._origins = app, root, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or not str(scope["path"]).startswith(self._root):
            await self._app(scope, receive, send)
            return
        allowed = origin in self._origins

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if allowed:
                    headers["Access-Control-Allow-Origin"] = origin
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            await _preflight(allowed)(scope, receive, told)
        else:
            await self._app(scope, receive, told)


def _preflight(allowed: bool) -> Response:
    if not allowed:
        return Response(status_code=204)
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=headers)
