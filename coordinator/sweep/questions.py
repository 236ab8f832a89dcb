"""Sets of questions: files of JSON lines or CSV, in our form or a common set's. Pure.

A line is one question. The forms of GSM8K, MMLU, MMLU-Pro, GPQA, ARC, AIME and MATH
are known by their keys; any other, inspect's ``Sample`` among them, is read by a
mapping of fields, as inspect's ``FieldSpec`` has it (``input``, ``target``,
``choices``, ``id``).
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import msgspec

from coordinator.errors import ConfigInvalid

Row: TypeAlias = dict[str, Any]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of choices; a set of more is refused."""
QUESTIONS_MOST = 1_000_000
LINE_BYTES = 8_000_000
"""A longer line is no question; csv has a limit of its own."""

CHOOSE = (
    "Choose one of these and end your answer with a line of this form, the letter "
    "alone: Answer: {example}"
)

_FIELDS = ("id", "question", "reference", "choices")
_ALIASES = {"input": "question", "target": "reference"}
"""inspect's words for ours."""
_BOXED = re.compile(r"\\boxed\{")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a set."""

    id: str
    """Unique in its set."""
    question: str
    """As the team is asked; choices are in it."""
    reference: tuple[str, ...] = ()
    """The right answers, any of them; for choices, the letter. Empty: not known."""
    choices: tuple[str, ...] = ()
    """The choices, in the order of the letters."""


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys of a row hold what; empty: the form of the row says."""

    id: str = ""
    question: str = ""
    reference: str = ""
    choices: str = ""


BY_FORM = Fields()
"""Every key is known by the form of the row."""


def fields_of(words: str, reference: str | None = None) -> Fields:
    """Read ``question=Problem,reference=Answer`` (or inspect's ``input``, ``target``).

    Raises:
        ConfigInvalid: A name is none of these, or a pair is not written so.
    """
    columns: dict[str, str] = {}
    for pair in filter(None, words.split(",")):
        name, is_pair, key = pair.partition("=")
        name = _ALIASES.get(name.strip(), name.strip())
        if not is_pair or name not in _FIELDS or not key.strip():
            known = ", ".join((*_FIELDS, *_ALIASES))
            raise ConfigInvalid(
                f"--fields {pair!r} cannot be read; write NAME=KEY with a name of "
                f"{known}"
            )
        columns[name] = key.strip()
    if reference is not None:
        columns["reference"] = reference
    return Fields(**columns)


def read_questions(path: Path, fields: Fields = BY_FORM) -> tuple[Question, ...]:
    """Read a file of questions.

    Args:
        path: ``*.csv`` has a header; anything else has a JSON object on each line.
        fields: Which keys hold what, where the form is no known one.

    Raises:
        ConfigInvalid: The file cannot be read, or a line of it; with the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigInvalid(f"{str(path)!r} cannot be read: {why}") from error
    rows = _csv_rows(path, text) if path.suffix == ".csv" else _json_rows(path, text)
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for line, row in rows:
        place = f"{str(path)!r}, line {line}"
        question = _question(row, fields, line, place)
        if question.id in lines:
            raise ConfigInvalid(
                f"{place}: id {question.id!r} is that of line {lines[question.id]}; "
                "ids differ"
            )
        lines[question.id] = line
        questions.append(question)
        if len(questions) > QUESTIONS_MOST:
            raise ConfigInvalid(
                f"{str(path)!r} has more than {QUESTIONS_MOST:,} questions; part it"
            )
    if not questions:
        raise ConfigInvalid(f"{str(path)!r} holds no question; a line is one")
    return tuple(questions)


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    # By "\n" alone: other separators may stand in a string of JSON.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row: object = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ConfigInvalid(
                f"{str(path)!r}, line {number} is no JSON: {error}; write one object "
                "on each line"
            ) from error
        if not isinstance(row, dict):
            raise ConfigInvalid(
                f"{str(path)!r}, line {number} is {str(row)[:40]!r}; "
                'write an object: {"id": …, "question": …}'
            )
        yield number, cast("Row", row)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(LINE_BYTES)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            plain = cast("Row", dict(row))
            if None in cast("dict[Any, Any]", plain):
                raise ConfigInvalid(
                    f"{str(path)!r}, line {reader.line_num} has more cells than the "
                    "header; put quotes around a cell with a comma"
                )
            if any(plain.values()):
                yield reader.line_num, plain
    except csv.Error as error:
        raise ConfigInvalid(
            f"{str(path)!r}, line {reader.line_num}: {error}"
        ) from error


def _question(row: Row, fields: Fields, line: int, place: str) -> Question:
    """A row as a question, by the mapping, then by its form."""
    form = _known_form(row)
    text = _text(row, fields.question, place) if fields.question else form.question
    if text is None or not text.strip():
        keys = ", ".join(list(row)[:12])
        raise ConfigInvalid(
            f"{place} holds no question (its keys: {keys}); name the key: "
            "--fields question=KEY"
        )
    name = _text(row, fields.id, place) if fields.id else form.id
    choices, labels = form.choices, form.labels
    if fields.choices:
        choices, labels = _choices(_value(row, fields.choices, place), place), ()
    if len(choices) > len(LETTERS):
        raise ConfigInvalid(
            f"{place} has {len(choices)} choices; there are {len(LETTERS)} letters"
        )
    right = _value(row, fields.reference, place) if fields.reference else form.right
    reference = _references(right)
    if choices:
        text = _with_choices(text, choices)
        reference = _letters(right, choices, place, labels)
    return Question(
        id=(name or "").strip() or f"line{line}",
        question=text,
        reference=reference,
        choices=choices,
    )


class _Form(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a question in a known form."""

    id: str | None = None
    question: str | None = None
    right: object = None
    """The reference, as it stands there."""
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """The set's own names of the choices."""


def _known_form(row: Row) -> _Form:
    lower = {key.strip().casefold(): value for key, value in row.items()}
    name = _first(lower, "id", "question_id", "record id", "task_id", "unique_id")
    if "correct answer" in lower and "incorrect answer 1" in lower:
        return _gpqa(lower, name)
    question = _first(lower, "question", "problem", "input", "prompt")
    answer = lower.get("answer", lower.get("answerkey"))
    options, labels = _labelled(lower.get("options", lower.get("choices")))
    if options:
        right = lower.get("target") if answer is None else answer
        return _Form(
            id=name, question=question, right=right, choices=options, labels=labels
        )
    right = next((lower[key] for key in ("reference", "target") if key in lower), None)
    if isinstance(answer, str) and "####" in answer:  # GSM8K
        right = _after_hashes(answer)
    elif "problem" in lower:  # AIME, MATH
        right = _references(answer) or _boxed(lower.get("solution"))
    elif right is None and not isinstance(answer, dict):
        right = answer
    return _Form(id=name, question=question, right=right)


def _gpqa(lower: Mapping[str, Any], name: str | None) -> _Form:
    """GPQA: the right answer is among the wrong ones where a draw by its words says."""
    question = str(lower.get("question") or "")
    right = str(lower["correct answer"]).strip()
    wrong = [str(lower.get(f"incorrect answer {n}") or "").strip() for n in (1, 2, 3)]
    choices = [right, *filter(None, wrong)]
    seed = hashlib.sha256(question.encode("utf-8", "replace")).digest()
    random.Random(seed).shuffle(choices)  # noqa: S311  (an order, no secret)
    letter = LETTERS[choices.index(right)]
    return _Form(id=name, question=question, right=letter, choices=tuple(choices))


def _with_choices(question: str, choices: Sequence[str]) -> str:
    named = zip(LETTERS, choices, strict=False)
    lines = [f"{letter}) {choice}" for letter, choice in named]
    return "\n".join([question.strip(), "", *lines, "", CHOOSE.format(example="A")])


def _labelled(value: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choices and what their set calls them: a list, or as ARC and CommonsenseQA do."""
    labels: object = ()
    if isinstance(value, dict):
        both = cast("Row", value)
        value, labels = both.get("text"), both.get("label")
    return _strings(value), _strings(labels)


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return ()
    return tuple(str(one) for one in cast("Sequence[object]", value))


def _letters(
    value: object, choices: Sequence[str], place: str, labels: Sequence[str] = ()
) -> tuple[str, ...]:
    """References as letters; a number is an index, and never a choice that reads so.

    Args:
        value: Letters, labels, choices' own words or indices; -1 and nothing: unknown.
        choices: What may be chosen.
        place: The line, for messages.
        labels: What the set itself calls the choices.

    Raises:
        ConfigInvalid: It is none of the choices.
    """
    if isinstance(value, list | tuple):
        many = cast("Sequence[object]", value)
        each_one = (_letters(one, choices, place, labels) for one in many)
        return tuple(letter for letters in each_one for letter in letters)
    if value is None or value in ("", -1):
        return ()
    if isinstance(value, int) and not isinstance(value, bool):
        if value < len(choices):
            return (LETTERS[value],)
    elif isinstance(value, str):
        bare = _after_hashes(value).strip()
        if bare in labels:
            return (LETTERS[labels.index(bare)],)
        if len(bare) == 1 and bare.upper() in LETTERS[: len(choices)]:
            return (bare.upper(),)
        if bare in choices:
            return (LETTERS[choices.index(bare)],)
        if bare.isdecimal() and int(bare) < len(choices):
            return (LETTERS[int(bare)],)
    raise ConfigInvalid(
        f"{place}: the reference {value!r:.60} is none of its {len(choices)} choices"
    )


def _references(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        many = cast("Sequence[object]", value)
        return tuple(text for one in many for text in _references(one))
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (_after_hashes(value).strip(),)
    return (msgspec.json.encode(value).decode(),)


def _after_hashes(text: str) -> str:
    return text.rpartition("####")[2].strip() if "####" in text else text


def _boxed(solution: object) -> tuple[str, ...]:
    """The content of the last box of a worked solution, with the box."""
    if not isinstance(solution, str):
        return ()
    boxes = [*_BOXED.finditer(solution)]
    return (solution[boxes[-1].start() :],) if boxes else ()


def _choices(value: object, place: str) -> tuple[str, ...]:
    if isinstance(value, str):
        text = value
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = [part.strip() for part in text.split("|")]
    if not isinstance(value, list) or not value:
        raise ConfigInvalid(
            f"{place}: choices are a list, or texts with | between; not {value!r:.40}"
        )
    return tuple(str(one) for one in cast("list[object]", value))


def _first(lower: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        value: object = lower.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, list):  # inspect's list of messages: what users say
            return _of_messages(cast("list[object]", value))
    return None


def _of_messages(messages: Sequence[object]) -> str | None:
    texts: list[str] = []
    for message in messages:
        if isinstance(message, dict):
            content: object = cast("Row", message).get("content")
            if isinstance(content, str):
                texts.append(content)
    return "\n\n".join(texts) or None


def _value(row: Row, key: str, place: str) -> object:
    if key not in row:
        keys = ", ".join(list(row)[:12])
        raise ConfigInvalid(f"{place} has no {key!r}; it has {keys}")
    return row[key]


def _text(row: Row, key: str, place: str) -> str | None:
    value = _value(row, key, place)
    if isinstance(value, list):
        return _of_messages(cast("list[object]", value))
    return None if value is None else str(value)
