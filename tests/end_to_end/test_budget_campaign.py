"""Budgets hold: what is spent and what is granted together never exceed them.

A seeded campaign over HTTP against the emulator: 1 to 64 agents at once, every policy,
tokens or USD or both, models of several prices, tools, thoughts, streams that break
off. A failure names its seed. Larger ones: ``FIRST=8 CASES=500 pytest -k campaign``.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import coordinator
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.protocol.chunks import (
    AnswerPresented,
    AnswerProposed,
    ResponseStarted,
    TurnEnded,
    UsageReported,
    VoteCast,
)
from coordinator.protocol.events import StartTurn
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import parse_team

if TYPE_CHECKING:
    from coordinator.protocol.events import Event
    from coordinator.protocol.result import Result

pytestmark = pytest.mark.real_time

CASES = int(os.environ.get("CASES", "8"))
FIRST = int(os.environ.get("FIRST", "0"))
MODELS = (
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-2",
)
POLICIES = ("slate", "revision", "ensemble", "massgen")


class Kept:
    """A display that keeps everything."""

    is_lossless = True

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def show(self, events: Any) -> None:
        async for batch in events:
            self.events += batch

    def conclude(self, result: Result) -> None:
        pass


def words(random: Random, most: int) -> str:
    return " ".join(
        random.choice(("Paris", "Lyon", "is", "on", "the", "Seine"))
        for _ in range(random.randint(1, most))
    )


def response(random: Random, *ending: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    if random.random() < 0.5:
        lines.append({"thinking": words(random, 400)})
    if random.random() < 0.3:
        lines.append({"text": words(random, 2_000)})
    if random.random() < 0.2:
        how = random.choice(
            ({"error": {"status": 529}}, {"disconnect": True}, {"truncate": True})
        )
        return [*lines, how]
    return [*lines, *ending]


def script(random: Random, name: str) -> dict[str, Any]:
    answer = {"answer": f"{name}: {words(random, 300)}"}
    turns: list[dict[str, Any]] = []
    for task, ending in (
        ("draft", answer),
        ("review", {"vote": {"first": True}}),
        ("present", {"text": words(random, 300)}),
    ):
        turns += [
            {"when": {"task": task}, "lines": response(random, ending)}
            for _ in range(random.randint(0, 2))
        ]
        turns.append({"when": {"task": task}, "repeat": True, "lines": [ending]})
    return {"turns": turns}


def team(random: Random, base_url: str) -> tuple[str, dict[str, Any], float, float]:
    count = random.choice((1, 2, 3, 8, 16, 64))
    agents = "".join(
        f"  - {{id: a{n}, model: {random.choice(MODELS)}}}\n" for n in range(count)
    )
    tokens = random.choice((None, count * random.randint(300, 5_000)))
    usd = random.choice((None, round(count * random.uniform(0.001, 0.05), 4)))
    if tokens is None and usd is None:
        usd = 0.03
    limits = {"budget_tokens": tokens, "budget_usd": usd}
    text = (
        f"defaults: {{base_url: '{base_url}', max_tokens: 2000}}\nagents:\n{agents}"
        f"voting: {{policy: {random.choice(POLICIES)}}}\ndeadline_s: 60\nseed: 1\n"
        f"limits: {{{', '.join(f'{k}: {v}' for k, v in limits.items() if v)}}}\n"
    )
    scripts = {f"a{n}": script(random, f"a{n}") for n in range(count)}
    return text, scripts, tokens or float("inf"), usd or float("inf")


def exposure(events: list[Event]) -> list[tuple[float, float]]:
    """Spent and granted together, in tokens and USD, after each event."""
    spent: dict[str, list[float]] = {}
    open_: dict[str, list[float]] = {}
    granted: dict[tuple[str, int], list[float]] = {}
    found: list[tuple[float, float]] = []
    for event in events:
        match event:
            case StartTurn(turn=turn):
                granted[turn.agent, turn.number] = [
                    turn.budget_tokens or 0,
                    turn.budget_usd or 0.0,
                ]
            case ResponseStarted():
                open_[event.agent] = [0, 0.0]
            case UsageReported():
                now = [event.usage.total_tokens, event.cost_usd or 0.0]
                before = open_.get(event.agent, [0, 0.0])
                more = [max(0, a - b) for a, b in zip(now, before, strict=True)]
                open_[event.agent] = now
                total = spent.setdefault(event.agent, [0, 0.0])
                grant = granted.get((event.agent, event.turn), [0, 0.0])
                for place in (0, 1):
                    total[place] += more[place]
                    grant[place] = max(0, grant[place] - more[place])
            case TurnEnded() | AnswerProposed() | VoteCast() | AnswerPresented():
                granted.pop((event.agent, event.turn), None)
            case _:
                pass
        rows = (*spent.values(), *granted.values())
        found.append((sum(r[0] for r in rows), sum(r[1] for r in rows)))
    return found


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CASES))
async def test_no_budget_is_exceeded_in_a_campaign(seed: int) -> None:
    random = Random(seed)  # noqa: S311  (repeatable, not secret)
    kept = Kept()
    text, scripts, tokens, usd = team(random, "BASE_URL")
    async with serve({name: parse_script(x) for name, x in scripts.items()}) as server:
        base_url = server.base_url
        config = parse_team(text.replace("BASE_URL", base_url), Path("t.yaml"))
        async with closing(assemble(config, environment={})) as made:
            result = await coordinator.run("Which city?", made, displays=[kept])
    about = f"seed {seed}: {text}"
    assert result.usage.total_tokens <= tokens, about
    assert (result.cost_usd or 0.0) <= usd * (1 + 1e-9), about
    for at_tokens, at_usd in exposure(kept.events):
        assert at_tokens <= tokens + len(scripts), about  # shares are rounded
        assert at_usd <= usd * (1 + 1e-9), about
