"""Results-first counting against brute force: every way in which the rest may fall.

Sessions of up to five agents, every sequence of results. Wherever the machine holds no
vote, every completion by outstanding drafts (of a known result or a new one) and by the
panel's ballots has the same winner; wherever it goes on, at least one has not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from agents.protocol.chunks import AgentId, AnswerProposed
from coordinator.protocol.events import ResultsCounted, StartTurn, WinnerDecided
from tests.coordinator.consensus.conftest import Seat, Table

NAMES = ("ada", "bob", "cy", "dan", "eve")
NEW = "new"
WEAK = 0.2


def _answers(table: Table, agent: str, result: str) -> None:
    stamp = table.pen(agent).stamp()
    # The words differ, so that nothing but the result makes two answers one.
    text = f"{agent} comes to {result} in words of {agent}"
    table.says(AnswerProposed(**stamp, content=text, result=result))


def _panel(results: Sequence[str], team: int, models: int, size: int | None) -> int:
    """How many would judge, by what the settings say of ``panel``."""
    if size is not None:
        return min(size, team)
    counts = [*sorted(Counter(results).values(), reverse=True), 0]
    wanted = models
    if counts[0] - counts[1] <= WEAK * len(results):
        is_each_alone = len(results) > 1 and counts[0] == 1
        wanted = max(models, 3 if is_each_alone else 2)
    return min(wanted, team)


def _is_certain(results: Sequence[str], drafts: int, ballots: int) -> bool:
    """Whether one result wins alone in every completion."""
    known = sorted(set(results))
    firsts: set[str] = set()
    for more in product([*known, NEW], repeat=drafts):
        for votes in product(sorted({*known, *more}), repeat=ballots):
            counts = Counter([*results, *more, *votes]).most_common(2)
            if len(counts) > 1 and counts[0][1] == counts[1][1]:
                return False
            firsts.add(counts[0][0])
    return len(firsts) == 1


def _models(pattern: str, agents: Sequence[str]) -> dict[str, str]:
    match pattern:
        case "one":
            return dict.fromkeys(agents, "m")
        case "each":
            return {agent: f"m{at}" for at, agent in enumerate(agents)}
        case _:
            return {agent: f"m{at % 2}" for at, agent in enumerate(agents)}


@pytest.mark.parametrize("pattern", ["one", "two", "each"])
@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize("team", [1, 2, 3, 4, 5])
def test_no_vote_is_held_exactly_where_no_completion_could_change_the_winner(
    seat: Seat, team: int, size: int | None, pattern: str
) -> None:
    agents = NAMES[:team]
    models = _models(pattern, agents)
    settings: dict[str, Any] = {"panel": "auto" if size is None else size}
    for results in product("123" if team < 5 else "12", repeat=team):
        table = seat(
            " ".join(agents),
            "evidence",
            models=models,
            straggler=None,
            equal="text",
            final="reuse",
            **settings,
        )
        for at, (agent, result) in enumerate(zip(agents, results, strict=True), 1):
            _answers(table, agent, result)
            so_far = results[:at]
            judges = _panel(so_far, team, len(set(models.values())), size)
            is_certain = _is_certain(so_far, team - at, judges)
            counts = table.every(ResultsCounted)
            is_over = bool(counts) and counts[-1].is_clear
            if len(set(results)) > 1 or at < team:
                assert is_over == is_certain, (results, at, judges)
            if is_over:
                (decided,) = table.every(WinnerDecided)
                best = Counter(so_far).most_common(1)[0][0]
                assert results[agents.index(decided.winner)] == best
                asked = table.every(StartTurn)
                assert len(asked) == team, "nobody was asked to vote"
                assert decided.winner in set(map(AgentId, agents))
                break
