"""The teams that are asked: one whose drafts and ballots every policy can use. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage
from coordinator.ballots import Borda
from coordinator.comparison.assumptions import Assumptions
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.sweep.questions import Question
from coordinator.team.team_file_schema import TeamConfig

OPEN, REVISING = "open", "revising"
REVISIONS_AN_AGENT = 1.5
"""Revisions of each agent beyond the first answers, in the simulator."""


def open_team(config: TeamConfig) -> TeamConfig:
    """``config`` where all draft, all rank all drafts, and nothing is cut short."""
    limits = msgspec.structs.replace(config.rules.limits, answers_total=None)
    rules = Rules(
        "slate",
        rule=Borda(),
        panel=None,
        shortlist=None,
        committee_over=None,
        straggler=None,
        early=False,
        duplicate_over=1.0,
        limits=limits,
        final="present",
    )
    return msgspec.structs.replace(config, rules=rules)


def revising_team(config: TeamConfig) -> TeamConfig:
    """``config`` where reviewers may answer anew."""
    rules = Rules("revision", limits=config.rules.limits, final="reuse")
    return msgspec.structs.replace(config, rules=rules)


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """A rough forecast of a measurement's cost."""

    sessions: int
    tokens: int
    usd: float | None
    """``None``: a price is unknown."""


def forecast(
    config: TeamConfig,
    questions: Sequence[Question],
    seeds: int,
    *,
    with_revisions: bool,
) -> Forecast:
    """Estimate from the simulator's assumptions and the questions' length.

    Raises:
        ConfigInvalid: There is no question.
    """
    if not questions:
        raise ConfigInvalid("there are no questions to measure with")
    assumed, size = Assumptions(), len(config.agents)
    question_tokens = sum(len(each.question) for each in questions) / len(questions) / 4
    prompt = round(assumed.preamble_tokens + question_tokens + assumed.ask_tokens)
    turns = [
        (size, prompt, assumed.draft_tokens),
        (size, prompt + size * assumed.answer_tokens, assumed.vote_tokens),
        (1, prompt + assumed.answer_tokens, assumed.present_tokens),
    ]
    if with_revisions:
        again = round(size * REVISIONS_AN_AGENT)
        read = prompt + size * assumed.answer_tokens
        turns += [
            (size + again, read, assumed.draft_tokens),
            (2 * size, read, assumed.vote_tokens),
        ]
    count = len(questions) * seeds
    models = [entry.model or "" for entry in config.agents]
    usd: float | None = 0.0
    for times, read, written in turns:
        usage = Usage(input_tokens=read, output_tokens=written)
        for model in models:
            name = model.rpartition("/")[2]
            cost = 0.0 if not name else cost_usd(name, usage)
            share = times / size * count
            usd = None if usd is None or cost is None else usd + cost * share
    tokens = sum(times * (read + written) for times, read, written in turns)
    return Forecast(
        sessions=count * (2 if with_revisions else 1), tokens=tokens * count, usd=usd
    )
