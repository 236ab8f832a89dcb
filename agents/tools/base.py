"""The protocol of a tool: a name, a description for the model, and a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from agents.protocol.backend import KnownTool, ToolSpec

ToolResult: TypeAlias = str | msgspec.Raw
"""Text, or an array of content blocks in the Messages API's form."""


class Tool(Protocol):
    """A tool that we run when the model calls it.

    It may have two attributes more: ``rerunnable``, whether a call that a dead process
    may have carried out is made again, and ``serial``, the name of a group of tools
    that share a state. Calls of one group in one response run in the response's order;
    all others side by side.
    """

    @property
    def spec(self) -> ToolSpec | KnownTool:
        """Name, description and input schema, as the model gets them."""
        ...

    @property
    def name(self) -> str:
        """``spec.name``: one of 1 to 128 letters, digits, ``_`` and ``-``."""
        ...

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Do it.

        Args:
            given: The input, a JSON value; whether it fits the schema is for the tool
                to check.

        Raises:
            BaseException: Anything: the model reads its type and message as the
                result. ``ToolFailed`` is read by its message alone.
        """
        ...


@runtime_checkable
class InSession(Protocol):
    """A tool that is made anew for each session, e.g. with a folder of its own."""

    def in_session(self, session: str) -> Tool:
        """The tool for the session of that id."""
        ...

    def leave(self) -> None:
        """The session has ended; does not block."""
        ...


class ToolList(list["Tool"]):
    """The tools of a toolbox, where some had to be left out.

    Args:
        tools: What it offers.
        problems: A sentence for each tool that is left out, for people.
    """

    def __init__(self, tools: Iterable[Tool], problems: Iterable[str] = ()) -> None:
        super().__init__(tools)
        self.problems = tuple(problems)


class Toolbox(Protocol):
    """Tools that need something opened, and closed when the agent goes: a server."""

    @property
    def name(self) -> str:
        """The name in error messages."""
        ...

    def open(self) -> AbstractAsyncContextManager[Sequence[Tool]]:
        """Open it; its tools work until the block is left.

        Opened once an agent, so an agent has a session of its own. Leaving, also by
        cancellation, leaves nothing behind and takes a bounded time.

        Raises:
            ToolsUnavailable: On entering; its message is told as it stands, anything
                else with its class. Later trouble is the calls' own.
        """
        ...
