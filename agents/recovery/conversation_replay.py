"""An agent's past, made again from its turns in another process. Pure.

Its conversation, and with a backend whose responses depend on those before (a script),
that backend's place. Turns that are not over are :mod:`agents.recovery.turn_replay`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from agents.boundary.guard import offers
from agents.conversation import prompts
from agents.conversation.conversation import Called, Conversation, OnCall
from agents.protocol.backend import KnownTool, Recalls, Request, ToolSpec
from agents.protocol.chunks import TurnNumber
from agents.protocol.turns import Task, Turn
from agents.recovery.turn_record import AskedTurn, tries
from agents.tools.workflow import Workflow

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.recovery.turn_replay import Memory


def recalled(agent: Agent, past: Sequence[AskedTurn]) -> Conversation:
    """The conversation that ``past`` comes to; backends are told what was asked."""
    counted = {record.turn.number: tries(record, is_over=True) for record in past}
    return Conversation.rebuilt(
        [(record.turn, record.chunks) for record in past],
        on_call=_telling(agent, counted) if _recalls(agent) else None,
    )


def begun_afresh(
    agent: Agent, conversation: Conversation, turn: Turn, memory: Memory
) -> None:
    """Bring ``conversation`` to where an unfinished turn began afresh the last time.

    What was said before that is lost to the model; backends are told of it.
    """
    counted = {turn.number: memory.counted}
    on_call = _telling(agent, counted) if _recalls(agent) else None
    conversation.relive(turn, memory.lost, on_call)


def _recalls(agent: Agent) -> bool:
    return any(offers(b, Recalls) for b in (agent.backend, *agent.fallbacks))


def _telling(agent: Agent, counted: Mapping[TurnNumber, Collection[int]]) -> OnCall:
    """A callback that passes each answered call to the backend that was asked then.

    Args:
        agent: Whose backends.
        counted: For each turn the places of the calls that were answered.
    """
    backends = (agent.backend, *agent.fallbacks)

    def tell(called: Called) -> None:
        # The team may have fewer fallbacks now than when it was asked.
        backend = backends[min(called.fallbacks, len(backends) - 1)]
        if called.place in counted[called.turn.number] and offers(backend, Recalls):
            backend.recall(_request(agent, called))

    return tell


def _request(agent: Agent, called: Called) -> Request:
    return Request(
        turn=called.turn,
        call=called.number,
        system=prompts.system_prompt(agent.system),
        messages=called.messages,
        tools=offered_tools(agent, called.turn.task),
    )


def offered_tools(agent: Agent, task: Task) -> tuple[ToolSpec | KnownTool, ...]:
    """The tools that ``agent`` may call in a turn with ``task``.

    Where its session has stated its workflow tools, they are the same in every turn.
    """
    workflow = agent.workflow or Workflow.of(task)
    own = tuple(tool.spec for tool in agent.tools)
    return own + workflow.tools(agent.answer_form)
