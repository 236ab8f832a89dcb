"""An agent that is Claude Code: its own tools in a folder, the team's beside them.

The team's tools (``new_answer``, ``vote``, functions, MCP) are an MCP server within
this process. A call of one of them ends the response, as with any model, and its result
is what Claude Code is told next, in the same session.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec

from agents.backends.claude_code import process
from agents.backends.claude_code.errors import error_of, foreign
from agents.backends.claude_code.process import Allow, Bounds, Event, ToolForm
from agents.backends.claude_code.prompt import Prompt, prompt_of, whole_prompt
from agents.backends.claude_code.reader import Reader
from agents.backends.claude_code.settings import (
    ClaudeCodeSettings,
    check,
    default_home,
)
from agents.backends.dialects.json_values import Json, raw
from agents.backends.dialects.tool_names import names_back, wire_name
from agents.backends.plain_request import Stream, chunks_of, pen_of, plain_request
from agents.backends.transport.api_keys import found_key
from agents.boundary.guard import first_of
from agents.errors import AgentError
from agents.limits.pricing import cost_usd
from agents.protocol.backend import Request, ToolSpec
from agents.protocol.chunks import ResponseOpened, StreamChunk, ToolCalled
from agents.protocol.stamper import Pen
from agents.protocol.turns import Turn
from agents.tools.approval import Approval, Approver, Refused, nobody

CLOSE_GRACE_S = 12.0
"""How long the process may take to end; it is killed before that."""


class ClaudeCodeBackend:
    """Claude Code; a process of its own for each call, the session goes on.

    Args:
        model: E.g. ``claude-sonnet-5-5``.
        folder: Where it works; made where it is missing.
        home: Its home, see :class:`ClaudeCodeSettings`; ``None``: one for this program.
        api_key: ``None``: ``ANTHROPIC_API_KEY``.
        base_url: ``None``: ``ANTHROPIC_BASE_URL``, or the API itself.
        approve: Names of its own tools, or patterns of them, that are asked about.
        approver: Who is asked.
        settings: Everything else, as :class:`ClaudeCodeSettings` has it.

    Raises:
        ValueError: A setting cannot be, or there is no key.
        TypeError: A setting is unknown.

    What it costs is told by its model; a budget in USD also bounds its process. A
    command of its own finds no key in its environment, though one that looks into the
    process that started it does: use a key that is made for it.
    """

    def __init__(
        self,
        model: str,
        *,
        folder: str | Path,
        home: str | Path | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        approve: Sequence[str] = (),
        approver: Approver = nobody,
        **settings: Any,  # noqa: ANN401  (ClaudeCodeSettings' fields, checked by it)
    ) -> None:
        key = found_key(api_key, "ANTHROPIC_API_KEY")
        self._settings = ClaudeCodeSettings(
            model=model,
            folder=Path(folder).expanduser().absolute(),
            home=Path(home).expanduser().absolute() if home else default_home(),
            api_key=key,
            base_url=base_url or os.environ.get("ANTHROPIC_BASE_URL"),
            approve=tuple(approve),
            **settings,
        )
        check(self._settings)
        self._approval = Approval(self._settings.approve, approver)

    def __repr__(self) -> str:
        return f"ClaudeCodeBackend(model={self.model!r})"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._settings.model

    @property
    def limit_key(self) -> str | None:
        """Nobody's: Claude Code does not tell what the API allows it."""
        return None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no journal may hold."""
        key = self._settings.api_key
        return () if key is None else (key,)

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Ask Claude Code; see :class:`agents.protocol.backend.Backend`.

        Raises:
            BackendRefused: It is not installed, or its API refuses what it asks.
            BackendUnavailable: It cannot be reached, or ended without a word.
            BudgetExhausted: It has spent what it was given.
            BackendBroken: Anything else.

        ``except Exception``: the SDK's errors, and groups of them, are mapped here.
        """
        is_ours = True
        try:
            async with (
                process.running(
                    self._settings,
                    self._prompt(request),
                    system=request.system,
                    tools=_forms(request),
                    bounds=Bounds(request.max_tokens, request.turn.budget_usd),
                    allow=self._allow(request.turn),
                ) as events,
                aclosing(self._batches(events, request, pen)) as batches,
            ):
                is_ours = False
                yield batches
                is_ours = True
        except AgentError:
            raise
        except Exception as error:
            first = first_of(error)
            if isinstance(first, AgentError):
                raise first from error
            if not is_ours and not _is_of_sdk(first):
                raise  # the consumer's
            raise foreign(first) from error

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask in MassGen's words, one chunk an item; close with ``aclosing``.

        Raises:
            TypeError: An option is unknown.
            AgentError: See :meth:`open_stream`.
        """

        def begin() -> Stream:
            request = plain_request(messages, tools, options)
            return self.open_stream(request, pen_of(request))

        return chunks_of(begin, CLOSE_GRACE_S)

    async def aclose(self) -> None:
        """Do nothing: every call ends its own process."""
        await anyio.lowlevel.checkpoint()

    async def _batches(
        self, events: AsyncIterator[Event], request: Request, pen: Pen
    ) -> AsyncGenerator[list[StreamChunk]]:
        pen.at = anyio.current_time()
        yield [ResponseOpened(**pen.stamp())]
        names = names_back(tool.name for tool in request.tools)
        reader = Reader(pen, cost_usd, names)
        failed: Json = {}
        result: Json = {}
        try:
            async for event in events:
                pen.at = anyio.current_time()
                match event.kind:
                    case "stream":
                        reader.event(event.told)
                    case "returned":
                        tool_result = event.told
                        reader.returned(
                            str(tool_result["id"]),
                            tool_result["content"],
                            is_error=tool_result["is_error"],
                        )
                    case "failed":
                        failed = event.told
                    case _:
                        result = event.told
                if chunks := reader.take():
                    yield chunks
        except Exception as error:
            raise error_of(failed, result) or foreign(first_of(error)) from error
        problem = error_of(failed, result)
        if problem is not None:
            raise problem
        pen.at = anyio.current_time()
        reader.end(str(result["session"]))
        yield reader.take()

    def _prompt(self, request: Request) -> Prompt:
        prompt = prompt_of(request)
        if prompt.session is None or self._has(prompt.session):
            return prompt
        return whole_prompt(request)

    def _has(self, session: str) -> bool:
        """Whether ``session`` can be resumed."""
        projects = self._settings.home / ".claude" / "projects"
        return any(projects.glob(f"*/{session}.jsonl"))

    def _allow(self, turn: Turn) -> Allow:
        """The callback that is asked before a tool of Claude Code's own runs."""

        async def allow(name: str, arguments: Json, call: str) -> str | None:
            await anyio.lowlevel.checkpoint()
            if not self._approval.is_needed(name):
                return None
            pen = Pen(turn.agent, turn.number, anyio.current_time())
            call_chunk = ToolCalled(
                **pen.stamp(), block=0, id=call, name=name, input=raw(arguments)
            )
            verdict = await self._approval.approver(turn.agent, call_chunk)
            return verdict.reason if isinstance(verdict, Refused) else None

        return allow


def _forms(request: Request) -> list[ToolForm]:
    """The team's tools."""
    return [
        ToolForm(
            wire_name(tool.name),
            tool.description,
            msgspec.json.decode(tool.input_schema),
        )
        for tool in request.tools
        if isinstance(tool, ToolSpec) or tool.input_schema != msgspec.Raw(b"{}")
    ]


def _is_of_sdk(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "claude_agent_sdk"
