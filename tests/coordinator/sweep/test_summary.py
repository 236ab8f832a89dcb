"""The summary of a sweep, checked by hand."""

from __future__ import annotations

import pytest

from coordinator.sweep.outcome import Outcome
from coordinator.sweep.summary import summarised
from coordinator.sweep.table import told


def _outcome(team: str, question: int, seed: int = 0, **said: object) -> Outcome:
    usual: dict[str, object] = {"agents": 2, "tokens": 100, "is_right": True}
    return Outcome(
        session=f"{team}-{question}-{seed}",
        team=team,
        question=f"q{question}",
        seed=seed,
        status="answered",
        **(usual | said),  # type: ignore[arg-type]
    )


def test_one_question_is_no_interval_and_proves_nothing() -> None:
    one = _outcome("one", 1, is_right=True, tokens=100)
    other = _outcome("other", 1, is_right=False, tokens=300)
    summary = summarised([one, other])
    assert not any(each.is_clear for each in summary.differences)
    row = told(summary).splitlines()[1]
    assert row.split()[-2:] == ["100", "0.00"]


def test_three_of_three_questions_do_not_make_a_team_clearly_better() -> None:
    outcomes = [
        _outcome(team, n, is_right=team == "one")
        for n in range(3)
        for team in ("one", "other")
    ]
    found = next(each for each in summarised(outcomes).differences)
    assert (found.of, found.better, found.worse) == ("accuracy", 3, 0)
    assert found.difference.value == 1.0
    assert found.difference.low < 0.5


def test_seeds_of_a_question_are_averaged_before_questions_are() -> None:
    right = {(0, 0): True, (0, 1): True, (1, 0): True, (1, 1): False, (2, 0): False}
    outcomes = [_outcome("t", q, seed, is_right=ok) for (q, seed), ok in right.items()]
    accuracy = summarised(outcomes).teams[0].accuracy
    assert accuracy is not None
    # Means 1, 1/2, 0: s = 1/2, and t of two degrees of freedom is 4.303.
    assert accuracy.value == pytest.approx(0.5)
    assert (accuracy.low, accuracy.high) == (0.0, 1.0)  # 0.5 -+ 1.24, kept in bounds


def test_a_share_of_right_answers_has_wilsons_interval() -> None:
    outcomes = [_outcome("t", n, is_right=n < 1) for n in range(29)]
    accuracy = summarised(outcomes).teams[0].accuracy
    assert accuracy is not None
    assert (accuracy.low, accuracy.high) == pytest.approx((0.0061, 0.1718), abs=1e-4)
