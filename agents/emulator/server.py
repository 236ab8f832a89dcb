"""The server: connections, routes, checks and records."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from agents.backends.scripted.faults import body_of
from agents.backends.scripted.request_view import is_of_ours, seen_in, seen_in_body
from agents.backends.scripted.script import HttpError
from agents.backends.scripted.tool_calls import ScriptStuck
from agents.boundary.log_context import bound_logger
from agents.emulator import sse
from agents.emulator.caching import PromptCache
from agents.emulator.dialect_events import writer_for
from agents.emulator.event_stream import Performance, Refused
from agents.emulator.files import BETA, Files
from agents.emulator.history_validation import Issued
from agents.emulator.http import KEY_HEADERS, Connection, Gone
from agents.emulator.improvisation import improvised
from agents.emulator.limits import RateLimit
from agents.emulator.other_dialects import Dialect, Told, as_messages
from agents.emulator.provider_paths import as_at_its_makers
from agents.emulator.refusal import Invalid
from agents.emulator.request_validation import check
from agents.emulator.script_routing import Stage, agent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio.abc import ByteStream

    from agents.backends.scripted.player import Player
    from agents.backends.scripted.script import JsonObject, Script
    from agents.emulator.http import HttpRequest
    from agents.protocol.backend import Request
    from agents.protocol.chunks import AgentId

_log = bound_logger(__name__)

KEPT_REQUESTS = 10_000
"""Records kept; a server left running forgets the oldest."""
KEPT_BYTES = 256 * 1024 * 1024
"""The same by the size of their bodies, as they came."""


class Recorded(msgspec.Struct, kw_only=True):
    """One request that came, and how it was answered."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """Decoded JSON; ``None`` where there was none."""
    agent: str | None
    """Of the engine's, where it said so."""
    status: int | None = None
    """The status it was answered with; ``None`` while it waits, or if never."""
    retry_after_s: float | None = None
    """How long it was told to wait."""
    came_at: float = 0.0
    """Event-loop seconds."""
    is_complete: bool = False
    """Whether all of the answer was sent."""
    size_bytes: int = 0
    """Of the body, as it came."""
    message_id: str = ""
    """Of the message that it was answered with, or began to be."""


class Server:
    """The Messages API, as played by scripts. Made by :func:`agents.emulator.serve`.

    Attributes:
        base_url: For ``ANTHROPIC_BASE_URL``.
        requests: What came, in order.
        open_sockets: Connections now.
        most_open_sockets: The most there were at once.
        files: What was uploaded and not deleted, and what code has written.
        calls_bought: Model responses that began, and would have been paid for.
    """

    def __init__(
        self,
        base_url: str,
        scripts: Mapping[str, Script] | Script,
        *,
        requests_per_minute: int | None,
        input_tokens_per_minute: int | None,
        min_cache_tokens: int,
        on_answer: Callable[[Recorded], None] | None,
        files: Files,
        file_delay_s: float,
        keys: Mapping[str, str],
    ) -> None:
        self.base_url = base_url
        self.requests: deque[Recorded] = deque(maxlen=KEPT_REQUESTS)
        self.open_sockets = 0
        self.most_open_sockets = 0
        self.calls_bought = 0
        self.files = files
        self._file_delay_s = file_delay_s
        self._keys = keys
        self._stage = Stage(scripts)
        self._cache = PromptCache(min_cache_tokens)
        self._kept_bytes = 0
        self._issued = Issued()
        self._limits: list[RateLimit] = []
        if requests_per_minute:
            self._limits.append(RateLimit("requests", requests_per_minute))
        if input_tokens_per_minute:
            self._limits.append(RateLimit("input-tokens", input_tokens_per_minute))
        self._on_answer = on_answer
        self._dealt = 0
        self._all_closed = anyio.Event()
        self._all_closed.set()

    def __repr__(self) -> str:
        return f"Server({self.base_url!r}, open_sockets={self.open_sockets})"

    async def handle(self, stream: ByteStream) -> None:
        """Serve one connection until either side ends it."""
        if not self.open_sockets:
            self._all_closed = anyio.Event()
        self.open_sockets += 1
        self.most_open_sockets = max(self.most_open_sockets, self.open_sockets)
        try:
            async with stream:
                connection = Connection(stream)
                with suppress(Gone):
                    while (request := await _next(connection)) is not None:
                        async with connection.watched():
                            await self._answer(connection, request)
        except Exception:  # noqa: BLE001  (the boundary of one connection)
            # What goes wrong amid an answer ends its connection, and no other.
            _log.exception("a connection broke")
        finally:
            self.open_sockets -= 1
            if not self.open_sockets:
                self._all_closed.set()

    def player(self, agent: AgentId) -> Player:
        """The player of the script for one of the engine's agents."""
        return self._stage.player_of(agent)

    def recall(self, request: Request) -> None:
        """Count as played what an agent asked of a server before this one."""
        player = self._stage.player_of(request.turn.agent)
        with suppress(ScriptStuck):
            message = sse.message_of(player.begin(seen_in(request)).moves)
            if message is not None:
                self._issued.remember(message["content"])
                self._issued.remember_container(message.get("container"))

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        await self._all_closed.wait()

    async def _answer(self, connection: Connection, request: HttpRequest) -> None:
        record = _record(request)
        self._keep(record)
        self._dealt += 1
        headers = {"request-id": f"req_01{self._dealt:020d}"}
        try:
            request, dialect = _understood(request)
            record.is_complete = await self._route(
                connection, request, record, headers, dialect
            )
        except Refused as refused:
            await _refuse(connection, refused.error, record, headers)
        except Gone:
            pass
        except Exception:  # noqa: BLE001  (see below)
            # The boundary that keeps one request's fault from all others: ours is said
            # as the API says its own, and told to whoever runs the server.
            _log.exception("a request could not be answered")
            failed = HttpError(status=500, message="Internal server error")
            await _refuse(connection, failed, record, headers)
        finally:
            if self._on_answer is not None:
                self._on_answer(record)

    def _keep(self, record: Recorded) -> None:
        """Keep a record; the oldest go where there are too many or too much."""
        if len(self.requests) == KEPT_REQUESTS:
            self._kept_bytes -= self.requests.popleft().size_bytes
        self.requests.append(record)
        self._kept_bytes += record.size_bytes
        while self._kept_bytes > KEPT_BYTES and len(self.requests) > 1:
            self._kept_bytes -= self.requests.popleft().size_bytes

    async def _route(
        self,
        connection: Connection,
        request: HttpRequest,
        record: Recorded,
        headers: dict[str, str],
        dialect: Dialect,
    ) -> bool:
        if request.is_too_large:
            raise Refused(HttpError(status=413, message="Request exceeds the maximum"))
        _authenticate(request, self._keys.get(record.agent or ""))
        match request.method, request.path.rstrip("/").split("/")[1:]:
            case _, ["v1", "files", *rest]:
                return await self._file(connection, request, rest, record, headers)
            case "POST", ["v1", "messages"]:
                body = self._checked(request, record)
                return await self._message(connection, body, record, headers, dialect)
            case "POST", ["v1", "messages", "count_tokens"]:
                body = self._checked(request, record)
                answer: JsonObject = {"input_tokens": seen_in_body(body).input_tokens}
            case "GET", ["v1", "models"]:
                answer = _listed([_model(name) for name in self._stage.models()])
            case "GET", ["v1", "models", name]:
                answer = _model(name)
            case _:
                raise Refused(HttpError(status=404, message="Not found"))
        await _tell(connection, record, headers, answer)
        return True

    async def _file(
        self,
        connection: Connection,
        request: HttpRequest,
        rest: list[str],
        record: Recorded,
        headers: dict[str, str],
    ) -> bool:
        """Answer a request to ``/v1/files`` and below."""
        if self._file_delay_s:
            await anyio.sleep(self._file_delay_s)
        if (trouble := self.files.trouble(request.method)) is not None:
            raise Refused(trouble)
        if BETA not in _betas(request):
            raise Refused(HttpError(status=404, message="Not found"))
        if (request.method, rest) == ("POST", []):
            type_ = request.headers.get("content-type", "")
            try:
                answer = self.files.upload(request.body, type_).about()
            except Invalid as invalid:
                raise Refused(HttpError(status=400, message=str(invalid))) from None
            record.body = answer
            await _tell(connection, record, headers, answer)
            return True
        file = self.files.kept.get(rest[0]) if rest else None
        if file is None:
            raise Refused(HttpError(status=404, message=f"File not found: {rest}"))
        match request.method, rest[1:]:
            case "GET", []:
                answer = file.about()
            case "GET", ["content"] if file.is_downloadable:
                record.status = 200
                headers["content-type"] = file.media_type
                await connection.respond(200, headers, file.data)
                return True
            case "GET", ["content"]:
                raise Refused(HttpError(status=400, message="File not downloadable"))
            case "DELETE", []:
                del self.files.kept[file.id]
                answer = {"id": file.id, "type": "file_deleted"}
            case _:
                raise Refused(HttpError(status=404, message="Not found"))
        await _tell(connection, record, headers, answer)
        return True

    def _checked(self, request: HttpRequest, record: Recorded) -> JsonObject:
        body = _checked(request, record, self._issued)
        try:
            self.files.check(body, _betas(request))
        except Invalid as invalid:
            raise Refused(HttpError(status=400, message=str(invalid))) from None
        return body

    async def _message(
        self,
        connection: Connection,
        body: JsonObject,
        record: Recorded,
        headers: dict[str, str],
        dialect: Dialect,
    ) -> bool:
        now = anyio.current_time()
        looked = self._cache.look_up(body, now)
        # What is read from the cache does not count (docs.claude.com, rate limits).
        tokens = max(0, seen_in_body(body).input_tokens - looked.count.read)
        self._pass_limits(tokens, now, headers)
        player = self._stage.player(record.headers, body, now)
        seen, model = seen_in_body(body), str(body["model"])
        if player.improvises and record.agent is None and not is_of_ours(body):
            lines = improvised(body)
            part = player.improvise(lines, seen, looked.count, model)
        else:
            try:
                part = player.begin(
                    seen, looked.count, model, max_tokens=body["max_tokens"]
                )
            except ScriptStuck as stuck:
                raise Refused(HttpError(status=400, message=str(stuck))) from stuck

        def begin() -> None:
            record.status = 200
            self.calls_bought += 1
            self._cache.remember(looked, anyio.current_time())

        performance = Performance(
            connection,
            part,
            headers,
            begin,
            writer_for(dialect),
            opening=self._opening(body, record),
        )
        play = performance.stream if body.get("stream") else performance.send_whole
        try:
            is_complete = await play()
        finally:
            record.message_id = str(performance.message.get("id", ""))
        if is_complete:
            self._issued.remember(performance.message["content"], body)
            self._issued.remember_container(performance.message.get("container"))
        return is_complete

    def _opening(self, body: JsonObject, record: Recorded) -> JsonObject:
        """The fields of the message's start that depend on its request."""
        betas = frozenset(record.headers.get("anthropic-beta", "").split(","))
        changed = self._issued.prefixes.transformations(body, betas)
        return {} if changed is None else {"input_transformations": changed}

    def _pass_limits(self, tokens: int, now: float, headers: dict[str, str]) -> None:
        """Count a request, or refuse it.

        Raises:
            Refused: There were too many, or too many tokens.
        """
        amounts = [tokens if limit.kind != "requests" else 1 for limit in self._limits]
        waits = [
            limit.waits_s(now, amount)
            for limit, amount in zip(self._limits, amounts, strict=True)
        ]
        is_refused = any(waits)
        for limit, amount in zip(self._limits, amounts, strict=True):
            if not is_refused:
                limit.take(amount)
            headers.update(limit.headers())
        for limit, wait_s in zip(self._limits, waits, strict=True):
            if wait_s:
                what = limit.kind.replace("-", " ")
                raise Refused(
                    HttpError(
                        status=429,
                        message=f"This request would exceed your rate limit of {what} "
                        "per minute.",
                        retry_after_s=math.ceil(max(waits)),
                    )
                )


async def _next(connection: Connection) -> HttpRequest | None:
    try:
        return await connection.next_request()
    except Gone:
        return None


def _understood(request: HttpRequest) -> Told:
    """The request in the words of the Messages API, whoever's dialect it is in.

    Raises:
        Refused: It is in none.
    """
    try:
        return as_messages(as_at_its_makers(request))
    except Invalid as invalid:
        raise Refused(HttpError(status=400, message=str(invalid))) from None


async def _refuse(
    connection: Connection,
    error: HttpError,
    record: Recorded,
    headers: dict[str, str],
) -> None:
    record.status = error.status
    record.retry_after_s = error.retry_after_s
    headers["content-type"] = "application/json"
    if error.status == 429 or error.status >= 500:
        headers["x-should-retry"] = "true"
    if error.retry_after_s is not None:
        headers["retry-after"] = f"{error.retry_after_s:g}"
    body = {**body_of(error), "request_id": headers["request-id"]}
    try:
        await connection.respond(error.status, headers, msgspec.json.encode(body))
        record.is_complete = True
    except Gone:
        return


def _record(request: HttpRequest) -> Recorded:
    headers = {
        name: "…" if name in KEY_HEADERS else value
        for name, value in request.headers.items()
    }
    return Recorded(
        method=request.method,
        path=request.path,
        headers=headers,  # keys are secrets, and records end up in test reports
        body=None,
        agent=agent_of(request.headers),
        came_at=anyio.current_time(),
        size_bytes=len(request.body),
    )


def _authenticate(request: HttpRequest, wanted: str | None) -> None:
    """Refuse a request without a key, or with another than the one that is wanted."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = request.headers.get("x-api-key", bearer)
    if not key:
        raise Refused(HttpError(status=401, message="x-api-key header is required"))
    if request.is_foreign:
        raise Refused(
            HttpError(
                status=403,
                message="This emulated API serves this machine alone: the request "
                "names another host, or comes from a page of one.",
            )
        )
    if wanted is not None and key != wanted:
        raise Refused(HttpError(status=401, message="invalid x-api-key"))
    if "anthropic-version" not in request.headers:
        raise Refused(
            HttpError(status=400, message="anthropic-version: header is required")
        )


def _betas(request: HttpRequest) -> frozenset[str]:
    listed = request.headers.get("anthropic-beta", "").split(",")
    return frozenset(beta.strip() for beta in listed)


async def _tell(
    connection: Connection,
    record: Recorded,
    headers: dict[str, str],
    answer: JsonObject,
) -> None:
    record.status = 200
    headers["content-type"] = "application/json"
    await connection.respond(200, headers, msgspec.json.encode(answer))


def _checked(request: HttpRequest, record: Recorded, issued: Issued) -> JsonObject:
    try:
        body = msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"The request body is not valid JSON: {error}"
        raise Refused(HttpError(status=400, message=message)) from None
    record.body = body
    counted = request.path.rstrip("/").endswith("count_tokens")
    try:
        check(
            {"max_tokens": 1, **body} if counted else body,
            _betas(request),
            issued,
        )
    except Invalid as invalid:
        raise Refused(HttpError(status=400, message=str(invalid))) from None
    return body


def _listed(models: list[JsonObject]) -> JsonObject:
    return {
        "data": models,
        "has_more": False,
        "first_id": models[0]["id"] if models else None,
        "last_id": models[-1]["id"] if models else None,
    }


def _model(name: str) -> JsonObject:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
    }
