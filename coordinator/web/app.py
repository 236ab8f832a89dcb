"""The application: which address gives what. What it gives is the hub's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from anyio.lowlevel import checkpoint
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from agents.boundary.guard import first_of, log_error
from coordinator import report
from coordinator.errors import CoordinatorError, JournalUnavailable
from coordinator.journal.store import checked_session_id
from coordinator.web.acts import act_decoder, ask_decoder
from coordinator.web.event_stream import EventStream

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from coordinator.web.hub import Hub

BODY_MOST = 1 << 20
"""Bytes of a request; a question of a megabyte is a mistake."""
_HERE = Path(__file__).parent
_REPORT = Path(report.__file__).parent
_FILES = {
    "/": (_HERE / "page.html", "text/html"),
    "/page.css": (_HERE / "page.css", "text/css"),
    "/page.js": (_HERE / "page.js", "text/javascript"),
    "/report.css": (_REPORT / "page.css", "text/css"),
}
_META = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')

_encode = msgspec.json.encode
_T = TypeVar("_T")
_Endpoint = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):
    """A request is answered by why not."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def application(hub: Hub) -> Starlette:
    """The page and its data."""

    async def teams(_: Request) -> Response:
        await checkpoint()
        return _json(
            [
                {"name": each.name, "note": each.note, "question": each.question}
                for each in hub.offers
            ]
        )

    async def listed(_: Request) -> Response:
        return _json(await hub.listed())

    async def ask(request: Request) -> Response:
        question = await _read(request, ask_decoder)
        return _json({"session": await hub.ask(question)}, 201)

    async def act(request: Request) -> Response:
        hub.act(_session(request), await _read(request, act_decoder))
        return _json({})

    async def resume(request: Request) -> Response:
        return _json({"session": await hub.go_on(_session(request))})

    async def pictures(request: Request) -> Response:
        return HTMLResponse(await hub.pictures.of(_session(request)))

    async def whole(request: Request) -> Response:
        text = await hub.pictures.report(_session(request))
        match = _META.search(text)
        assert match is not None  # the report has a policy of its own, by hashes
        policy = match[1].replace("&#x27;", "'")
        return HTMLResponse(text, headers={"content-security-policy": policy})

    async def events(request: Request) -> Response:
        session = _session(request)
        known = request.query_params.get("after", "")
        last = request.headers.get("last-event-id", known)
        async with hub.watched(session) as log:
            return _Streamed(EventStream(log, log.place_of(last)))

    routes = [
        Route("/api/teams", _answered(teams)),
        Route("/api/sessions", _answered(listed), methods=["GET"]),
        Route("/api/sessions", _answered(ask), methods=["POST"]),
        Route("/api/sessions/{session}/events", _answered(events)),
        Route("/api/sessions/{session}/act", _answered(act), methods=["POST"]),
        Route("/api/sessions/{session}/resume", _answered(resume), methods=["POST"]),
        Route("/api/sessions/{session}/pictures", _answered(pictures)),
        Route("/sessions/{session}/report", _answered(whole)),
        *(Route(path, _file(*what)) for path, what in _FILES.items()),
    ]
    return Starlette(routes=routes)


class _Streamed(Response):
    """A response that sends itself."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stream(scope, receive, send)


def _file(path: Path, media_type: str) -> _Endpoint:
    async def give(_: Request) -> Response:
        await checkpoint()
        return FileResponse(path, media_type=media_type)

    return give


def _answered(endpoint: _Endpoint) -> _Endpoint:
    """Say in one sentence why a request came to nothing.

    The boundary of our own mistakes too: they go to the log, and the page stays.
    """

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:  # noqa: BLE001  (see the docstring)
            # A team at work has task groups, which wrap what is refused in them.
            return _refusal(first_of(error), f"{request.method} {request.url.path}")

    return answered


def _refusal(error: BaseException, what: str) -> Response:
    match error:
        case _Refused():
            return _json({"error": str(error)}, error.status)
        case JournalUnavailable() | FileNotFoundError():
            return _json({"error": str(error)}, 404)
        case CoordinatorError():
            return _json({"error": str(error)}, 409)
        case _:
            log_error(what, error)
            return _json({"error": f"a mistake of the program's: {error}"}, 500)


def _session(request: Request) -> str:
    return checked_session_id(request.path_params["session"])


async def _read(request: Request, decoder: msgspec.json.Decoder[_T]) -> _T:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        raise _Refused(415, "send JSON")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MOST:
            raise _Refused(413, f"more than {BODY_MOST:,} bytes")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(400, f"not understood: {error}") from error


def _json(what: Any, status: int = 200) -> Response:  # noqa: ANN401  (whatever there is)
    return Response(_encode(what), status, media_type="application/json")
