"""Who may use the admin endpoint: this machine, or whoever has the token; never a web page.

On loopback there is no password unless the operator sets one. Anywhere else a node does not start without a
token (`config.py` sees to that).
Rule 1: a web page in somebody's browser can send a POST to a port of the same machine. Browsers say so with
    an `Origin` header; commands and scrapers have none. So what changes something is refused with one.
"""

import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = ("/healthz",)
"""What needs no token: that a process is alive can be told from its port being open."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Gate:
    """ASGI middleware in front of the endpoint."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 401 or 403."""
        answer = self._refusal(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if scope["method"] not in SAFE_METHODS and "origin" in headers:
            return JSONResponse({"error": "not-for-browsers"}, status_code=403)
        if scope["path"] in OPEN_PATHS or self._has_token(headers):
            return None
        return JSONResponse(
            {"error": "token-required"}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
        )

    def _has_token(self, headers: Headers) -> bool:
        """In constant time: how much of a guess was right must not show."""
        if self._expected is None:
            return True
        return hmac.compare_digest(headers.get("authorization", "").encode(), self._expected)
