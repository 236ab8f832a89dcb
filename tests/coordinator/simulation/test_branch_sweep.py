"""Random sessions are cut and branched, and what is not true is left out."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import Label
from coordinator.recovery import branch
from coordinator.simulation.branch_sweep import sweep
from coordinator.simulation.invariants import Violation


def test_three_hundred_sessions_are_branched_into_what_is_true() -> None:
    assert sum(sweep(seed) for seed in range(300)) == 900


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("_label_now", lambda label, _old, _new: Label(label)),
        ("_is_true", lambda what, *_: what.at > 5.0),
    ],
)
def test_a_branch_that_takes_over_what_is_not_true_is_caught(
    name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branch, name, wrong)
    with pytest.raises(Violation):
        sum(sweep(seed) for seed in range(3000))
