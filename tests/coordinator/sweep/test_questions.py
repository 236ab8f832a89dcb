"""Sets of questions: their forms, and what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coordinator.errors import ConfigInvalid
from coordinator.sweep.questions import BY_FORM, Question, fields_of, read_questions


def _read(tmp_path: Path, *rows: object, **fields: str) -> tuple[Question, ...]:
    path = tmp_path / "set.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    mapping = ",".join(f"{name}={key}" for name, key in fields.items())
    return read_questions(path, fields_of(mapping) if mapping else BY_FORM)


def test_our_own_form_has_an_id_a_question_and_a_reference(tmp_path: Path) -> None:
    row = {"id": "a1", "question": "What?", "reference": "41"}
    assert _read(tmp_path, row) == (
        Question(id="a1", question="What?", reference=("41",)),
    )


def test_gsm8k_has_its_reference_behind_four_hashes(tmp_path: Path) -> None:
    row = {"question": "How many?", "answer": "48/2=<<48/2=24>>24\n#### 1,072"}
    (read,) = _read(tmp_path, row)
    assert (read.id, read.reference) == ("line1", ("1,072",))


def test_mmlu_pro_is_asked_with_its_letters(tmp_path: Path) -> None:
    row = {
        "question_id": 70,
        "question": "Which?",
        "options": ["red", "green", "blue"],
        "answer": "C",
        "answer_index": 2,
        "category": "art",
    }
    (read,) = _read(tmp_path, row)
    assert (read.id, read.reference) == ("70", ("C",))
    assert "C) blue" in read.question
    assert "Answer: A" in read.question


def test_mmlu_says_the_right_choice_by_its_index(tmp_path: Path) -> None:
    row = {"question": "Which?", "choices": ["x", "y"], "answer": 1}
    assert _read(tmp_path, row)[0].reference == ("B",)


def test_an_index_is_no_choice_that_reads_like_it(tmp_path: Path) -> None:
    row = {"question": "Which?", "choices": ["8", "2", "24", "120"], "answer": 2}
    assert _read(tmp_path, row)[0].reference == ("C",)
    mapped = _read(tmp_path, row, reference="answer", choices="choices")
    assert mapped[0].reference == ("C",)
    written = {**row, "answer": "2"}
    assert _read(tmp_path, written)[0].reference == ("B",)


def test_choices_may_bring_labels_of_their_own(tmp_path: Path) -> None:
    choices = {"text": ["8", "2", "24", "120"], "label": ["1", "2", "3", "4"]}
    row = {"id": "x", "question": "Which?", "choices": choices, "answerKey": "3"}
    (read,) = _read(tmp_path, row)
    assert read.choices == ("8", "2", "24", "120")
    assert read.reference == ("C",)


def test_what_a_mapping_names_is_read_as_in_a_form(tmp_path: Path) -> None:
    row = {"question": "Which?", "Wahl": ["x", "y"], "target": "y"}
    assert _read(tmp_path, row, choices="Wahl")[0].reference == ("B",)
    told = {"question": "Which?", "choices": ["x", "y"], "answer": "it is y", "key": 1}
    assert _read(tmp_path, told, reference="key")[0].reference == ("B",)
    many = {"question": "Which?", "choices": [*map(str, range(30))], "answer": 28}
    with pytest.raises(ConfigInvalid, match="there are 26 letters"):
        _read(tmp_path, many)


@pytest.mark.parametrize("answer", [7, "blue", "E", ["A", "blue"], True])
def test_a_reference_that_is_no_choice_is_refused_with_its_line(
    tmp_path: Path, answer: object
) -> None:
    row = {"question": "Which?", "choices": ["x", "y"], "answer": answer}
    with pytest.raises(ConfigInvalid, match=r"line 1: .* is none of its 2 choices"):
        _read(tmp_path, row)


@pytest.mark.parametrize("answer", [None, "", -1])
def test_a_set_may_keep_its_references_to_itself(
    tmp_path: Path, answer: object
) -> None:
    row = {"question": "Which?", "choices": ["x", "y"], "answer": answer}
    assert _read(tmp_path, row)[0].reference == ()


def test_an_answer_is_a_reference_where_nothing_else_is(tmp_path: Path) -> None:
    rows = [{"question": "How many?", "answer": 41}, {"question": "?", "answer": "x"}]
    assert [one.reference for one in _read(tmp_path, *rows)] == [("41",), ("x",)]
    structured = {"question": "Who?", "answer": {"value": "x", "aliases": ["y"]}}
    assert _read(tmp_path, structured)[0].reference == ()


def test_gpqa_mixes_the_right_answer_among_the_wrong_ones_alike_each_time(
    tmp_path: Path,
) -> None:
    rows = [
        {
            "Record ID": f"rec{n}",
            "Question": f"Which of {n}?",
            "Correct Answer": "right ",
            "Incorrect Answer 1": "w1",
            "Incorrect Answer 2": "w2",
            "Incorrect Answer 3": "w3",
        }
        for n in range(20)
    ]
    read = _read(tmp_path, *rows)
    assert read == _read(tmp_path, *rows)
    assert {"A", "B", "C", "D"} == {one.reference[0] for one in read}
    for one in read:
        assert one.choices["ABCD".index(one.reference[0])] == "right"


def test_aime_and_math_have_a_problem(tmp_path: Path) -> None:
    aime = {"ID": "2024-I-1", "Problem": "Find n.", "Solution": "…", "Answer": 204}
    math = {"problem": "Find x.", "solution": "So $\\boxed{\\frac{1}{2}}$."}
    first, second = _read(tmp_path, aime, math)
    assert (first.id, first.reference) == ("2024-I-1", ("204",))
    assert second.reference == ("\\boxed{\\frac{1}{2}}$.",)


def test_inspects_samples_are_read_by_their_own_words(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Which is it?"}]
    row = {"input": messages, "target": ["B"], "choices": ["x", "y"], "id": 7}
    (read,) = _read(tmp_path, row)
    assert (read.id, read.reference) == ("7", ("B",))
    assert read.question.startswith("Which is it?")


def test_any_other_form_is_read_by_a_mapping(tmp_path: Path) -> None:
    row = {"Aufgabe": "Was?", "Wahl": ["x", "y"], "Lösung": "y"}
    (read,) = _read(tmp_path, row, input="Aufgabe", choices="Wahl", target="Lösung")
    assert read.reference == ("B",)


def test_csv_may_have_lines_and_commas_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text('\ufeffid,question,reference\r\n1,"a, b\nc",x\r\n\r\n', "utf-8")
    (read,) = read_questions(path)
    assert (read.id, read.question, read.reference) == ("1", "a, b\nc", ("x",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no question"),
        ('{"question": "a"}\n[1]', "line 2 is"),
        ('{"question": "a"', "line 1 is no JSON"),
        ('{"text": "a"}', "--fields question=KEY"),
        ('{"question": " "}', "holds no question"),
        ('{"id": 1, "question": "a"}\n{"id": 1, "question": "b"}', "that of line 1"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_what_is_no_set_is_refused_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigInvalid, match=words):
        read_questions(path)


def test_a_key_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="has no 'Frage'; it has question"):
        _read(tmp_path, {"question": "a"}, question="Frage")
    with pytest.raises(ConfigInvalid, match="cannot be read; write NAME=KEY"):
        fields_of("questoin=Frage")
