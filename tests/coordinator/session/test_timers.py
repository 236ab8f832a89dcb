"""Timers: one that is armed anew rings at its new time alone."""

from __future__ import annotations

from typing import Any

import coordinator
from coordinator.consensus.rules import Straggler
from tests.coordinator.session.conftest import MakeTeam, drafts, presents, votes

AGAIN = {"reason": "too short", "instructions": "name the river"}


def asks_for_another_round() -> dict[str, Any]:
    line = {"tool": "restart_orchestration", "input": AGAIN, "delay_s": 1.0}
    offered = {"task": "present", "offered": "restart_orchestration"}
    return {"when": offered, "lines": [line]}


def revises(answer: str, after_s: float) -> dict[str, Any]:
    told = {"task": "review", "told": AGAIN["instructions"]}
    return {"when": told, "lines": [{"answer": answer, "delay_s": after_s}]}


async def test_stragglers_of_a_new_round_are_not_cut_by_the_timer_of_the_last(
    team: MakeTeam,
) -> None:
    # The first round's timer would ring at 100 s: amid the second round, whose own is
    # armed at 36 s and rings past 200.
    cities = team(
        {
            "ada": [
                drafts("Paris", 10.0),
                revises("Paris, on the Seine", 20.0),
                votes("Paris", 1.0),
                asks_for_another_round(),
                presents("Paris."),
            ],
            "bob": [drafts("Lyon", 10.1), revises("Lyon 2", 20.1), votes("Paris", 1.1)],
            "cy": [drafts("Nice", 11.2), revises("Nice 2", 120.3), votes("Paris", 1.2)],
        },
        policy="slate",
        restarts=1,
        straggler=Straggler(share=0.6, factor=10.0),
    )
    result = await coordinator.run("The capital of France?", cities)
    assert result.status == "answered", result.detail
    assert "Nice 2" in {answer.content for answer in result.answers}
