"""Answers of MCP servers, repaired before the ``mcp`` library checks them.

The library (2.3.0) checks a list of tools as a whole, so one tool that is not as the
protocol has it (a schema without ``type: object``, an annotation that is ``null``)
would cost all of a server's tools; and a result as a whole, so one block that it does
not know would cost what the call has brought. Here each is looked at alone.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import msgspec
from mcp_types.jsonrpc import JSONRPCError, JSONRPCRequest, JSONRPCResponse
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from pydantic import ValidationError

from agents.protocol.unicode_text import whole_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType

Json: TypeAlias = dict[str, Any]

_REPAIRS_MOST = 12
"""Of one tool or block; it has fewer fields that are checked."""
_READ = frozenset({"content", "isError", "structuredContent", "_meta", "resultType"})
_TEXT_MOST = 100_000
"""Characters of a block that is told as text."""


class Listing:
    """Facts about a server's tools, noted while their list was repaired."""

    def __init__(self) -> None:
        self.schemas: dict[str, object] = {}
        """Tool → its input schema as the server has it, where the library would not
        take it."""
        self.problems: list[str] = []
        """Tools that are left out, and why."""

    def clear(self) -> None:
        """Forget all, because the list is asked for anew."""
        self.schemas.clear()
        self.problems.clear()

    def repaired(self, method: str, result: Json) -> Json:
        """``result`` of a request by ``method``, as the library takes it."""
        if result.get("resultType", "complete") != "complete":
            return result  # the server asks for something first
        tools: Any = result.get("tools")
        if method == "tools/list" and isinstance(tools, list):
            listed = cast("list[object]", tools)
            fit = [self._tool(tool, result) for tool in listed]
            listing = {**result, "tools": [tool for tool in fit if tool is not None]}
            return _without_faults(method, listing, "tools")
        return _tool_result(result) if method == "tools/call" else result

    def _tool(self, tool: object, result: Json) -> Json | None:
        if not isinstance(tool, dict):
            self.problems.append(f"an entry that is no tool: {_cut_json(tool, 80)}")
            return None
        listed = cast("Json", tool)
        name: Any = listed.get("name")
        if not isinstance(name, str) or not name:
            self.problems.append(f"a tool without a name: {_cut_json(tool, 80)}")
            return None
        if listed.get("inputSchema") is None:
            listed = {**listed, "inputSchema": {"type": "object"}}  # it takes nothing
        # The library would refuse a result that is not as its tool had said.
        listed = {key: value for key, value in listed.items() if key != "outputSchema"}
        for _ in range(_REPAIRS_MOST):
            places = _at_fault("tools/list", {**result, "tools": [listed]})
            fields = {place[2] for place in places if place[:2] == ("tools", "0")}
            if not fields:
                return listed
            if "inputSchema" in fields:
                self.schemas[name] = listed.get("inputSchema")
                listed = {**listed, "inputSchema": {"type": "object"}}
            else:
                listed = {key: listed[key] for key in listed if key not in fields}
        self.problems.append(f"{name!r}, which is not described as the protocol asks")
        return None


class _Stream:
    """An end of a connection that something is done to on its way through."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401  (the library's protocol)
        self._stream = stream

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(kind, error, traceback)  # noqa: ASYNC102  (the library's)


class _Asking(_Stream):
    """Notes what is asked, by its id."""

    def __init__(self, stream: Any, methods: dict[int | str, str]) -> None:  # noqa: ANN401
        super().__init__(stream)
        self._asked = methods

    async def send(self, item: Any) -> None:  # noqa: ANN401  (the library's message)
        if isinstance(item.message, JSONRPCRequest):
            self._asked[item.message.id] = item.message.method
        await self._stream.send(item)


class _Answers(_Stream):
    """Repairs what is answered, as it is read."""

    def __init__(
        self,
        stream: Any,  # noqa: ANN401
        methods: dict[int | str, str],
        listing: Listing,
    ) -> None:
        super().__init__(stream)
        self._asked = methods
        self._listing = listing

    @property
    def last_context(self) -> Any:  # noqa: ANN401  (the library's)
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:  # noqa: ANN401
        return self._repaired(await self._stream.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        return self._repaired(await anext(self._stream))

    def _repaired(self, item: Any) -> Any:  # noqa: ANN401
        message = getattr(item, "message", None)
        if isinstance(message, JSONRPCResponse):
            method = self._asked.pop(message.id, "")
            message.result = self._listing.repaired(method, message.result)
        elif isinstance(message, JSONRPCError) and message.id is not None:
            self._asked.pop(message.id, None)
        return item


@asynccontextmanager
async def repairing(
    transport: AbstractAsyncContextManager[Any], listing: Listing
) -> AsyncGenerator[Any]:
    """A transport of the library's whose answers are repaired.

    Args:
        transport: Whatever ``mcp.Client`` takes as one.
        listing: Where it is noted what was done to a list of tools.
    """
    methods: dict[int | str, str] = {}
    async with transport as (reading, writing):
        yield _Answers(reading, methods, listing), _Asking(writing, methods)


def _tool_result(result: Json) -> Json:
    """A tool's result with all that can be read of it."""
    fields = {key: value for key, value in result.items() if value is not None}
    content: Any = fields.get("content", [])
    blocks = cast("list[Any]", content) if isinstance(content, list) else [content]
    structured: Any = fields.get("structuredContent")
    unread = {k: v for k, v in fields.items() if k not in _READ}
    if not blocks and (structured is not None or unread):
        blocks = [_cut_json(unread if structured is None else structured, _TEXT_MOST)]
    fields["content"] = [_block(block, fields) for block in blocks]
    if "isError" in fields and not isinstance(fields["isError"], bool):
        fields["isError"] = str(fields["isError"]).lower() in {"true", "1", "yes"}
    return _without_faults("tools/call", fields, "content")


def _block(block: object, result: Json) -> Json:
    """A block that the library takes: itself, without what is at fault, or as text."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if isinstance(block, dict):
        fields = cast("Json", block)
        without_nulls = {
            key: value for key, value in fields.items() if value is not None
        }
        if not _at_fault(
            "tools/call", {**result, "content": [without_nulls]}, "content"
        ):
            return without_nulls
        text: Any = without_nulls.get("text")
        if without_nulls.get("type", "text") == "text" and isinstance(text, str):
            return {"type": "text", "text": text}
    return {"type": "text", "text": _cut_json(block, _TEXT_MOST)}


def _without_faults(method: str, result: Json, essential: str) -> Json:
    """``result`` without the fields that are refused and that nothing depends on."""
    for _ in range(_REPAIRS_MOST):
        fields = {place[0] for place in _at_fault(method, result)} - {essential}
        if not fields & result.keys():
            break
        result = {key: result[key] for key in result if key not in fields}
    return result


def _at_fault(method: str, result: Json, within: str = "") -> list[tuple[str, ...]]:
    """Where the library refuses ``result``.

    Args:
        method: What it answers.
        result: As the server sent it.
        within: A field of it, where only that is asked about.
    """
    is_modern = "resultType" in result
    version = LATEST_MODERN_VERSION if is_modern else LATEST_HANDSHAKE_VERSION
    try:
        validate_server_result(method, version, result)
    except ValidationError as error:
        places = [_place(fault["loc"]) for fault in error.errors(include_url=False)]
        return [place for place in places if place[:1] == (within,) or not within]
    return []


def _place(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """A place as it is in the JSON: kinds of results are no part of it."""
    names = tuple(map(str, place))
    return names[1:] if names[:1] and names[0].endswith("Result") else names


def _cut_json(value: Any, most: int) -> str:  # noqa: ANN401  (JSON)
    """A value of JSON as text, cut."""
    return msgspec.json.encode(whole_json(value)).decode()[:most]
