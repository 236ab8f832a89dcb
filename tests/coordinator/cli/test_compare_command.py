"""``coordinator compare``: on simulated teams, and on recorded outcomes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[4] / "shared" / "outcomes"

Run = Callable[..., tuple[int, str, str]]


def _problem(number: int, answers: list[str | None]) -> dict[str, Any]:
    return {
        "dataset": "sums",
        "model": "m",
        "problem": number,
        "gold": "41",
        "answers": answers,
        "tokens": [100] * len(answers),
    }


def _verdict(judge: str, pair: int, *, right: bool) -> dict[str, Any]:
    return {
        "pair": f"p{pair}",
        "judge": judge,
        "prompt": "Plain",
        "swapped": False,
        "verdict": "1" if right else "2",
        "right": "1",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Problems that counting solves, judges of whom one is good, and programs."""
    mostly = ["41"] * 11 + [" 41.0 "] * 2 + ["42", "43", "44", None] * 2
    problems = [_problem(number, list(mostly)) for number in range(4)]
    (tmp_path / "sums.jsonl").write_text(
        "\n".join(json.dumps(line) for line in problems), "utf-8"
    )
    verdicts = [
        _verdict(judge, pair, right=right)
        for pair in range(40)
        for judge, right in (
            ("sage", pair % 10 != 0),
            ("fool", pair % 2 == 0),
            ("wag", pair % 2 == 0),
        )
    ]
    with gzip.open(tmp_path / "verdicts.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in verdicts)
    program = {
        "task": "t",
        "right": [1, 0, 0, 0, 0, 0, 0],
        "passes": [[1, 1], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]],
        "author": [-1, 0],
    }
    (tmp_path / "programs.jsonl").write_text(json.dumps(program) + "\n", "utf-8")
    return tmp_path


def _rows(out: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["data"], row["policy"]): row for row in json.loads(out)}


def test_policies_are_replayed_on_recorded_outcomes(run: Run, folder: Path) -> None:
    code, out, err = run("compare", "--outcomes", str(folder), "--json")
    assert (code, err) == (0, "")
    rows = _rows(out)
    one = rows["sums", "one draft"]
    counted = rows["sums", "7 drafts, counted"]
    grown = rows["sums", "grown until the posterior is .9"]
    assert one["right"]["value"] == pytest.approx(13 / 21, abs=0.1)
    assert counted["right"]["value"] > 0.95
    assert counted["gain"]["value"] > 0.2
    assert grown["tokens"] < rows["sums", "16 drafts, counted"]["tokens"] * 0.6
    weighed = rows["3 judges of pairs", "learned weights"]["right"]["value"]
    alike = rows["3 judges of pairs", "equal weights"]["right"]["value"]
    assert weighed > alike + 0.2
    assert rows["programs with checks", "one check"]["right"]["value"] == 1
    first = rows["programs with checks", "until the first passes one check"]
    assert first["right"]["value"] == 1
    assert first["drafts"] < 7


def test_the_same_seed_draws_the_same_teams(run: Run, folder: Path) -> None:
    words = ("compare", "--outcomes", str(folder), "--json", "--seed")
    assert run(*words, "5") == run(*words, "5")
    assert run(*words, "5") != run(*words, "6")


def test_the_table_says_right_gain_and_tokens(run: Run, folder: Path) -> None:
    code, out, _ = run("compare", "--outcomes", str(folder))
    assert code == 0
    assert out.startswith("sums (4)\n")
    assert "7 drafts, counted" in out
    assert "no network, nothing simulated" in out


def test_answers_are_read_as_mathematics_writes_them(run: Run, tmp_path: Path) -> None:
    """The forms of public data sets: LaTeX, numbers, a name for a problem."""
    forms: list[tuple[Any, list[Any]]] = [
        (r"\frac{14}{3}", ["14/3", r"\dfrac{14}{3}", "4 2/3", r"$\frac{28}6$"]),
        (r"\left( 3, \frac{\pi}{2} \right)", ["(3, pi/2)", r"(3,\frac{\pi}{2})"]),
        (r"1,-2", ["x = -2 or x = 1", r"\{-2, 1\}", "-2, 1"]),
        (70000, ["$70,000", 70000, 7e4, "#### 70000", r"70{,}000"]),
        (r"x \in [-2,7]", ["[-2,7]", r"-2 \le x \le 7"]),
        (r"\text{Evelyn}", ["Evelyn", "**evelyn**"]),
        (r"90^\circ", ["90", "90 degrees", "90°"]),
        (r"3\sqrt{13}", [r"\sqrt{117}", "3√13"]),
    ]
    lines = [
        _problem(1, answers * 8)
        | {"dataset": "forms", "problem": f"test/{at}.json", "gold": gold}
        for at, (gold, answers) in enumerate(forms)
    ]
    (tmp_path / "forms.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    code, out, err = run("compare", "--outcomes", str(tmp_path), "--json")
    assert (code, err) == (0, "")
    assert _rows(out)["forms", "one draft"]["right"]["value"] == 1.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "bad.jsonl:1: Input data was truncated"),
        ('{"a": 1}', "bad.jsonl:1: has none of 'answers', 'verdict' and 'passes'"),
        (
            json.dumps(_problem(1, ["a"]) | {"tokens": []}),
            "bad.jsonl:1: 1 answers and 0 counts of tokens; give one of each",
        ),
        (
            '{"task":"t","right":[1],"passes":[],"author":[]}',
            "bad.jsonl:1: 1 programs are right or not, but 0 were tested",
        ),
        (
            '{"task":"t","right":[1],"passes":[[1]],"author":[]}',
            "bad.jsonl:1: a row of 'passes' has not one place for each 'author'",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named(
    run: Run, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "bad.jsonl").write_text(line, "utf-8")
    code, out, err = run("compare", "--outcomes", str(tmp_path))
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.parametrize("data", [b"not gzip", gzip.compress(b"{}", mtime=0)[:-6], b""])
def test_a_file_that_is_damaged_is_named(run: Run, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(data)
    code, out, err = run("compare", "--outcomes", str(tmp_path))
    if data:
        assert (code, out) == (1, "")
        assert "bad.jsonl.gz: cannot be read" in err
    else:
        assert code == 1
        assert "holds nothing" in err


def test_a_folder_without_data_says_what_belongs_there(
    run: Run, tmp_path: Path
) -> None:
    code, _, err = run("compare", "--outcomes", str(tmp_path))
    assert code == 1
    assert "holds no *.jsonl nor *.jsonl.gz" in err
    code, _, err = run("compare", "--outcomes", str(tmp_path / "none"))
    assert "is no folder" in err


def test_policies_are_compared_on_request(run: Run) -> None:
    few = ("--size", "3", "--situation", "unanimous", "--contender", "slate")
    code, out, _ = run("compare", *few, "--runs", "2", "--json")
    assert code == 0
    assert json.loads(out)


@pytest.mark.parametrize("wrong", ["no_such_thing=1", "json=1", "revise"])
def test_an_assumption_that_there_is_none_of_is_refused(run: Run, wrong: str) -> None:
    code, _, err = run("compare", "--assume", wrong)
    assert code == 1
    assert wrong.partition("=")[0] in err


def test_a_picture_that_cannot_be_written_is_refused_before_anything(run: Run) -> None:
    code, _, err = run("compare", "--plot", "/nowhere/a.svg")
    assert code == 1
    assert "--plot /nowhere/a.svg" in err


def test_counting_and_checking_meet_their_targets_on_recorded_models(run: Run) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"recorded outcomes are not at {SHARED}")
    code, out, _ = run("compare", "--outcomes", str(SHARED), "--json")
    assert code == 0
    rows = _rows(out)

    def right(data: str, policy: str) -> float:
        return rows[data, policy]["right"]["value"]

    assert (
        right("aime2024", "7 drafts, counted") >= right("aime2024", "one draft") + 0.07
    )
    gpqa = right("gpqa_diamond", "7 drafts, counted")
    assert gpqa >= right("gpqa_diamond", "one draft") + 0.03
    for data in ("aime2024", "gpqa_diamond"):
        grown = rows[data, "grown until the posterior is .9"]
        many = rows[data, "16 drafts, counted"]
        assert grown["right"]["value"] >= many["right"]["value"] - 0.005
        assert grown["tokens"] <= 0.5 * many["tokens"]
    programs = "programs with checks"
    worst, best = right(programs, "one program"), right(programs, "any is right")
    for policy, least in (("one check", 0.55), ("three checks", 0.8)):
        assert (right(programs, policy) - worst) / (best - worst) >= least
    first = right(programs, "until the first passes one check")
    assert first >= right(programs, "one check") - 0.01
    judges = "4 judges of pairs"
    weighed = right(judges, "learned weights")
    assert weighed >= right(judges, "the best judge alone") - 0.02
    assert weighed >= right(judges, "equal weights") + 0.15
