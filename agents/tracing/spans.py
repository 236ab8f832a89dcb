"""Spans of one session: itself, its agents' turns, their model calls and tools."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agents.boundary.guard import model_of
from agents.protocol.turns import Present, Review, Turn, task_name
from agents.tracing import names
from agents.tracing.instruments import SCOPE, Instruments, instruments_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, SpanContext, Tracer

    from agents.conversation.accumulator import Transcript
    from agents.protocol.backend import Backend, Request
    from agents.protocol.chunks import Label, ToolCalled
    from agents.protocol.redaction import Redactor

CONTENT_MOST = 100_000
"""Characters of one attribute; collectors refuse megabytes."""
_BACKENDS = "agents.backends."
_LINKS_MOST = 64
"""Answers that a turn is linked to; the SDK keeps 128."""


def session_trace(
    session: str, policy: str, agents: int, redactor: Redactor
) -> SessionTrace | None:
    """Begin a session's trace; ``None`` where the program has set no provider."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    provider = api.get_tracer_provider()
    if type(provider).__module__.startswith("opentelemetry.trace"):
        return None  # the API's own, which do nothing
    tracer = provider.get_tracer(SCOPE)
    return SessionTrace(tracer, session, policy, agents, redactor)


class _Timed:
    """A span with a stopwatch, ended once."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._began = time.perf_counter()
        self._is_over = False

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._began

    def _close(self) -> bool:
        """End the span; whether it was open."""
        was_open, self._is_over = not self._is_over, True
        if was_open:
            self.span.end()
        return was_open


class SessionTrace(_Timed):
    """A session's span; its parent is what was current where it was opened."""

    def __init__(
        self,
        tracer: Tracer,
        session: str,
        policy: str,
        agents: int,
        redactor: Redactor,
    ) -> None:
        self.tracer = tracer
        self.session, self.policy = session, policy
        self.profile = names.profile_of(os.environ)
        self.has_content = names.has_content(os.environ)
        self.redactor = redactor
        self.instruments: Instruments | None = instruments_of(self.profile)
        self._answers: dict[Label, SpanContext] = {}
        self._turns: dict[str, SpanContext] = {}
        attributes: dict[str, Any] = {
            names.OPERATION: "invoke_workflow",
            names.WORKFLOW: policy,
            names.CONVERSATION: session,
            "coordinator.agents": agents,
        }
        super().__init__(
            tracer.start_span(f"invoke_workflow {policy}", attributes=attributes)
        )

    def turn(self, turn: Turn, model: str) -> TurnTrace:
        """Begin a turn's span, linked to the turns whose answers it reads."""
        trace = TurnTrace(self, turn, model, self._links(turn))
        self._turns[turn.agent] = trace.span.get_span_context()
        return trace

    def _links(self, turn: Turn) -> list[Link]:
        if not isinstance(turn.task, Review | Present):
            return []
        from opentelemetry.trace import Link  # noqa: PLC0415  (is imported: a provider is)

        labels = [answer.label for answer in turn.task.answers[:_LINKS_MOST]]
        return [
            Link(self._answers[label], {names.LINK: "read", names.LABEL: label})
            for label in labels
            if label in self._answers
        ]

    def accepted(self, agent: str, label: Label) -> None:
        """An agent's last turn has brought an answer."""
        if agent in self._turns:
            self._answers[label] = self._turns[agent]
        self.tell("answer_accepted", {names.AGENT: agent, names.LABEL: label})

    def tell(self, what: str, attributes: Mapping[str, Any]) -> None:
        """Something was decided."""
        self.span.add_event(f"coordinator.{what}", dict(attributes))

    def content(self, text: str) -> str:
        """``text`` as it may leave the process: redacted, and cut to the limit."""
        return self.redactor.clean(text)[:CONTENT_MOST]

    def end(self, status: str, *, is_failed: bool, cost_usd: float | None) -> None:
        """The session is over; a second time nothing happens."""
        self.span.set_attribute(names.OUTCOME, status)
        if cost_usd is not None:
            self.span.set_attribute(names.COST_USD, cost_usd)
        if is_failed:
            _fail(self.span, status)
        if self._close() and self.instruments is not None:
            attributes = {names.WORKFLOW: self.policy}
            if is_failed:
                attributes[names.ERROR] = status
            self.instruments.workflow.record(self.elapsed_s, attributes)


class TurnTrace(_Timed):
    """One turn's span, below the session's."""

    def __init__(
        self, session: SessionTrace, turn: Turn, model: str, links: list[Link]
    ) -> None:
        self.session, self.agent, self._model = session, turn.agent, model
        self._failed_call: SpanContext | None = None
        attributes: dict[str, Any] = {
            names.OPERATION: "invoke_agent",
            names.AGENT: turn.agent,
            names.CONVERSATION: session.session,
            names.ASKED_MODEL: model,
            names.TASK: task_name(turn.task),
            names.TURN: turn.number,
        }
        super().__init__(
            session.tracer.start_span(
                f"invoke_agent {turn.agent}",
                context=_below(session.span),
                attributes=attributes,
                links=links,
            )
        )

    def end(self, outcome: str, detail: str, *, is_failed: bool) -> None:
        """The turn has ended so."""
        self.span.set_attribute(names.OUTCOME, outcome)
        if is_failed:
            _fail(self.span, outcome, self.session.redactor.clean(detail))
        if self._close() and self.session.instruments is not None:
            attributes = {names.AGENT: self.agent, names.ASKED_MODEL: self._model}
            if is_failed:
                attributes[names.ERROR] = outcome
            self.session.instruments.agent.record(self.elapsed_s, attributes)

    @contextmanager
    def call(
        self, backend: Backend, request: Request, response: Transcript
    ) -> Generator[CallTrace]:
        """A model is asked in this block; one that was asked before is linked."""
        trace = CallTrace(self, backend, request, self._failed_call)
        try:
            with _current(trace.span):
                yield trace
        except BaseException as error:
            self._failed_call = trace.span.get_span_context()
            trace.end(response, error)
            raise
        self._failed_call = None
        trace.end(response, None)

    @contextmanager
    def tool(self, call: ToolCalled) -> Generator[list[tuple[bytes, bool]]]:
        """A tool runs in this block, and what it traces is below it.

        Yields:
            Where what it returned is put: the content as JSON, whether it failed.
        """
        session = self.session
        attributes: dict[str, Any] = {
            names.OPERATION: "execute_tool",
            names.TOOL: call.name,
            names.TOOL_CALL: call.id,
            names.AGENT: self.agent,
            names.CONVERSATION: session.session,
        }
        if session.has_content:
            arguments = bytes(call.input).decode("utf-8", "replace")
            attributes[names.TOOL_ARGUMENTS] = session.content(arguments)
        began = time.perf_counter()
        span = session.tracer.start_span(
            f"execute_tool {call.name}",
            context=_below(self.span),
            attributes=attributes,
        )
        returned: list[tuple[bytes, bool]] = []
        kind = "cancelled"
        try:
            with _current(span):
                yield returned
            kind = "tool_error" if returned and returned[0][1] else ""
        finally:
            if kind:
                _fail(span, kind)
            if session.has_content and returned:
                text = returned[0][0].decode("utf-8", "replace")
                span.set_attribute(names.TOOL_RESULT, session.content(text))
            span.end()
            if session.instruments is not None:
                labels = {names.TOOL: call.name} | ({names.ERROR: kind} if kind else {})
                session.instruments.tool.record(time.perf_counter() - began, labels)


class CallTrace(_Timed):
    """One try of a model call: a span of a client's, below the turn's."""

    def __init__(
        self,
        turn: TurnTrace,
        backend: Backend,
        request: Request,
        before: SpanContext | None,
    ) -> None:
        from opentelemetry.trace import Link, SpanKind  # noqa: PLC0415  (is imported: a provider is)

        self._turn = turn
        self._first_s: float | None = None
        session, model = turn.session, model_of(backend)
        self._told: dict[str, str] = {
            names.OPERATION: "chat",
            names.PROVIDER: provider_of(backend),
            names.ASKED_MODEL: model,
        }
        attributes: dict[str, Any] = {
            **self._told,
            names.CONVERSATION: session.session,
            names.AGENT: turn.agent,
            names.STREAM: True,
            names.CALL: request.call,
        }
        if request.max_tokens is not None:
            attributes[names.MAX_TOKENS] = request.max_tokens
        if session.has_content:
            attributes[names.SYSTEM] = session.content(request.system)
            contents = (bytes(each.content).decode() for each in request.messages)
            attributes[names.SENT] = session.content(f"[{','.join(contents)}]")
        links = [] if before is None else [Link(before, {names.LINK: "retry"})]
        super().__init__(
            session.tracer.start_span(
                f"chat {model}",
                context=_below(turn.span),
                kind=SpanKind.CLIENT,
                attributes=attributes,
                links=links,
            )
        )

    def first(self) -> None:
        """The first chunk has come."""
        self._first_s = self.elapsed_s
        self.span.set_attribute(names.FIRST_CHUNK_S, self._first_s)

    def end(self, response: Transcript, error: BaseException | None) -> None:
        """The response is whole, or has broken off."""
        session, labels = self._turn.session, self._told
        report = response.reported
        if report is not None:
            labels = {**labels, names.MODEL: report.model}
            usage = report.usage
            self._set(
                {
                    names.MODEL: report.model,
                    names.INPUT: usage.prompt_tokens,
                    names.OUTPUT: usage.output_tokens,
                    names.CACHE_READ: usage.cache_read_input_tokens,
                    session.profile.cache_write: usage.cache_creation_input_tokens,
                    names.REASONING: usage.thinking_tokens,
                    names.COST_USD: report.cost_usd,
                }
            )
        if response.stop_reason is not None:
            self.span.set_attribute(names.FINISH, [response.stop_reason])
        if session.has_content:
            text = bytes(response.content).decode("utf-8", "replace")
            self.span.set_attribute(names.RECEIVED, session.content(text))
        kind = "" if error is None else type(error).__name__
        if kind:
            _fail(self.span, kind, session.redactor.clean(str(error)))
        self._close()
        if session.instruments is None:
            return
        if report is not None:
            session.instruments.count(report.usage, labels)
        if self._first_s is not None:
            session.instruments.first_chunk.record(self._first_s, labels)
        labels = {**labels, names.ERROR: kind} if kind else labels
        session.instruments.call.record(self.elapsed_s, labels)

    def _set(self, attributes: Mapping[str, Any]) -> None:
        known = {name: x for name, x in attributes.items() if x is not None}
        self.span.set_attributes(known)


def provider_of(backend: object) -> str:
    """The provider of a backend's model, in the conventions' words."""
    place = getattr(getattr(backend, "place", None), "provider", None)
    if isinstance(place, str) and place in names.PROVIDERS:
        return names.PROVIDERS[place]
    module = type(backend).__module__
    if not module.startswith(_BACKENDS):
        return "emulated" if module.startswith("coordinator.") else "custom"
    room = module.removeprefix(_BACKENDS).partition(".")[0]
    return names.PROVIDERS.get(room, room)


def _below(span: Span) -> Context:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415  (is imported: a provider is)

    return set_span_in_context(span)


@contextmanager
def _current(span: Span) -> Generator[None]:
    """Make a span current in this task, and only while the block lasts."""
    from opentelemetry import context  # noqa: PLC0415  (is imported: a provider is)

    token = context.attach(_below(span))
    try:
        yield
    finally:
        context.detach(token)


def _fail(span: Span, kind: str, words: str = "") -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415  (is imported: a provider is)

    span.set_attribute(names.ERROR, kind)
    span.set_status(Status(StatusCode.ERROR, words or kind))
