"""``coordinator init``: a short talk that ends in a team file, and a team at work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from agents.backends.claude.models import NAMES as MODELS
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.run_settings import DEFAULT_BUDGET_USD, DEFAULT_MODEL, KEYS
from coordinator.errors import ConfigInvalid
from coordinator.team.makers import split_model
from coordinator.team.reader import parse_team

AGENTS_MOST = 50
"""A talk is for a small team; a larger one is written."""
DEADLINE_S = 300
NAMES = ("ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "june")


class Kind(NamedTuple):
    """A purpose of a team."""

    name: str
    sentence: str
    system: str
    """The system prompt of every agent; empty: none."""
    roles: tuple[str, ...] = ()
    """Additions to the system prompt, one for each agent in turn."""
    tools: tuple[str, ...] = ()


KINDS = (
    Kind("any", "any question", ""),
    Kind(
        "review",
        "reviewing a change: git diff | coordinator run -c …",
        "You review a change. Name what must be mended before it is merged, each with "
        "its line and why; say so plainly where nothing must.",
        (
            "You look for wrong results.",
            "You look for what breaks under load.",
            "You look for what a stranger could misuse.",
        ),
    ),
    Kind(
        "research",
        "research, with the web at hand",
        "Give the source of each claim.",
        (),
        ("web_search",),
    ),
    Kind(
        "decide",
        "decisions: characters that weigh differently",
        "Come down on one side, and say what would change your mind.",
        (
            "You distrust first impressions.",
            "You think of who pays for a mistake.",
            "You prefer what is simple and can be undone.",
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """The options of ``init``, as given."""

    file: Path
    models: tuple[str, ...] = ()
    agents: int | None = None
    budget_usd: float | None = None
    is_quiet: bool = False


class Plan(NamedTuple):
    """The choices made in the talk."""

    kind: Kind
    models: tuple[str, ...]
    agents: int
    budget_usd: float


def init_command(options: InitOptions) -> int:
    """Talk, write the file, and offer a first question; the exit code."""
    return at_the_boundary(lambda: _init(options, os.environ))


def _init(options: InitOptions, environment: Mapping[str, str]) -> int:
    target = options.file
    if target.exists():
        raise ConfigInvalid(
            f"{target} is there already and is left alone; name another: "
            "coordinator init other.yaml"
        )
    load_environment(None)
    is_talk = not options.is_quiet and sys.stdin.isatty()
    ask = _prompt if is_talk else _taken
    plan = _planned(options, ask, environment)
    text = team_text(plan)
    parse_team(text, target)  # what a talk has written must be usable
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigInvalid(f"{target}: {error.strerror}; name another file") from error
    has_key = any(environment.get(key) for key in KEYS) or plan.models != (
        DEFAULT_MODEL,
    )
    way = "" if has_key else " --emulate"
    sys.stdout.write(
        f"{target} is written: {plan.agents} agents of {', '.join(plan.models)}, "
        f"{plan.budget_usd:g} USD a question at most.\n"
    )
    if is_talk:
        what = "" if has_key else ", answered in made-up words as no key is set"
        question = ask(f"A first question to try it{what} (return: later)", "")
        if question:
            from coordinator.cli.run import (  # noqa: PLC0415  (a session)
                RunOptions,
                run_command,
            )

            return run_command(
                RunOptions(question=question, config=target, is_emulated=not has_key)
            )
    sys.stdout.write(
        f'Ask it:    coordinator run -c {target} "Your question?"{way}\n'
        f"Change it: coordinator validate {target}; every key: "
        "coordinator schema team\n"
    )
    return Exit.ANSWERED


def _prompt(question: str, default: str) -> str:
    shown = f" [{default}]" if default else ""
    try:
        reply = input(f"{question}{shown}: ")
    except EOFError:
        raise KeyboardInterrupt from None
    return reply.strip() or default


def _taken(_: str, default: str) -> str:
    return default


def _planned(
    options: InitOptions,
    ask: Callable[[str, str], str],
    environment: Mapping[str, str],
) -> Plan:
    kind = KINDS[0]
    if ask is _prompt:
        for number, each in enumerate(KINDS, start=1):
            sys.stdout.write(f"  {number}  {each.sentence}\n")
        kind = KINDS[_number("What is the team for", 1, len(KINDS), ask) - 1]
    models = options.models or _models(ask, environment)
    for model in models:
        _check_model(model)
    agents = options.agents
    if agents is None:
        agents = _number("How many agents", max(3, len(models)), AGENTS_MOST, ask)
    elif not 1 <= agents <= AGENTS_MOST:
        raise ConfigInvalid(f"--agents {agents}: give 1 to {AGENTS_MOST}")
    budget = options.budget_usd
    if budget is None:
        budget = _amount("What may a question cost at most, in USD", ask)
    elif not budget > 0:
        raise ConfigInvalid(f"--budget-usd {budget:g} buys nothing; give more than 0")
    return Plan(kind, models, agents, budget)


def _models(
    ask: Callable[[str, str], str], environment: Mapping[str, str]
) -> tuple[str, ...]:
    default = environment.get("COORDINATOR_MODEL") or DEFAULT_MODEL
    while True:
        reply = ask("Which models, with blanks between (coordinator models)", default)
        models = tuple(reply.replace(",", " ").split())
        try:
            for model in models:
                _check_model(model)
        except ConfigInvalid as error:
            complain(str(error))
            continue
        return models


def _check_model(model: str) -> None:
    """Ask a misspelt model back.

    Raises:
        ConfigInvalid: No model of Claude's is called so, and no other maker is named.
    """
    maker, _, name = split_model(model)
    if maker in {None, "claude"} and name not in MODELS:
        near = get_close_matches(name, MODELS, 1)
        if near:
            raise ConfigInvalid(f"no model {model!r} is known; did you mean {near[0]}?")
        if maker is None and "claude" not in name:
            raise ConfigInvalid(
                f"no model {model!r} is known; name another maker's as openai/…, "
                "gemini/…, ollama/…"
            )


def _number(question: str, default: int, most: int, ask: Callable[..., str]) -> int:
    while True:
        reply = ask(question, str(default))
        if reply.isdecimal() and 1 <= int(reply) <= most:
            return int(reply)
        complain(f"{reply!r}: give a number from 1 to {most}")


def _amount(question: str, ask: Callable[..., str]) -> float:
    while True:
        reply = ask(question, f"{DEFAULT_BUDGET_USD:g}")
        try:
            amount = float(reply.lstrip("$").replace(",", "."))
        except ValueError:
            amount = 0.0
        if 0 < amount < float("inf"):
            return amount
        complain(f"{reply!r}: give an amount over 0, as 0.50")


def team_text(plan: Plan) -> str:
    """The file."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    kind = plan.kind
    yield f"# A team for {kind.sentence.split(':')[0]}."
    yield '# Ask it: coordinator run -c FILE "Your question?"   (no key: --emulate)'
    yield "# Every key: coordinator schema team; examples: coordinator examples"
    yield ""
    yield "agents:"
    for number in range(plan.agents):
        name = NAMES[number] if number < len(NAMES) else f"member{number + 1}"
        model = plan.models[number % len(plan.models)]
        role = kind.roles[number % len(kind.roles)] if kind.roles else ""
        prompt = " ".join(x for x in (kind.system, role) if x)
        yield f"  - id: {name}"
        yield f"    model: {model}"
        if prompt:
            yield "    system: >-"
            yield f"      {prompt}"
        if kind.tools:
            yield f"    tools: [{', '.join(kind.tools)}]"
    yield ""
    yield "# voting: {rule: schulze}    # where the usual rule is not yours"
    yield f"limits: {{budget_usd: {plan.budget_usd:g}}}"
    yield f"deadline_s: {DEADLINE_S}"
