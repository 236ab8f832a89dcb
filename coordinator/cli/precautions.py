"""Questions before money is spent: is that the model, and so many of them?

Where nobody can answer, what would have been asked is refused, with the way out named.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches

from agents.backends.claude.models import NAMES
from agents.limits.model_makers import OPEN_MODELS, maker_of
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage
from coordinator.displays.first_picture import FIRST_PICTURE
from coordinator.displays.result_text import dollars
from coordinator.displays.sanitizer import clean
from coordinator.errors import ConfigInvalid
from coordinator.team.team_file_schema import AgentEntry, TeamConfig

AGENTS_UNASKED = 12
"""More agents than this that cost money are asked about."""
PROMPT_TOKENS = 1_200
"""Of instructions and tools, about, with each call."""
DRAFT_TOKENS = 1_500
"""Written for a first answer, with thinking, about."""
BALLOT_TOKENS = 500
CHARS_A_TOKEN = 3.5


def estimate_usd(config: TeamConfig, question: str) -> float | None:
    """A rough estimate of a session's cost: all drafts and ballots, a presentation.

    Returns:
        USD; ``None`` where the price of a model is unknown.
    """
    paid = paid_agents(config)
    question_tokens = PROMPT_TOKENS + round(len(question) / CHARS_A_TOKEN)
    panel = config.rules.voting.panel
    models = len({agent.model for agent in paid})
    most = len(paid) if panel is None else max(2, models) if panel == "auto" else panel
    voters = min(most, len(paid))
    read = question_tokens + DRAFT_TOKENS * len(paid)
    total = 0.0
    for place, agent in enumerate(paid):
        usage = Usage(input_tokens=question_tokens, output_tokens=DRAFT_TOKENS)
        if place < voters:
            usage += Usage(input_tokens=read, output_tokens=BALLOT_TOKENS)
        if place == 0:
            usage += Usage(input_tokens=read, output_tokens=DRAFT_TOKENS)
        cost = cost_usd(agent.model or "", usage)
        if cost is None:
            return None
        total += cost
    return total


def paid_agents(config: TeamConfig) -> list[AgentEntry]:
    """The agents whose model costs money."""
    return [
        agent
        for agent in config.agents
        if agent.backend not in {"human", "scripted"} and not agent.base_url
    ]


def check_cost(config: TeamConfig, question: str, *, is_sure: bool) -> None:
    """Ask before a session that may cost more than its budget, or has many agents.

    Raises:
        ConfigInvalid: It is not wanted, or nobody can say so.
    """
    paid = paid_agents(config)
    if is_sure or not paid:
        return
    estimate, budget = estimate_usd(config, question), config.rules.limits.budget_usd
    is_dear = estimate is not None and budget is not None and estimate > budget
    if not is_dear and len(paid) <= AGENTS_UNASKED:
        return
    models = ", ".join(dict.fromkeys(agent.model or "?" for agent in paid))
    cost = (
        "at an unknown price" if estimate is None else f"for about {_about(estimate)}"
    )
    limit = f"; the budget is {dollars(budget)}" if budget is not None else ""
    words = f"{len(paid)} agents ({models}) {cost}{limit}"
    if not confirmed(f"This asks {words}. Go on?", is_yes=False):
        raise ConfigInvalid(
            f"this would ask {words}; --yes goes on all the same, --agents and "
            "--budget-usd make it another"
        )


def _about(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.01 else "a cent"


_PREFIXES = {"openai": "openai", "google": "gemini", "x-ai": "grok"}
"""Makers that are asked themselves → what stands before their models' names."""


def with_known_models(models: tuple[str, ...], *, is_sure: bool) -> tuple[str, ...]:
    """The models that were meant: by their makers, and where one is misspelt.

    Raises:
        ConfigInvalid: One is, and nobody can say what was meant.
    """
    return tuple(_known(model, is_sure=is_sure) for model in models)


def _known(model: str, *, is_sure: bool) -> str:
    if "/" in model or model in NAMES:
        return model
    maker = _PREFIXES.get(maker_of(model))
    is_gateway = bool(os.environ.get("ANTHROPIC_BASE_URL"))  # for models of any maker
    if maker is not None and not is_gateway and not model.startswith(OPEN_MODELS):
        return f"{maker}/{model}"
    if is_sure or any(
        model.startswith(f"{name}-") or model == f"{name}@" for name in NAMES
    ):
        return model  # a dated snapshot
    near = get_close_matches(model, NAMES, 1, 0.6)
    if model.startswith(OPEN_MODELS) and not is_gateway:
        raise ConfigInvalid(
            f"model {model!r} is served by many; name whose, as in groq/{model}. "
            "--yes asks Claude's API for it all the same"
        )
    if not near:
        return model  # one with a name of its own
    if confirmed(f"{model!r} is not known. Ask {near[0]}?", is_yes=True):
        return near[0]
    raise ConfigInvalid(
        f"model {model!r} is not known; did you mean {near[0]!r}? --yes asks it all "
        "the same, and coordinator models shows them"
    )


def confirmed(question: str, *, is_yes: bool) -> bool:
    """Ask at the terminal; where nobody is there, the answer is no.

    Args:
        question: What is asked.
        is_yes: What an empty line means.
    """
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        return False
    FIRST_PICTURE.leave()
    sys.stderr.write(f"{clean(question)} {'[Y/n]' if is_yes else '[y/N]'} ")
    sys.stderr.flush()
    reply = sys.stdin.readline()
    if not reply:
        return False
    return is_yes if not reply.strip() else reply.strip().lower() in {"y", "yes"}


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  (or it is absent)
    except (AttributeError, ValueError):
        return False


_ADVICE = (
    (("401", "authentication"), "check the key: coordinator doctor"),
    (("403", "permission"), "the key may not ask this model, or has no credit left"),
    (("404", "not_found"), "check the model's name: coordinator models"),
    (("429", "rate limit"), "wait, or ask fewer agents at once"),
    (("529", "overloaded"), "the model is overloaded: wait, or name a fallback"),
    (("no connection", "connect"), "check the network, or ANTHROPIC_BASE_URL"),
)


def way_out(error: str) -> str:
    """Advice on an agent's failure; empty where nothing is known of it."""
    lower = error.lower()
    for signs, advice in _ADVICE:
        if any(sign in lower for sign in signs):
            return advice
    return ""
