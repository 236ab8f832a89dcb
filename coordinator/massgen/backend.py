"""A backend of ours as an ``LLMBackend`` of MassGen's own orchestrator.

    from agents import ClaudeBackend
    from coordinator.massgen import as_llm_backend

    backend = as_llm_backend(ClaudeBackend("claude-sonnet-5-5"))
    agent = massgen.chat_agent.ConfigurableAgent(config=config, backend=backend)

What its own Claude backend gets wrong is right here (0.1.97, read and run 2026-12-01):

* histories are whole (:mod:`coordinator.massgen.history`), and thoughts with their
  signatures go back before the results of tools;
* what the API's code and searches have brought is shown, and sources stand under the
  answer;
* a call that the output limit has cut, or whose input lacks what it must have, is asked
  for again and never stands for an answer; a refusal, a full context window and a
  request that cannot be made end the agent's turn, with the reason;
* a server that is busy is asked again after the time it names.

Tools of MassGen's backends (``mcp_servers``, ``custom_tools``, ``cwd``) are run within
those backends, so that they are refused here by name; :mod:`coordinator.massgen`'s
orchestrator runs them as ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias, cast

import anyio
import msgspec

from agents.actor.model_call import estimate
from agents.actor.stop_reasons import refusal_of
from agents.conversation.accumulator import Transcript
from agents.conversation.prompts import CUT_SHORT
from agents.errors import AgentError, BackendRefused, BackendUnavailable
from agents.limits.retry import RetryPolicy
from agents.protocol.backend import Backend
from agents.protocol.chunks import (
    ServerToolCalled,
    ServerToolReturned,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    UsageReported,
)
from agents.protocol.citations import Sources, with_footnotes
from coordinator.displays.tool_summaries import asked, brought, lines_of
from coordinator.massgen.history import GO_ON, NOT_RUN, whole_history

Json: TypeAlias = dict[str, Any]

TRIES = 3
"""Responses in a row that are of no use before the turn ends; MassGen's own number."""
PAUSES = 10
"""So often a response that the API has paused is gone on with."""
IGNORED = frozenset({"session_id", "type", "vote_only"})
"""Options of MassGen's that mean nothing to a model."""
FOREIGN_TOOLS = frozenset({"custom_tools", "cwd", "mcp_servers"})


def as_llm_backend(backend: Backend, retry: RetryPolicy | None = None) -> Any:  # noqa: ANN401  (MassGen's class)
    """Make an ``LLMBackend`` of MassGen's that asks ``backend``.

    Args:
        backend: Any of ours; whoever made it closes it.
        retry: How a server that is busy is asked again.

    Raises:
        ImportError: MassGen is not installed here.
    """
    return _class()(backend, retry or RetryPolicy())


@cache
def _class() -> type[Any]:
    base: Any = import_module("massgen.backend.base")
    llm_backend: type[Any] = base.LLMBackend

    class Adapted(llm_backend):
        """Asks a backend of ours, and says what comes in MassGen's chunks."""

        def __init__(self, backend: Backend, retry: RetryPolicy) -> None:
            cast("Any", llm_backend).__init__(self, model=backend.model)
            self.model = backend.model
            self._backend, self._retry = backend, retry

        def get_provider_name(self) -> str:
            """The name that MassGen's logs and displays show."""
            return "coordinator"

        async def stream_with_tools(
            self,
            messages: Sequence[Mapping[str, Any]],
            tools: Sequence[Mapping[str, Any]] | None,
            **options: Any,  # noqa: ANN401  (theirs)
        ) -> AsyncGenerator[Any, None]:
            """Ask, and give MassGen's chunks."""
            exchange = Exchange(
                self._backend,
                whole_history(messages),
                tools or (),
                options,
                retry=self._retry,
                on_usage=self._count,
            )
            async with aclosing(exchange.chunks()) as chunks:
                async for fields in chunks:
                    yield base.StreamChunk(**fields)  # noqa: ASYNC119  (theirs)

        def _count(self, report: UsageReported) -> None:
            """Keep MassGen's books by the API's own counts and our price list."""
            usage, books = report.usage, self.token_usage
            self._last_call_input_tokens = usage.prompt_tokens
            books.input_tokens += usage.prompt_tokens
            books.output_tokens += usage.output_tokens
            books.estimated_cost += report.cost_usd or 0.0
            books.reasoning_tokens += usage.thinking_tokens or 0
            books.cached_input_tokens += usage.cache_read_input_tokens or 0
            books.cache_creation_tokens += usage.cache_creation_input_tokens or 0

    return Adapted


class Exchange:
    """One question of MassGen's, asked until there is something of use.

    Args:
        backend: Who is asked.
        messages: A whole history.
        tools: In OpenAI's form or the Messages API's.
        options: As ``stream_with_tools`` of MassGen's takes them.
        retry: How a server that is busy is asked again.
        on_usage: Told of what each response has cost.
    """

    def __init__(
        self,
        backend: Backend,
        messages: Sequence[Json],
        tools: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        *,
        retry: RetryPolicy,
        on_usage: Callable[[UsageReported], None],
    ) -> None:
        self._backend, self._retry, self._on_usage = backend, retry, on_usage
        self._messages = [*messages]
        self._tools = tools
        self._required = dict(map(_required, tools))
        self._options = {k: v for k, v in options.items() if k not in IGNORED}
        self._sources = Sources()
        self._who = str(options.get("agent_id", ""))
        self._names: dict[str, str] = {}
        """Call of the API's own tools → the tool."""

    async def chunks(self) -> AsyncGenerator[Json, None]:
        """Give the fields of MassGen's chunks; close with ``aclosing``."""
        tries = pauses = 0
        while True:
            response = Transcript()
            try:
                async with aclosing(self._response(response)) as shown:
                    async for fields in shown:
                        yield fields  # noqa: ASYNC119  (closed by whoever makes this)
            except AgentError as error:
                yield _fatal(f"{type(error).__name__}: {error}")
                return
            if response.why == "refused":
                yield _fatal(f"the model declined: {refusal_of(response) or 'no why'}")
                return
            if response.why == "window_full":
                yield _fatal(f"the context window of {self._backend.model} is full")
                return
            if response.why == "paused" and not response.tool_calls:
                pauses += 1
                if pauses > PAUSES:
                    yield _fatal(f"the response was paused more than {PAUSES} times")
                    return
                self._go_on(response)
                continue
            problem = self._take(response)
            if not problem:
                for fields in self._ending(response):
                    yield fields
                return
            tries += 1
            if tries >= TRIES:
                yield _fatal(f"{TRIES} responses were of no use; the last: {problem}")
                return

    async def _response(self, response: Transcript) -> AsyncGenerator[Json, None]:
        """One response, asked for until a server has given it in full.

        Raises:
            AgentError: It is no use to ask again.
        """
        failures = 0
        failed_at: float | None = None
        while True:
            try:
                async with aclosing(self._one_try()) as chunks:
                    async for chunk in chunks:
                        response.absorb((chunk,))
                        for fields in self._shown(chunk):
                            yield fields  # noqa: ASYNC119  (as above)
            except BackendUnavailable as error:
                failures += 1
                now = anyio.current_time()
                failed_at = now if failed_at is None else failed_at
                delay_s = self._retry.delay_s(
                    error, failures, who=self._who, waited_s=now - failed_at
                )
                if delay_s is None:
                    raise
                yield _status("retrying", f"⏳ {error}; again in {delay_s:.0f} s")
            else:
                return
            finally:
                # Also where MassGen closes this amid a response: it is billed.
                self._book(response)
            await anyio.sleep(delay_s)

    def _book(self, response: Transcript) -> None:
        """Tell what one try has cost; of one that broke off, by an estimate."""
        report = estimate(response, None, "the response broke off") or response.reported
        response.reported = None
        if report is not None:
            self._on_usage(report)

    def _one_try(self) -> AsyncGenerator[StreamChunk, None]:
        """The stream of one try.

        Raises:
            BackendRefused: An option cannot be.
        """
        if foreign := sorted(FOREIGN_TOOLS & self._options.keys()):
            raise BackendRefused(
                f"{foreign[0]!r} is run by MassGen's own backends; leave it out, or "
                "have the team run by coordinator.massgen.Orchestrator"
            )
        return _without_type_errors(
            self._backend.stream_with_tools(
                self._messages, self._tools, **self._options
            )
        )

    def _shown(self, chunk: StreamChunk) -> list[Json]:
        """The chunks in MassGen's form that show ``chunk`` to people."""
        match chunk:
            case TextDelta() if chunk.text:
                return [{"type": "content", "content": chunk.text}]
            case ThinkingDelta() if chunk.text:
                delta = {"reasoning_delta": chunk.text, "content": chunk.text}
                return [{"type": "reasoning", **delta}]
            case ServerToolCalled():
                self._names[chunk.id] = chunk.name
                text = f"🔧 [Server Tool] Calling {chunk.name}... {asked(chunk)}"
                return [_status("mcp_tool_called", text, chunk.id)]
            case ServerToolReturned():
                name = self._names.get(chunk.id, chunk.type)
                results = "\n".join((brought(chunk), *lines_of(chunk)))
                text = f"Results for Calling {name}: {results}"
                return [_status("function_call_output", text, chunk.id)]
            case _:
                return []

    def _go_on(self, response: Transcript) -> None:
        """Send back what the API has paused, so that it goes on."""
        self._sources.absorb(response.blocks)
        self._say("assistant", msgspec.json.decode(response.content))
        if response.container is not None:
            self._options["container"] = response.container
        if b'_tool_use"' not in bytes(response.content):
            self._say("user", GO_ON)

    def _say(self, role: str, content: object) -> None:
        if content:
            self._messages.append({"role": role, "content": content})

    def _take(self, response: Transcript) -> str:
        """Why a response is of no use; then the model is told. Empty: it is."""
        if response.why == "cut":
            self._say("user", CUT_SHORT)
            return "it hit the output limit"
        faults = {call.id: self._fault(call) for call in response.tool_calls}
        if not any(faults.values()):
            return ""
        self._say("assistant", msgspec.json.decode(response.content))
        for call in response.tool_calls:
            result = faults[call.id] or NOT_RUN
            message = {"role": "tool", "tool_call_id": call.id, "content": result}
            self._messages.append(message)
        return next(filter(None, faults.values()))

    def _fault(self, call: ToolCalled) -> str:
        """The fault of a call's input; empty: none."""
        arguments: Any = msgspec.json.decode(call.input) if call.is_valid else None
        if not isinstance(arguments, dict):
            return f"the input of {call.name} was no JSON object; call it again"
        lacking = [x for x in self._required.get(call.name, ()) if x not in arguments]
        if not lacking:
            return ""
        return f"the input of {call.name} has no {lacking[0]!r}; call it again"

    def _ending(self, response: Transcript) -> list[Json]:
        """The calls that MassGen is to act on, and the whole message."""
        self._sources.absorb(response.blocks)
        content: Any = msgspec.json.decode(response.content)
        chunks: list[Json] = []
        calls = [self._call(call) for call in response.tool_calls]
        if calls:
            chunks.append({"type": "tool_calls", "tool_calls": calls})
        elif footnotes := self._footnotes():
            chunks.append({"type": "content", "content": footnotes})
        message = {"role": "assistant", "content": content or response.text}
        chunks.append({"type": "complete_message", "complete_message": message})
        chunks.append({"type": "done", "status": response.stop_reason})
        return chunks

    def _call(self, call: ToolCalled) -> Json:
        input_: Any = msgspec.json.decode(call.input)
        answer: object = input_.get("content")
        if call.name == "new_answer" and isinstance(answer, str):
            input_["content"], _ = self._sources.of_handed_in(answer)
        arguments = msgspec.json.encode(input_).decode()
        function = {"name": call.name, "arguments": arguments}
        return {"id": call.id, "type": "function", "function": function}

    def _footnotes(self) -> str:
        """The list of sources under a text that rests on some."""
        _, citations = self._sources.of_said()
        return with_footnotes("", citations)


async def _without_type_errors(
    stream: AsyncGenerator[StreamChunk, None],
) -> AsyncGenerator[StreamChunk, None]:
    """The same stream; an option that is unknown is a request that cannot be made."""
    async with aclosing(stream):
        try:
            async for chunk in stream:
                yield chunk  # noqa: ASYNC119  (closed by whoever makes this)
        except (TypeError, ValueError) as error:
            raise BackendRefused(f"the request cannot be made: {error}") from error


def _required(tool: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """A tool's name, and what its input must have."""
    function: Mapping[str, Any] = tool.get("function", tool)
    schema: Any = function.get("input_schema", function.get("parameters")) or {}
    required = cast("list[Any]", schema.get("required") or [])
    return str(function.get("name", "")), tuple(map(str, required))


def _fatal(why: str) -> Json:
    """The end of the agent's turn: MassGen asks again after any other error."""
    return {"type": "error", "error": why, "status": "fatal"}


def _status(status: str, text: str, call: str | None = None) -> Json:
    return {
        "type": "mcp_status",
        "status": status,
        "content": text,
        "tool_call_id": call,
    }
