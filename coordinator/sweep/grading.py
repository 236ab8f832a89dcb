"""Grading of an answer, by a reference. Pure.

Numbers are compared by their value, choices by their letter, texts without case, blanks
and mark-up (:mod:`agents.tools.result_equality`). An answer in prose is read by how it
ends.
"""

from __future__ import annotations

import re
from typing import cast

import msgspec

from agents.tools.result_equality import final_result, value_result
from agents.tools.result_text import text_result
from coordinator.sweep.questions import LETTERS, Question

_NUMBER = re.compile(r"[-\u2212]?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_LETTER = r"(?:([B-HJ-Z])|([AI])(?!\s+\w)|\(([A-Za-z])\)|([a-z])(?=\W*$))"
"""A letter that is a choice: "a" and "I" are words where another word follows."""
_SAID_LETTER = re.compile(
    rf"\b(?i:answer|choice|option)\b(?i:\s+is\b)?[\W_]{{0,6}}{_LETTER}(?![\w'\u2019])"
)
_LAST_LETTER = re.compile(r"[:\uff1a]\W{0,4}([A-Z])\W*$")
_FIRST_LETTER = re.compile(r"\W{0,3}([A-Z])(?:\W{0,2}$|[).:](?!\w))")
_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.DOTALL)
"""A model's reasoning that some servers leave in an answer."""
_WORD_END = " \t\r\n.!;,:*_`\"')]}$"


def is_right(answer: str | None, value: object, question: Question) -> bool | None:
    """Whether an answer is one of the question's references.

    Args:
        answer: Its words; ``None``: there is none, which is wrong.
        value: The structured answer, decoded; ``None``: there is none.
        question: What was asked.

    Returns:
        ``None`` where the question has no reference.
    """
    if not question.reference:
        return None
    answer = without_reasoning(answer)
    if answer is None and value is None:
        return False
    if question.choices:
        return choice_of(answer or "", value, question) in question.reference
    wanted = {_result(reference) for reference in question.reference}
    if wanted & set(_values(value)):
        return True
    if answer is None:
        return False
    result = final_result(answer)
    if result and result in wanted:
        return True
    return any(_ends_with(answer, one, result) for one in question.reference)


def result_of(answer: str | None, value: object, question: Question) -> str:
    """The result of an answer, for people to compare; empty: it has none."""
    answer = without_reasoning(answer)
    if question.choices:
        return choice_of(answer or "", value, question) or ""
    values = _values(value)
    return values[0] if values else final_result(answer or "")


def choice_of(answer: str, value: object, question: Question) -> str | None:
    """The letter that an answer chooses; ``None``: it chooses none."""
    known = LETTERS[: len(question.choices)]
    structured = _values(value)
    boxed = final_result(answer).upper()
    for text in (*(one.upper() for one in structured), boxed):
        if len(text) == 1 and text in known:
            return text
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    for number, line in enumerate(reversed(lines)):
        letters: list[str] = [
            next(filter(None, groups)) for groups in _SAID_LETTER.findall(line)
        ]
        if not letters and not number:  # the last line may be the letter alone
            alone = _LAST_LETTER.search(line) or _FIRST_LETTER.match(line)
            letters = [alone[1]] if alone else []
        if letters and letters[-1].upper() in known:
            return letters[-1].upper()
    first = _FIRST_LETTER.match(lines[0]) if lines else None
    if first and first[1] in known:
        return first[1]
    texts = [text_result(choice) for choice in question.choices]
    for text in (*structured, final_result(answer)):
        if text and texts.count(text) == 1:
            return LETTERS[texts.index(text)]
    return None


def without_reasoning(answer: str | None) -> str | None:
    """The answer without what a model has thought aloud before it."""
    if answer is None or "<think" not in answer:
        return answer
    return _REASONING.sub("", answer).strip()


def _result(reference: str) -> str:
    r"""A reference's own result: what its ``\boxed{}`` holds, or all of it."""
    return final_result(reference) if "\\boxed" in reference else text_result(reference)


def _values(value: object) -> list[str]:
    """Results that a structured answer may mean: itself, and its one or its answer."""
    if value is None:
        return []
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        members = cast("dict[str, object]", plain)
        named = [members[key] for key in ("answer", "result") if key in members]
        if len(members) == 1:
            named = [*members.values()]
        return [value_result(one) for one in (*named, members)]
    return [value_result(plain)]


def _ends_with(answer: str, reference: str, result: str) -> bool:
    """Whether prose ends in the reference: its last number, or its last words."""
    wanted = _result(reference)
    if _NUMBER.fullmatch(wanted):
        if result and _NUMBER.fullmatch(result):
            return False  # it says plainly that it is another
        numbers = _NUMBER.findall(answer)
        return bool(numbers) and text_result(numbers[-1].rstrip(",")) == wanted
    lines = answer.strip().splitlines()
    last = " ".join(lines[-1].casefold().split()).rstrip(_WORD_END) if lines else ""
    ending = " ".join(reference.casefold().split()).strip(_WORD_END)
    if not ending or not last.endswith(ending):
        return False
    before = last[: -len(ending)]
    return not before or not before[-1].isalnum()
