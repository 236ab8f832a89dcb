"""Access to the page: its own origin, by a name of this machine's, with the token.

A page of another origin cannot ask on a visitor's behalf (``Origin``,
``Sec-Fetch-Site``), a name that was pointed here cannot read (``Host``), and beyond
this machine a token is asked for, kept in a cookie that no script and no other site
sees.
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """ASGI middleware that lets requests through, or says why not.

    Args:
        app: What they are for.
        names: Host names of the page; ``None``: any address in figures, and no name,
            for whoever listens on all of them.
        token: What must be known; ``None``: nothing.
        port: In the cookie's name, because cookies are shared by ports.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Collection[str] | None,
        token: str | None,
        port: int,
    ) -> None:
        self._app, self._names, self._token = app, names, token
        self._cookie = f"coordinator_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        refusal = self._refusal(request)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = refusal if refusal is not None else self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if not self._is_known(_host_of(headers)):
            return _no(403, f"this page is not called {headers.get('host', '')[:80]!r}")
        site = headers.get("sec-fetch-site", "none")
        if site not in {"none", "same-origin"} and not _is_visit(request):
            return _no(403, "only the page itself may ask")
        if request.method not in {"GET", "HEAD"}:
            origin = urlsplit(headers.get("origin", "")).netloc
            if not origin or origin != headers.get("host", ""):
                return _no(403, "only the page itself may do this")
        return self._token_refusal(request)

    def _token_refusal(self, request: Request) -> Response | None:
        if self._token is None:
            return None
        token = request.query_params.get("token")
        if token is not None and self._is_token(token):
            rest = [(k, v) for k, v in parse_qsl(request.url.query) if k != "token"]
            query = f"?{urlencode(rest)}" if rest else ""
            answer = RedirectResponse(f"{request.url.path}{query}", 303)
            answer.set_cookie(
                self._cookie, token, httponly=True, samesite="strict", path="/"
            )
            return answer
        held = request.cookies.get(self._cookie, "")
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._is_token(held) or self._is_token(bearer):
            return None
        return _no(401, "open the address that 'coordinator web' said")

    def _is_token(self, text: str) -> bool:
        assert self._token is not None
        return secrets.compare_digest(text.encode(), self._token.encode())

    def _is_known(self, host: str) -> bool:
        if self._names is not None:
            return host in self._names
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host == "localhost"
        return True


def _host_of(headers: Headers) -> str:
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def _is_visit(request: Request) -> bool:
    """Whether a person follows a link to here, which shows the page and no more."""
    mode = request.headers.get("sec-fetch-mode")
    return request.method == "GET" and mode == "navigate"


def _no(status: int, why: str) -> PlainTextResponse:
    return PlainTextResponse(f"{why}\n", status)
