"""An orchestrator with MassGen's surface that runs our engine.

MassGen's ``CoordinationUI(…).coordinate(orchestrator, question)`` and its server drive
what is here as they drive their own: ``chat()`` gives their stream chunks, and what
their displays read beside it (agents' states, phase, votes) is kept as they name it.
Its agents may be agents of ours, or MassGen's own, whose backends are then asked.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

import msgspec

from agents.agent import Agent
from agents.backends.function.backend import FunctionBackend
from agents.backends.function.reply import Piece, Thought, ToolCall
from agents.protocol.chunks import (
    AgentFailed,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
    UsageReported,
)
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.massgen.event_feed import EventFeed
from coordinator.massgen.result_facts import (
    anonymous,
    coordination_result,
    vote_results,
)
from coordinator.protocol.events import (
    AnswerAccepted,
    Event,
    VoteCounted,
    VotesVoided,
    WinnerDecided,
)
from coordinator.protocol.result import Result
from coordinator.session.stream import stream
from coordinator.team.team import Team

Json: TypeAlias = dict[str, Any]

_BASE = "massgen.backend.base"


@dataclass
class StreamChunk:
    """One thing that happens, as MassGen's displays take it.

    Where MassGen itself is loaded its own class of this name is used.
    """

    type: str
    content: str | None = None
    tool_calls: list[Json] | None = None
    complete_message: Json | None = None
    response: Json | None = None
    usage: Json | None = None
    error: str | None = None
    source: str | None = None
    status: str | None = None
    detail: str | None = None
    reasoning_delta: str | None = None
    reasoning_text: str | None = None
    reasoning_summary_delta: str | None = None
    reasoning_summary_text: str | None = None
    item_id: str | None = None
    content_index: int | None = None
    summary_index: int | None = None
    hook_info: Json | None = None
    tool_call_id: str | None = None
    display: bool = True


@dataclass
class AgentState:
    """Where one agent stands, by MassGen's names."""

    answer: str | None = None
    has_voted: bool = False
    votes: Json = field(default_factory=dict[str, Any])
    is_killed: bool = False
    error_reason: str | None = None
    timeout_reason: str | None = None
    restart_pending: bool = False
    last_context: Json | None = None
    round_start_time: float | None = None


class ShownAgent:
    """An agent as displays look at one: its id, its backend's model, its status."""

    def __init__(self, agent: str, model: str, state: AgentState) -> None:
        self.agent_id = agent
        self.backend = _ShownBackend(model)
        self.config = None
        self._state = state

    def get_status(self) -> Json:
        """Its status, as ``get_status()`` of the orchestrator lists it."""
        return {
            "agent_id": self.agent_id,
            "model": self.backend.model,
            "has_voted": self._state.has_voted,
        }


class _ShownBackend:
    filesystem_manager = None
    token_usage = None

    def __init__(self, model: str) -> None:
        self.model = model
        self.config: Json = {"model": model}

    def get_provider_name(self) -> str:
        return self.model


class Orchestrator:
    """Runs a team of agents, seen and driven as MassGen's orchestrator is.

        orchestrator = coordinator.massgen.Orchestrator(agents=team)
        ui = CoordinationUI(display_type="rich_terminal")
        answer = await ui.coordinate(orchestrator, "Why?")

    Args:
        agents: A team; or agents by id, ours or MassGen's (``ConfigurableAgent``).
        rules: How the team decides; left out, the team's own, or MassGen's policy.
        session_id: What it calls itself.
        options: Further arguments of MassGen's, which mean nothing here.

    Raises:
        ConfigInvalid: There are no agents, or one is nothing that can be asked.
    """

    def __init__(
        self,
        agents: Team | Mapping[str, Any],
        *,
        rules: Rules | None = None,
        session_id: str | None = None,
        **options: object,
    ) -> None:
        del options  # MassGen's own: orchestrator_id, config, snapshot_storage, …
        self.team = _team_of(agents, rules)
        ids = [str(agent.id) for agent in self.team.agents]
        self.agent_states = {agent: AgentState() for agent in ids}
        self.agents = {
            str(agent): ShownAgent(str(agent), model, self.agent_states[str(agent)])
            for agent, model in self.team.models.items()
        }
        self.session_id = session_id or "session"
        self.workflow_phase = "idle"
        self.current_task: str | None = None
        self.conversation_history: list[Json] = []
        self.coordination_ui: Any = None
        self.cancellation_manager: Any = None
        self.restart_pending = False
        self.restart_reason: str | None = None
        self.restart_instructions: str | None = None
        self.current_attempt, self.max_attempts = 0, 1
        self.is_orchestrator_timeout = False
        self.timeout_reason: str | None = None
        self.result: Result | None = None
        """The outcome in our words, once there is one."""
        self._selected_agent: str | None = None
        self._final_presentation_content: str | None = None

    async def chat_simple(self, user_message: str) -> AsyncGenerator[Any, None]:
        """As :meth:`chat`, of one message."""
        message = {"role": "user", "content": user_message}
        async with aclosing(self.chat([message])) as chunks:
            async for chunk in chunks:
                yield chunk  # noqa: ASYNC119  (theirs)

    async def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        reset_chat: bool = False,
        clear_history: bool = False,
        current_stage: object = None,
    ) -> AsyncGenerator[Any, None]:
        """Coordinate the team on the last message, and say what happens.

        Leaving the generator ends the session.

        Args:
            messages: ``{"role", "content"}``; the last of the user's is the question,
                and what came before goes with it.
            tools: Taken, and not offered: agents bring their own.
            reset_chat: Forget what was said before.
            clear_history: The same.
            current_stage: Of MassGen's own.

        Yields:
            Stream chunks of MassGen's.
        """
        del tools, current_stage
        if reset_chat or clear_history:
            await self.reset()
        question = self._begin(messages)
        feed = EventFeed(tuple(self.agents))
        make_chunk = self._said
        yield make_chunk("system_status", content="Preparing agents...")
        for agent in self.agents:
            yield make_chunk("agent_status", source=agent, status="working", content="")
        # Two ways out are ours: the stream's end, and a caller who goes.
        async with stream(question, self.team) as events:
            async for event in events:
                feed.write(event)
                for chunk in self._shown(event):
                    yield chunk  # noqa: ASYNC119  (theirs)
                if _is_cancelled(self.cancellation_manager):
                    yield make_chunk("cancelled", source="orchestrator")  # noqa: ASYNC119  (theirs)
                    return
            result = events.result
        feed.close(result)
        for chunk in self._concluded(result):
            yield chunk
        yield make_chunk("done", source="orchestrator")

    def _begin(self, messages: Sequence[Mapping[str, Any]]) -> str:
        new_messages = [dict(message) for message in messages]
        questions = [m for m in new_messages if m.get("role") == "user"]
        question = str(questions[-1].get("content") or "") if questions else ""
        if not question.strip():
            raise ConfigInvalid("no message of the user's says anything; ask")
        before = [m for m in new_messages[:-1] if m.get("content")]
        self.conversation_history += new_messages
        self.current_task = question
        self.workflow_phase = "coordinating"
        for state in self.agent_states.values():
            vars(state).update(vars(AgentState()))
        self._selected_agent = self._final_presentation_content = None
        if not before:
            return question
        earlier = "\n".join(f"{m.get('role')}: {m['content']}" for m in before)
        return f"Said before:\n{earlier}\n\nThe question now: {question}"

    def _said(self, kind: str, **fields: Any) -> Any:  # noqa: ANN401  (MassGen's class, or ours)
        theirs = sys.modules.get(_BASE)
        chunk_class = StreamChunk if theirs is None else cast("Any", theirs).StreamChunk
        return chunk_class(type=kind, **fields)

    def _shown(self, event: Event) -> list[Any]:
        """An event as MassGen's chunks; the agents' states change with it."""
        make_chunk = self._said
        match event:
            case TextDelta():
                return [
                    make_chunk("content", content=event.text, source=str(event.agent))
                ]
            case ThinkingDelta():
                delta = {"reasoning_delta": event.text, "source": str(event.agent)}
                return [make_chunk("reasoning", **delta)]
            case ToolCalled() if event.name not in {"new_answer", "vote"}:
                text = f"🔧 Calling {event.name}"
                return [self._tool(event.agent, text, event.id)]
            case ToolReturned():
                how = "failed" if event.is_error else "returned"
                return [self._tool(event.agent, f"🔧 {event.name} {how}", event.id)]
            case UsageReported():
                usage = {
                    "input_tokens": event.usage.input_tokens,
                    "output_tokens": event.usage.output_tokens,
                    "estimated_cost": 0,
                }
                fields = {"usage": usage, "source": str(event.agent)}
                return [make_chunk("token_usage_update", **fields)]
            case AgentFailed():
                return self._failed(event)
            case AnswerAccepted() | VoteCounted() | VotesVoided() | WinnerDecided():
                return self._decided(event)
            case _:
                return []  # seams of the stream, and decisions that MassGen has not

    def _tool(self, agent: str, text: str, call: str) -> Any:  # noqa: ANN401  (a chunk)
        return self._said(
            "mcp_status", content=text, source=str(agent), tool_call_id=call
        )

    def _failed(self, event: AgentFailed) -> list[Any]:
        agent, why = str(event.agent), f"{event.error}: {event.message}"
        state = self.agent_states[agent]
        state.is_killed, state.error_reason = True, why
        return [
            self._said("content", content=f"❌ {why}", source=agent),
            self._said("agent_status", source=agent, status="completed", content=""),
        ]

    def _decided(
        self, event: AnswerAccepted | VoteCounted | VotesVoided | WinnerDecided
    ) -> list[Any]:
        make_chunk, states = self._said, self.agent_states
        match event:
            case AnswerAccepted():
                agent = str(event.agent)
                states[agent].answer = event.content
                text = f"✅ Answer {event.label} recorded\n"
                return [
                    make_chunk(
                        "agent_status", source=agent, status="answered", content=""
                    ),
                    make_chunk("content", content=text, source=agent),
                ]
            case VoteCounted():
                agent, choice = str(event.voter), str(event.choice)
                states[agent].has_voted = True
                states[agent].votes = {"agent_id": choice, "reason": event.reason}
                text = f"✅ Vote recorded for [{choice}]\n"
                return [
                    make_chunk(
                        "agent_status", source=agent, status="completed", content=""
                    ),
                    make_chunk("content", content=text, source=agent),
                ]
            case VotesVoided():
                for voter in event.voters:
                    states[str(voter)].has_voted = False
                    states[str(voter)].votes = {}
                return [
                    make_chunk(
                        "agent_status", source=str(v), status="working", content=""
                    )
                    for v in event.voters
                ]
            case WinnerDecided():
                self._selected_agent = str(event.winner)
                self.workflow_phase = "presenting"
                start = {"agent_id": self._selected_agent, "label": str(event.label)}
                text = f"🏆 Selected Agent: {self._selected_agent}\n"
                return [
                    make_chunk("content", content=text, source="orchestrator"),
                    make_chunk(
                        "final_presentation_start",
                        content=cast("Any", start),
                        source=self._selected_agent,
                    ),
                ]

    def _concluded(self, result: Result | None) -> list[Any]:
        self.result = result
        if result is None:
            return [self._said("error", error="the session was left", source=None)]
        self.workflow_phase = "presenting"
        self._selected_agent = None if result.winner is None else str(result.winner)
        self._final_presentation_content = result.answer
        self.is_orchestrator_timeout = result.status == "deadline"
        self.timeout_reason = result.detail if result.status == "deadline" else None
        if result.answer is None:
            return [
                self._said("error", error=result.detail, source="orchestrator"),
            ]
        self.conversation_history.append(
            {"role": "assistant", "content": result.answer}
        )
        return []

    def get_vote_results(self) -> Json:
        """Votes as they stand."""
        if self.result is not None:
            return vote_results(self.result, tuple(self.agents))
        counts: dict[str, int] = {}
        for state in self.agent_states.values():
            if choice := state.votes.get("agent_id"):
                counts[choice] = counts.get(choice, 0) + 1
        return {
            "vote_counts": counts,
            "winner": self._selected_agent,
            "total_votes": sum(counts.values()),
            "agent_mapping": anonymous(tuple(self.agents)),
        }

    _get_vote_results = get_vote_results

    def get_status(self) -> Json:
        """Where it stands, for displays."""
        return {
            "session_id": self.session_id,
            "workflow_phase": self.workflow_phase,
            "current_task": self.current_task,
            "selected_agent": self._selected_agent,
            "final_presentation_content": self._final_presentation_content,
            "vote_results": self.get_vote_results(),
            "agents": {
                name: {
                    "agent_status": self.agents[name].get_status(),
                    "coordination_state": {
                        "answer": state.answer,
                        "has_voted": state.has_voted,
                    },
                }
                for name, state in self.agent_states.items()
            },
            "conversation_length": len(self.conversation_history),
        }

    def get_coordination_result(self) -> Json:
        """All that came of it; empty before there is anything."""
        if self.result is None:
            return {"final_answer": "", "selected_agent": self._selected_agent}
        return coordination_result(self.result, tuple(self.agents))

    def get_final_result(self) -> Json | None:
        """The final answer; ``None``: there is none yet."""
        if self._final_presentation_content is None:
            return None
        return {
            "final_answer": self._final_presentation_content,
            "winning_agent_id": self._selected_agent,
            "workspace_path": None,
            "winning_agents_history": [],
        }

    def get_partial_result(self) -> Json | None:
        """The answers before the end; ``None``: there are none yet."""
        answers = {n: s.answer for n, s in self.agent_states.items() if s.answer}
        if not answers:
            return None
        return {
            "status": "partial",
            "answers": answers,
            "voting_complete": self._selected_agent is not None,
            "selected_agent": self._selected_agent,
        }

    async def get_final_presentation(
        self, selected_agent_id: str, vote_results: object = None
    ) -> AsyncGenerator[Any, None]:
        """The final answer again: it was presented within :meth:`chat`."""
        del vote_results
        answer = self._final_presentation_content or ""
        yield self._said("content", content=answer, source=selected_agent_id)
        yield self._said("done", source=selected_agent_id)

    def get_agent_timeout_state(self, agent_id: str) -> Json | None:
        """Nothing: no agent has a timeout of its own."""
        del agent_id

    def get_all_agent_workspaces(self) -> dict[str, str | None]:
        """Nobody's: agents work in folders of their session."""
        return dict.fromkeys(self.agents)

    def save_coordination_logs(self) -> None:
        """Nothing: the session's journal is its log."""

    async def reset(self) -> None:
        """Forget what was said before."""
        self.conversation_history.clear()
        self.workflow_phase = "idle"
        self.result = None


def _is_cancelled(manager: Any) -> bool:  # noqa: ANN401  (MassGen's, where it gives one)
    return bool(manager is not None and manager.is_cancelled)


def _team_of(agents: Team | Mapping[str, Any], rules: Rules | None) -> Team:
    if isinstance(agents, Team):
        return agents if rules is None else _with_rules(agents, rules)
    converted = [_agent_of(name, agent) for name, agent in agents.items()]
    return Team(agents=converted, rules=rules or Rules("massgen"))


def _with_rules(team: Team, rules: Rules) -> Team:
    return replace(team, rules=rules)


def _agent_of(name: str, agent: Any) -> Agent:  # noqa: ANN401  (ours, or MassGen's)
    if isinstance(agent, Agent):
        return agent
    backend = getattr(agent, "backend", None)
    if not hasattr(backend, "stream_with_tools"):
        raise ConfigInvalid(
            f"agent {name!r} is {agent!r}; give an Agent, or one of MassGen's that has "
            "a backend"
        )
    return Agent(id=name, backend=FunctionBackend(_asking(name, agent)))


def _asking(name: str, agent: Any) -> Any:  # noqa: ANN401  (MassGen's)
    """A function that asks the backend of one of MassGen's agents."""
    config = getattr(getattr(agent, "config", None), "backend_params", None)
    params: Json = dict(config or {})

    async def ask(messages: list[Json], tools: list[Json]) -> AsyncIterator[Piece]:
        reply: Any = agent.backend.stream_with_tools(
            messages, tools, agent_id=name, **params
        )
        async with aclosing(reply) as chunks:
            async for chunk in chunks:
                kind = str(getattr(chunk, "type", ""))
                if kind == "content" and chunk.content:
                    yield str(chunk.content)  # noqa: ASYNC119  (theirs)
                elif kind == "reasoning" and chunk.reasoning_delta:
                    yield Thought(str(chunk.reasoning_delta))  # noqa: ASYNC119  (theirs)
                elif kind == "tool_calls":
                    for call in chunk.tool_calls or ():
                        yield _call(call)  # noqa: ASYNC119  (theirs)
                elif kind == "error":
                    raise ConnectionError(str(chunk.error or chunk.content))

    return ask


def _call(call: Mapping[str, Any]) -> ToolCall:
    function: Mapping[str, Any] = call.get("function", call)
    arguments: Any = function.get("arguments") or {}
    if isinstance(arguments, str):  # JSON within JSON
        arguments = msgspec.json.decode(arguments)
    return ToolCall(str(function.get("name")), arguments, str(call.get("id") or ""))
