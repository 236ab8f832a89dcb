"""An agent's session with one MCP server, through the ``mcp`` library.

The server's task owns the connection from first line to last. A server that does not
start is told of once; one that dies fails the calls that wait for it, is started again
by the next one, once, and then the agent goes on without it. Nothing that the library
raises gets out of here.

What was found of ``mcp`` 2.3.0 (2026-11-23): its transports shield and bound their own
closing (a process that ignores a closed input is terminated after 2 s and killed after
4), so a cancelled block leaves nothing behind; a call that is cancelled tells the
server; HOME, LOGNAME, PATH, SHELL, TERM and USER reach a server's process whatever one
asks for; its default for a server's standard error is our own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import anyio.lowlevel
import httpx2
import msgspec
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp_types import CONNECTION_CLOSED, CallToolResult, Result
from mcp_types import ListToolsResult as Listed
from pydantic import ValidationError

from agents.errors import ToolFailed, ToolsUnavailable
from agents.limits.outside_work import outside_work
from agents.mcp.answer_repair import Listing, repairing
from agents.mcp.results import result_of
from agents.mcp.server_config import McpServer, environment, filled_in, program
from agents.mcp.stderr_tail import StderrTail
from agents.mcp.unread_messages import message_in
from agents.protocol.backend import ToolSpec
from agents.protocol.redaction import secrets_in_address
from agents.tools.base import ToolList
from agents.tools.function import tool_name
from agents.tools.schema_fit import Fit, mended, named_back

if TYPE_CHECKING:
    from mcp_types import Tool as Offered

    from agents.tools.base import Tool, ToolResult

_R = TypeVar("_R", bound=Result)

START_LIMIT_S = 30.0
"""A server that takes longer to say what it offers is left alone; a first ``npx`` may
well download it for ten seconds."""

PAGES = 50
"""Of a list of tools; a server that never ends its list must not hold up a team."""

ERROR_BYTES = 4_096
"""The longest body of a 400 in which a word about the session is looked for."""

_UNREAD = "sent an answer that cannot be read; it may have been carried out"

_UNTIL_CANCELLED_S = 24 * 3600.0
"""The turn's own limit on tools ends a call, so the library's must not."""

_TIMES = httpx2.Timeout(30.0, read=300.0)
"""Seconds; a server may hold a response open while it works."""

# Without a handler of the library's own, Python prints its warnings over displays.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class McpToolbox:
    """The tools of one server, for one agent.

    Args:
        server: Where it is.

    Raises:
        ValueError: It is a command that there is not, or names a variable that is not
            set.
    """

    def __init__(self, server: McpServer) -> None:
        self._server = filled_in(server, os.environ)
        self._program = program(server) if server.command else None

    def __repr__(self) -> str:
        return f"McpToolbox({self._server.name!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no text may quote: what it is given in clear, or by variables."""
        server = self._server
        address = secrets_in_address(server.url or "")
        return (*server.env.values(), *server.headers.values(), *address)

    @property
    def name(self) -> str:
        """The name in error messages."""
        return f"MCP server {self._server.name!r}"

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Sequence[Tool]]:
        """Start or reach the server; what it offers.

        Raises:
            ToolsUnavailable: It does not start, or not in time, or lacks a tool that is
                asked for.
        """
        link = _Link(self.name)
        async with anyio.create_task_group() as group:
            group.start_soon(self._serve, link, name=self.name)
            with anyio.move_on_after(START_LIMIT_S), outside_work():
                await link.settled.wait()
            if link.client is None:
                link.problem = link.problem or f"no answer within {START_LIMIT_S:g} s"
                group.cancel_scope.cancel("the server did not start")
            else:
                link.start_again = partial(self._start_again, link, group)
                try:
                    yield link.tools
                finally:
                    link.leaving.set()
        if not link.was_ready:
            raise ToolsUnavailable(f"{self.name} cannot be used: {link.problem}")

    def _start_again(self, link: _Link, group: anyio.abc.TaskGroup) -> None:
        """Start or reach the server a second time; its tools stay the same objects."""
        group.start_soon(self._serve_again, link, group, name=self.name)

    async def _serve_again(self, link: _Link, outer: anyio.abc.TaskGroup) -> None:
        await link.ended.wait()
        link.settled, link.ended = anyio.Event(), anyio.Event()
        link.starting, link.is_expired = anyio.CancelScope(), False
        async with anyio.create_task_group() as group:
            group.start_soon(self._serve, link, name=self.name)
            await link.settled.wait()
            if self._program is None:
                # To reach a server again costs nothing of ours; to start one does.
                link.start_again = partial(self._start_again, link, outer)
            link.settled_again.set()

    async def _serve(self, link: _Link) -> None:
        """Hold the connection until the agent leaves, or the server does."""
        try:
            with link.starting:
                await self._hold(link)
        except Exception as error:  # noqa: BLE001  (the boundary named above)
            link.problem = f"{_words(error)}{link.stderr.said()}"
        finally:
            link.end()

    async def _hold(self, link: _Link) -> None:
        async with self._connected(link) as client:
            link.tools = await self._offered(client, link)
            link.client, link.was_ready = client, True
            link.settled.set()
            await link.leaving.wait()

    @asynccontextmanager
    async def _connected(self, link: _Link) -> AsyncGenerator[Client]:
        async with AsyncExitStack() as stack:
            if self._program is not None:
                stderr = await stack.enter_async_context(link.stderr.heard())
                started = StdioServerParameters(
                    command=self._program,
                    args=list(self._server.command[1:]),
                    env=environment(self._server, os.environ),
                    encoding_error_handler="replace",
                )
                transport = stdio_client(started, errlog=stderr)
            else:
                http = httpx2.AsyncClient(
                    headers=self._server.headers,
                    timeout=_TIMES,
                    event_hooks={"response": [link.saw]},
                )
                await stack.enter_async_context(http)
                transport = streamable_http_client(
                    cast("str", self._server.url), http_client=http
                )
            yield await stack.enter_async_context(
                Client(
                    repairing(transport, link.listing),
                    cache=None,
                    read_timeout_seconds=_UNTIL_CANCELLED_S,
                    message_handler=link.heard,
                )
            )

    async def _offered(self, client: Client, link: _Link) -> list[Tool]:
        """The tools to offer, as ours.

        Raises:
            ToolsUnavailable: One that is asked for is not there.
        """
        offered: dict[str, Offered] = {}
        link.listing.clear()
        cursor: str | None = None
        for _ in range(PAGES):
            page = await link.ask(partial(client.list_tools, cursor=cursor), Listed)
            offered.update((tool.name, tool) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                break
        wanted = self._server.tools
        for name in wanted or ():
            if name not in offered:
                there = ", ".join(sorted(offered)) or "none"
                raise ToolsUnavailable(f"it has no tool {name!r}; it offers {there}")
        excluded = self._server.exclude
        for name in excluded:
            if name not in offered:
                there = ", ".join(sorted(offered)) or "none"
                raise ToolsUnavailable(
                    f"it has no tool {name!r} to exclude; it offers {there}"
                )
        tools: list[Tool] = []
        problems = [
            f"{self.name} offers {problem}" for problem in link.listing.problems
        ]
        for name, tool in offered.items():
            if name in excluded or (wanted is not None and name not in wanted):
                continue
            try:
                fit = mended(link.listing.schemas.get(name, tool.input_schema))
            except (ValueError, RecursionError) as error:
                problems.append(
                    f"{self.name} offers {name!r}, which is left out: {error}"
                )
                continue
            tools.append(_McpTool(link, tool, self._spec(tool, fit), fit.names))
        return ToolList(tools, problems)

    def _spec(self, tool: Offered, fit: Fit) -> ToolSpec:
        words = tool.description or tool.title or ""
        return ToolSpec(
            name=tool_name(f"{self._server.name}__{tool.name}"),
            description="\n".join(filter(None, (words, fit.note))),
            input_schema=msgspec.Raw(msgspec.json.encode(fit.schema)),
            defer_loading=self._server.defer_loading,
        )


class _SessionExpired(ToolFailed):
    """The server knows the session no longer (404): nothing was done."""


class _Waiting:
    """Somebody who waits for an answer."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.answer: dict[str, Any] | None = None
        """The answer that the library could not read; empty: nor could we."""


class _Link:
    """State that the server's task and its callers share."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.client: Client | None = None
        self.tools: list[Tool] = []
        self.was_ready = False
        self.problem = ""
        self.settled = anyio.Event()
        self.settled_again = anyio.Event()
        self.ended = anyio.Event()
        self.leaving = anyio.Event()
        self.stderr = StderrTail()
        self.listing = Listing()
        self.starting = anyio.CancelScope()
        self.start_again: Callable[[], None] | None = None
        """Starts a server that has died, once, or reaches one again."""
        self.is_expired = False
        """Whether the server has said that it does not know the session any more."""
        self._waiting: set[_Waiting] = set()

    async def saw(self, response: httpx2.Response) -> None:
        """Look at a response: 404 to a session's request says that it has expired.

        The library tells that by words, or by the server's own. Servers made with its
        earlier versions answer 400 and say so in the body (python-sdk issue 1727).
        """
        await anyio.lowlevel.checkpoint()
        request, status = response.request, response.status_code
        if request.method != "POST" or MCP_SESSION_ID not in request.headers:
            return
        if status == HTTPStatus.BAD_REQUEST:
            length = response.headers.get("content-length", "")
            if length.isdecimal() and int(length) <= ERROR_BYTES:
                body = await response.aread()
                self.is_expired |= b"session" in body.lower()
        self.is_expired |= status == HTTPStatus.NOT_FOUND

    def end(self) -> None:
        """The connection is gone: nobody may wait for an answer through it."""
        self.client = None
        self.settled.set()
        self.ended.set()
        for waiting in self._waiting:
            waiting.scope.cancel("the server is gone")

    async def call(self, tool: str, given: dict[str, Any]) -> ToolResult:
        """Call ``tool``.

        Raises:
            ToolFailed: The server says so, or is gone.
        """
        client = self.client or await self._started_again()
        try:
            request = partial(client.call_tool, tool, given)
            return result_of(await self.ask(request, CallToolResult))
        except _SessionExpired:
            # The server has not looked at the call, so it may be made again.
            client = self.client or await self._started_again()
            request = partial(client.call_tool, tool, given)
            return result_of(await self.ask(request, CallToolResult))

    async def _started_again(self) -> Client:
        """The connection to a server that had died, started again, but only once.

        One that is reached over HTTP is reached again as often as it is needed.

        A call that was under way when it died is not made again: it may have worked.

        Raises:
            ToolFailed: It does not start, or has died before.
        """
        if self.start_again is not None:
            start, self.start_again = self.start_again, None
            self.settled_again = anyio.Event()
            start()
        with anyio.move_on_after(START_LIMIT_S), outside_work():
            await self.settled_again.wait()
        if self.client is None:
            raise self._gone()
        return self.client

    async def ask(self, request: Callable[[], Awaitable[_R]], kind: type[_R]) -> _R:
        """Have the server answer ``request``.

        Args:
            request: Of the library's.
            kind: What the answer is.

        Raises:
            ToolFailed: The server says so, is gone, or answered what cannot be read.
        """
        waiting = _Waiting()
        self._waiting.add(waiting)
        try:
            with waiting.scope, outside_work():
                return await request()
        except ValidationError as error:
            raise ToolFailed(f"{self.name} {_UNREAD}") from error
        except MCPError as error:
            if error.code == CONNECTION_CLOSED and self.client is not None:
                self.client = None  # the library does not tell before it is used
                self.starting.cancel("the connection is closed")
            if self.is_expired:
                self.client = None
                raise _SessionExpired(f"{self.name}: {error.message}") from error
            raise ToolFailed(
                f"{self.name}: {error.message}{self.stderr.said()}"
            ) from error
        finally:
            self._waiting.discard(waiting)
            if self.is_expired and not self._waiting:
                # Not before: what others wait for may still be answered.
                self.starting.cancel("the session has expired")
        if waiting.answer is None:
            raise self._gone()
        return self._read(waiting.answer, kind)

    def _read(self, answer: dict[str, Any], kind: type[_R]) -> _R:
        """Read what the library could not, once it is mended.

        Raises:
            ToolFailed: It cannot be read, or says that the request failed.
        """
        error: Any = answer.get("error")
        if isinstance(error, dict):
            message = cast("dict[str, Any]", error).get("message")
            raise ToolFailed(f"{self.name}: {message}")
        try:
            return kind.model_validate(answer["result"])
        except (KeyError, ValueError):
            raise ToolFailed(f"{self.name} {_UNREAD}") from None

    async def heard(self, message: object) -> None:
        """Take what the library hands on: errors in the place of messages, above all.

        Who waits for an answer that came and could not be read would wait for ever.
        """
        await anyio.lowlevel.checkpoint()
        answer = message_in(message) if isinstance(message, Exception) else None
        if answer is None:
            return
        # Which request it answers only the library knows; of several, none may be
        # given another's answer.
        is_alone = len(self._waiting) == 1
        for waiting in self._waiting:
            waiting.answer = answer if is_alone else {}
            waiting.scope.cancel("an answer could not be read")
        if not self._waiting and self.client is None:
            self.problem = "it sent a message that cannot be read"
            self.starting.cancel(self.problem)

    def _gone(self) -> ToolFailed:
        return ToolFailed(
            f"{self.name} is gone: {self.problem or 'it closed the connection'}; "
            f"{'a call starts it again' if self.start_again else 'do without it'}"
        )


class _McpTool:
    """One tool of a server."""

    __slots__ = ("_link", "_names", "_theirs", "serial", "spec")

    def __init__(
        self, link: _Link, theirs: Offered, spec: ToolSpec, names: Mapping[str, Any]
    ) -> None:
        self.spec = spec
        self._names = names
        self._link = link
        self._theirs = theirs.name
        # A tool that says it changes something is not run beside others of its server.
        hints = theirs.annotations
        changes = hints is not None and hints.read_only_hint is False
        self.serial = link.name if changes else None

    def __repr__(self) -> str:
        return f"McpTool({self.spec.name!r})"

    @property
    def name(self) -> str:
        """The name that the model calls."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Have the server do it; cancelled, the server is told so.

        Raises:
            ToolFailed: The input is no object, the server says so, or it is gone.
        """
        try:
            decoded = _decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"invalid input: {error}") from error
        theirs = cast("dict[str, Any]", named_back(decoded, self._names))
        return await self._link.call(self._theirs, theirs)


def _words(error: BaseException) -> str:
    """The message of an error, or of the first where there are several."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, MCPError):
        return error.message
    return str(error) or type(error).__name__


_decoder = msgspec.json.Decoder(dict[str, Any])
