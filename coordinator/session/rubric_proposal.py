"""A rubric proposed by a model: criteria for a question, before anybody has answered.

They are asked for in a session of one agent, with a structured answer, and are the
caller's to show, change and use, with ``rule="score"`` and ``self_votes="forbid"``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import msgspec

from agents.agent import Agent
from agents.protocol.turns import Criterion
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.session.session import run
from coordinator.team.team import Team

LIMIT_S = 120.0
"""How long a model may take; a handful of criteria needs no more."""
CRITERIA_MOST = 7
"""More than a voter keeps apart."""

_ASK = """\
Several agents will answer the question below, and others will score each answer \
from 0 to 10 by a rubric. Propose the rubric, and do not answer the question: three to \
five criteria that tell a good answer to this very question from a poor one, and that \
can be judged by reading the answer. Each has a name of a word or two, a sentence on \
what to look at, and a weight from 1 to 3.

The question:

"""


class _Criterion(msgspec.Struct):
    """A criterion as a model is asked for it; its schema says what is allowed."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    about: str = ""
    weight: Annotated[float, msgspec.Meta(ge=1, le=3)] = 1.0


class _Proposal(msgspec.Struct):
    """A structured answer: the rubric."""

    criteria: Annotated[list[_Criterion], msgspec.Meta(min_length=1)]


PROPOSAL_SCHEMA: dict[str, Any] = msgspec.json.schema(_Proposal)
"""JSON Schema of the structured answer."""


class ProposedRubric(NamedTuple):
    """The result of :func:`propose_rubric`."""

    criteria: tuple[Criterion, ...]
    cost_usd: float | None
    """The cost of the proposal; ``None``: no price is known."""


async def propose_rubric(
    question: str,
    agent: Agent,
    *,
    deadline_s: float = LIMIT_S,
    budget_usd: float | None = None,
) -> ProposedRubric:
    """Ask an agent's model for the criteria that answers to ``question`` be scored by.

    Args:
        question: What the team will be asked.
        agent: Whose model is asked; its tools are not used.
        deadline_s: How long that may take, in seconds.
        budget_usd: What it may cost; ``None``: as much as it does.

    Raises:
        ConfigInvalid: No usable criteria came; the message says why.
    """
    proposer = replace(agent, tools=(), toolboxes=(), answer_form=None)
    rules = Rules("slate", final="reuse", deadline_s=deadline_s, budget_usd=budget_usd)
    team = Team(agents=(proposer,), rules=rules, answer_type=_Proposal)
    result = await run(_ASK + question, team, journal=False)
    if result.answer is None:
        why = result.agents[agent.id].error or result.detail or result.status
        raise ConfigInvalid(
            f"agent {agent.id!r} has proposed no rubric ({why}); name the criteria "
            "yourself"
        )
    named: dict[str, Criterion] = {}
    for each in result.value.criteria:
        name = each.name.strip()
        if name:  # a name that comes twice is one criterion
            one = Criterion(name=name, about=each.about, weight=each.weight)
            named.setdefault(name.lower(), one)
    return ProposedRubric(tuple(named.values())[:CRITERIA_MOST], result.cost_usd)
