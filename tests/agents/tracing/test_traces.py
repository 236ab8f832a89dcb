"""Traces: parents and links right across tasks and retries, and content by opt-in."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import anyio
import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra [otel]")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents import Agent, tool
from agents.backends.function import Answer, FunctionBackend, ToolCall, Vote
from agents.errors import BackendUnavailable
from agents.protocol.chunks import Usage
from agents.protocol.turns import Draft, Review, Turn
from agents.tracing import names
from agents.tracing.spans import session_trace
from coordinator import Team, open_session, run
from coordinator.consensus.rules import Rules


class Traced:
    """The spans and metrics in the providers that a program has set."""

    def __init__(
        self, exporter: InMemorySpanExporter, reader: InMemoryMetricReader
    ) -> None:
        self._exporter, self._reader = exporter, reader

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, start: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name.startswith(start)]

    def one(self, start: str) -> ReadableSpan:
        (found,) = self.named(start)
        return found

    @property
    def metrics(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Generator[Traced]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider([reader])
    # Not by set_tracer_provider, which may be called once in a process.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    yield Traced(exporter, reader)
    provider.shutdown()
    meters.shutdown()


def team(*agents: Agent) -> Team:
    return Team(agents=agents, rules=Rules(rule="plurality", policy="slate"), seed=7)


async def _answers(_messages: Any, _tools: Any, turn: Turn) -> Any:
    match turn.task:
        case Draft():
            return [Answer(f"{turn.agent} says so."), Usage(output_tokens=5)]
        case Review(answers=(first, *_)):
            return Vote(first.label)
        case _:
            return "So it is."


def agent(name: str, ask: Any = _answers, *, tools: tuple[Any, ...] = ()) -> Agent:
    return Agent(id=name, backend=FunctionBackend(ask, model="m-1"), tools=tools)


def parent_of(span: ReadableSpan, spans: list[ReadableSpan]) -> ReadableSpan | None:
    if span.parent is None:
        return None
    return next(x for x in spans if x.context.span_id == span.parent.span_id)  # pyright: ignore[reportOptionalMemberAccess]


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_session_is_one_tree_below_what_its_caller_does(traced: Traced) -> None:
    caller = trace.get_tracer_provider().get_tracer("theirs")
    with caller.start_as_current_span("request"):
        result = await run("Is it so?", team(agent("ada"), agent("bo")))
    assert result.answer
    spans = traced.spans
    workflow = traced.one("invoke_workflow")
    assert parent_of(workflow, spans) == traced.one("request")
    assert told(workflow)[names.OUTCOME] == "answered"
    turns = traced.named("invoke_agent")
    assert {parent_of(span, spans) for span in turns} == {workflow}
    assert {told(span)[names.TASK] for span in turns} == {"draft", "review", "present"}
    for call in traced.named("chat m-1"):
        above = parent_of(call, spans)
        assert above in turns
        assert call.kind == trace.SpanKind.CLIENT
        assert told(call)[names.AGENT] == told(above)[names.AGENT]
    assert {told(x)[names.CONVERSATION] for x in spans if x.name != "request"} == {
        result.session
    }
    assert {x.context.trace_id for x in spans} == {workflow.context.trace_id}  # pyright: ignore[reportOptionalMemberAccess]


async def test_a_voter_is_linked_to_the_turns_whose_answers_it_reads(
    traced: Traced,
) -> None:
    await run("Is it so?", team(agent("ada"), agent("bo")))
    turns = traced.named("invoke_agent")
    drafts = {x.context.span_id for x in turns if told(x)[names.TASK] == "draft"}  # pyright: ignore[reportOptionalMemberAccess]
    review = next(x for x in turns if told(x)[names.TASK] == "review")
    assert {link.context.span_id for link in review.links} == drafts
    events = [event.name for event in traced.one("invoke_workflow").events]
    assert events.count("coordinator.answer_accepted") == 2
    assert "coordinator.winner_decided" in events


async def test_a_call_that_is_asked_again_is_a_span_of_its_own_with_a_link(
    traced: Traced,
) -> None:
    tries = 0

    async def twice(messages: Any, tools: Any, turn: Turn) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise BackendUnavailable("529 overloaded")
        return await _answers(messages, tools, turn)

    await run("Is it so?", team(agent("ada", twice)))
    first, second, *_ = traced.named("chat")
    assert first.status.status_code == trace.StatusCode.ERROR
    assert told(first)[names.ERROR] == "BackendUnavailable"
    assert [link.context.span_id for link in second.links] == [first.context.span_id]  # pyright: ignore[reportOptionalMemberAccess]
    assert second.parent == first.parent
    assert second.status.status_code != trace.StatusCode.ERROR


async def test_what_a_tool_traces_is_below_its_call(traced: Traced) -> None:
    theirs = trace.get_tracer_provider().get_tracer("theirs")

    @tool
    async def look(word: str) -> str:
        """Look a word up."""
        with theirs.start_as_current_span("SELECT"):
            await anyio.sleep(1)
        return word.upper()

    async def calls(messages: Any, tools: Any, turn: Turn) -> Any:
        if isinstance(turn.task, Draft) and "SESAME" not in repr(messages):
            return ToolCall("look", {"word": "sesame"})
        return await _answers(messages, tools, turn)

    await run("Is it so?", team(agent("ada", calls, tools=(look,))))
    spans = traced.spans
    call = traced.one("execute_tool look")
    assert parent_of(traced.one("SELECT"), spans) == call
    turn = parent_of(call, spans)
    assert turn is not None
    assert turn.name == "invoke_agent ada"
    assert "sesame" not in repr([told(x) for x in spans])  # content is not wanted


async def test_an_agent_that_is_stopped_ends_its_spans_and_leaves_none_open(
    traced: Traced,
) -> None:
    async def never(_messages: Any, _tools: Any) -> Any:
        await anyio.sleep_forever()

    async with open_session("Is it so?", team(agent("ada", never))) as session:
        await anyio.sleep(1)
        session.stop_agent("ada")
        await session.wait()
    turn, chat = traced.one("invoke_agent"), traced.one("chat")
    assert told(turn)[names.OUTCOME] == "cancelled"
    assert turn.status.status_code == trace.StatusCode.UNSET
    assert chat.end_time is not None
    assert told(traced.one("invoke_workflow"))[names.OUTCOME] == "failed"


async def test_nothing_is_current_for_whoever_iterates(traced: Traced) -> None:
    async with open_session("Is it so?", team(agent("ada"), agent("bo"))) as session:
        async for _ in session:
            assert trace.get_current_span() is trace.INVALID_SPAN
    assert traced.spans


async def test_content_travels_only_where_it_is_wanted_and_without_secrets(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-7421")
    await run("Is canary-7421 so?", team(agent("ada"), agent("bo")))
    assert "says so" not in repr([told(x) for x in traced.spans])
    monkeypatch.setenv(names.CONTENT, "true")
    await run("Is canary-7421 so?", team(agent("ada"), agent("bo")))
    everything = repr([told(x) for x in traced.spans])
    assert "ada says so." in everything
    assert "canary" not in everything


@pytest.mark.parametrize("is_latest", [False, True])
async def test_both_generations_of_names(
    traced: Traced, monkeypatch: pytest.MonkeyPatch, is_latest: bool
) -> None:
    monkeypatch.setenv(names.OPT_IN, f"http, {names.NEWEST}" if is_latest else "http")
    await run("Is it so?", team(agent("ada"), agent("bo")))
    found = traced.metrics
    profile = names.LATEST if is_latest else names.STABLE
    assert profile.duration in found
    assert profile.first_chunk in found
    assert ("gen_ai.client.token.usage" in found) != is_latest
    assert (f"{names.COUNTERS}output_tokens" in found) == is_latest
    calls = len(traced.named("chat"))
    assert sum(point.count for point in found[profile.duration]) == calls
    assert {names.WORKFLOW_S, names.AGENT_S} <= found.keys()


def test_without_a_provider_nothing_is_traced_nor_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert session_trace("s", "slate", 1, redactor=None) is None  # type: ignore[arg-type]  (not looked at)
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert session_trace("s", "slate", 1, redactor=None) is None  # type: ignore[arg-type]  (the same)
    assert "opentelemetry.trace" not in sys.modules
