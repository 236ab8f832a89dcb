"""Tasks by name, and values that are no criterion."""

from __future__ import annotations

import math

import pytest

from agents.protocol.chunks import Part
from agents.protocol.turns import (
    Criterion,
    Divide,
    Draft,
    Present,
    Review,
    Task,
    Work,
    task_name,
)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Draft(), "draft"),
        (Review(answers=(), ballot=None, may_revise=True), "review"),
        (Present(answers=()), "present"),
        (Divide(parts=2, workers=3), "divide"),
        (Work(part=Part(title="sums", instructions="Add.")), "work"),
    ],
)
def test_every_task_has_a_name(task: Task, name: str) -> None:
    assert task_name(task) == name


def test_a_criterion_has_a_name_and_a_weight() -> None:
    assert Criterion(name="clear", weight=0.5).name == "clear"
    with pytest.raises(ValueError, match="say in a word what is scored"):
        Criterion(name=" ")
    for weight in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match="the weight of criterion 'clear'"):
            Criterion(name="clear", weight=weight)
