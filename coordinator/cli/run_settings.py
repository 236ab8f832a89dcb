"""Changes of a team by the command line: rules, budget, words to its agents.

A team that is made by ``--model`` alone has a budget by itself, so that a first run on
a dear model cannot surprise anybody.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage
from agents.protocol.turns import Criterion
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.errors import ConfigInvalid
from coordinator.team.team_file_schema import AgentEntry, TeamConfig

DEFAULT_BUDGET_USD = 2.0
"""Of a team made by ``--model`` alone."""
DEFAULT_MODEL = "claude-sonnet-5-5"
"""Of the models priced on 2026-11-30 the one between the dear and the cheap."""
KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


@dataclass(frozen=True, kw_only=True)
class TeamSettings:
    """The options of ``run`` that change the team; ``None``: as it is."""

    policy: str | None = None
    rule: str | None = None
    rubric: tuple[Criterion | str, ...] = ()
    budget_usd: float | None = None
    system: str | None = None
    effort: str | None = None
    tools: tuple[str, ...] = ()
    seed: int | None = None


NO_SETTINGS = TeamSettings()


def default_model(environment: Mapping[str, str] = os.environ) -> str | None:
    """The model to ask where no team is named; ``None``: there is no key."""
    named = environment.get("COORDINATOR_MODEL")
    if named:
        return named
    return DEFAULT_MODEL if any(environment.get(key) for key in KEYS) else None


def with_settings(
    config: TeamConfig, settings: TeamSettings, *, has_default_budget: bool = False
) -> TeamConfig:
    """The same team, as the options have it.

    Args:
        config: The team.
        settings: The options.
        has_default_budget: It was made by models' names alone: where nothing else is
            said, and every price is known, it may spend 2 USD.

    Raises:
        ConfigInvalid: An option's value cannot be used.
    """
    rules = _ruled(config.rules, settings)
    if settings.budget_usd is not None:
        if not settings.budget_usd > 0:
            raise ConfigInvalid(
                f"--budget-usd {settings.budget_usd:g} buys nothing; give more than 0"
            )
        rules = rules.replace(budget_usd=settings.budget_usd)
    elif has_default_budget and rules.limits.budget_usd is None:
        models = {agent.model for agent in config.agents}
        if all(model is not None and _is_priced(model) for model in models):
            rules = rules.replace(budget_usd=DEFAULT_BUDGET_USD)
    agents = tuple(_with_settings(agent, settings) for agent in config.agents)
    file = msgspec.structs.replace(config.file, agents=agents)
    if settings.seed is not None:
        file = msgspec.structs.replace(file, seed=settings.seed)
    return msgspec.structs.replace(config, file=file, agents=agents, rules=rules)


def _ruled(rules: Rules, settings: TeamSettings) -> Rules:
    changes: dict[str, Any] = {} if settings.rule is None else {"rule": settings.rule}
    if settings.rubric:
        changes |= {"rule": "score", "self_votes": "forbid", "rubric": settings.rubric}
    if settings.policy is None:
        return rules.replace(**cast("Any", changes)) if changes else rules
    # What the team itself had changed of its policy stays changed.
    before = Rules(cast("PolicyName", rules.policy)).settings()
    own = {
        name: value for name, value in rules.settings().items() if value != before[name]
    }
    return Rules(cast("PolicyName", settings.policy), **cast("Any", own | changes))


def _with_settings(agent: AgentEntry, settings: TeamSettings) -> AgentEntry:
    changes: dict[str, Any] = {}
    if settings.system is not None and agent.backend != "human":
        changes["system"] = "\n\n".join(
            x for x in (agent.instructions, settings.system) if x
        )
    if settings.effort is not None and agent.backend != "human":
        changes["effort"] = settings.effort
    if settings.tools and agent.backend != "human":
        changes["tools"] = (*agent.tools, *settings.tools)
    return msgspec.structs.replace(agent, **changes) if changes else agent


def _is_priced(model: str) -> bool:
    return cost_usd(model, Usage(input_tokens=1, output_tokens=1)) is not None
