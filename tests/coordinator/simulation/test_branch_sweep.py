"""Random sessions are cut and branched, and what is not true is left out."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import Label
from coordinator.protocol.events import MachineInput
from coordinator.recovery import branch
from coordinator.simulation.branch_sweep import sweep
from coordinator.simulation.invariants import Violation


def test_three_hundred_sessions_are_branched_into_what_is_true() -> None:
    assert sum(sweep(seed) for seed in range(300)) == 900


def _as_it_was(label: Label, *_: object) -> Label:
    return label


def _from_some_time_on(what: MachineInput, *_: object) -> bool:
    return what.at > 5.0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("_label_now", _as_it_was), ("_is_true", _from_some_time_on)],
)
def test_a_branch_that_takes_over_what_is_not_true_is_caught(
    name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branch, name, wrong)
    with pytest.raises(Violation):
        sum(sweep(seed) for seed in range(3000))
