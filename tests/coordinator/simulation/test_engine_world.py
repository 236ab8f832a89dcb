"""Random sessions through the real shell keep every invariant; a seed is a session."""

from __future__ import annotations

import msgspec
import pytest

from agents.actor.actor import Actor
from agents.protocol.chunks import TurnNumber
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import Output, StartTurn
from coordinator.simulation.engine_world import play, shell_campaign
from coordinator.simulation.generate import setting
from coordinator.simulation.invariants import Violation

pytestmark = pytest.mark.long


def test_a_hundred_random_sessions_keep_every_invariant() -> None:
    *_, report = shell_campaign(0, 100)
    assert report.failures == ()
    assert report.runs == 100
    assert {"answered", "deadline"} <= set(report.statuses)


@pytest.mark.parametrize("seed", [3, 11, 42])
def test_a_seed_is_a_session_schedule_and_all(seed: int) -> None:
    once, _ = play(setting(seed))
    again, _ = play(setting(seed))
    # Each session has a nonce of its own, which stands in what is asked.
    one, other = (
        [
            event
            for event in watched.events
            if isinstance(event, Output) and not isinstance(event, StartTurn)
        ]
        for watched in (once, again)
    )
    assert one == other
    assert once.result == again.result


def test_a_shell_that_forgets_to_cancel_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ignores(_actor: Actor, _turn: TurnNumber, _reason: str) -> None:
        return

    monkeypatch.setattr(Actor, "cancel", ignores)
    *_, report = shell_campaign(0, 60)
    assert report.failures


def test_a_result_that_is_not_the_conclusion_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = Ledger.result

    def wrong(*words: object, **named: object) -> object:
        made = result(*words, **named)  # type: ignore[arg-type]
        return msgspec.structs.replace(made, answer="something else")

    monkeypatch.setattr(Ledger, "result", wrong)
    with pytest.raises(Violation, match="the result is the conclusion"):
        play(setting(1))
