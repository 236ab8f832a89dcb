"""An agent's past, made again from its turns in another process. Pure.

Its conversation, and with a backend whose responses depend on those before (a script),
that backend's place. Turns that are not over are :mod:`agents.memory`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents import prompts
from agents.asked import AskedTurn, tries
from agents.backend import Message, Recalls, Request, Review, Turn
from agents.conversation import Conversation
from agents.tools.workflow import workflow_tools

if TYPE_CHECKING:
    from agents.agent import Agent


def recalled(agent: Agent, past: Sequence[AskedTurn]) -> Conversation:
    """The conversation that ``past`` comes to; the backend is told what was asked."""
    turns = [(asked.turn, asked.chunks) for asked in past]
    backend = agent.backend
    if not isinstance(backend, Recalls):
        return Conversation.rebuilt(turns)
    counted = {asked.turn.number: tries(asked, is_over=True) for asked in past}

    def tell(turn: Turn, place: int, call: int, messages: tuple[Message, ...]) -> None:
        if place in counted[turn.number]:
            backend.recall(_request(agent, turn, call, messages))

    return Conversation.rebuilt(turns, on_call=tell)


def _request(
    agent: Agent, turn: Turn, call: int, messages: tuple[Message, ...]
) -> Request:
    form = turn.task.ballot if isinstance(turn.task, Review) else None
    return Request(
        turn=turn,
        call=call,
        system=prompts.system_prompt(agent.system),
        messages=messages,
        tools=(
            *(tool.spec for tool in agent.tools),
            *workflow_tools(turn.task, form, agent.answer_form),
        ),
    )
