"""Whether an answer is right, by a reference."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.sweep.grading import is_right
from coordinator.sweep.questions import Question


def _asked(*reference: str, choices: tuple[str, ...] = ()) -> Question:
    return Question(id="q", question="?", reference=reference, choices=choices)


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("41", "41", True),
        ("The answer is **41**.", "41", True),
        ("It is 40.\nNo: the answer is 41", "41", True),
        ("So she has 1,072 clips left.", "1072", True),
        ("So she has 1,072 clips left, of 2,000.", "1072", False),
        ("The answer is 42. I had thought 41", "42", False),
        ("\\boxed{0.5}", "\\boxed{\\frac{1}{2}}$.", True),
        ("The capital of Australia is Canberra.", "Canberra", True),
        ("It is Sydney, and not Canberra of course", "Canberra", False),
        ("anthropology", "pology", False),
        ("41.0", "41", True),
        ("-41", "41", False),
        ("", "41", False),
        ("<think>It is 42?</think>\n\nIt is 41.", "41", True),
        ("<think>41", "41", False),
    ],
)
def test_an_answer_is_read_by_what_it_ends_in(
    answer: str, reference: str, right: bool
) -> None:
    assert is_right(answer, None, _asked(reference)) is right


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("Answer: B", "B"),
        ("The answer is (C).", "C"),
        ("**Answer:** C", "C"),
        ("A is wrong, since …\nso the right choice is B", "B"),
        ("B) green", "B"),
        ("\\boxed{A}", "A"),
        ("green", "B"),
        ("A tree is no colour", ""),
        # As graders elsewhere have got it wrong (omlx 3668, simple-evals 33, helm 2939,
        # lm-evaluation-harness 2237, tpu-inference 3518).
        ("The answer is B. Note that A is a common distractor.", "B"),
        ("ANSWER IS C. A is incorrect.", "C"),
        ("The answer is C because I computed the integral.", "C"),
        ("The answer is a bit subtle.\nB", "B"),
        ("Antwort:\n\nAntwort: C", "C"),
        ("**Antwort: B**", "B"),
        ("C. 12", "C"),
        ("the answer is (A)", "A"),
        ("<think>The answer is A.</think>\nAnswer: B", "B"),
        ("Both are close. The answer is A", "A"),
        ("Answer: A\nAnswer: B", "B"),
        ("Answer: F", ""),
    ],
)
def test_a_choice_is_read_by_its_letter(answer: str, letter: str) -> None:
    for right in "ABC":
        asked = _asked(right, choices=("red", "green", "blue"))
        assert is_right(answer, None, asked) is (letter == right)


@pytest.mark.parametrize(
    "value", [41, "41", {"answer": 41}, {"n": 41.0}, {"answer": "41", "why": "because"}]
)
def test_a_structured_answer_is_its_value(value: Any) -> None:
    assert is_right("see the value", value, _asked("40", "41"))


def test_nobody_is_right_or_wrong_without_a_reference() -> None:
    assert is_right("41", None, _asked()) is None
    assert is_right(None, None, _asked("41")) is False
