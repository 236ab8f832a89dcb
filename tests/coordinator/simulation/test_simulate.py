"""``coordinator simulate`` as a person and as a program meet it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from coordinator.cli import main
from coordinator.consensus import conclusion as ending
from coordinator.consensus.transition import Move
from coordinator.protocol.events import Conclude

Simulate: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def simulate(capsys: pytest.CaptureFixture[str]) -> Simulate:
    """Run ``coordinator simulate`` with these words; its code and what it said."""

    def run_it(*words: str) -> tuple[int, str, str]:
        code = main(("simulate", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_it


def _forgets_the_answer(m: Move, *_: object, **__: object) -> None:
    m.out.append(Conclude(status="failed", winner=None, label=None, answer=None))
    m.s.phase = "concluded"


def test_it_says_how_the_sessions_ended(simulate: Simulate) -> None:
    code, out, err = simulate("--generate", "--runs", "40", "--seed", "3")
    assert code == 0
    assert "40 sessions" in out
    assert "0 violations" in out
    assert "answered" in out
    assert "40 of 40" in err


def test_json_is_one_object(simulate: Simulate) -> None:
    code, out, _ = simulate("--runs", "20", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["runs"] == 20
    assert sum(told["statuses"].values()) == 20
    assert told["failures"] == []


def test_a_violation_is_one_line_to_see_it_again_and_exit_code_1(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "conclude", _forgets_the_answer)
    code, out, _ = simulate("--runs", "1", "--seed", "7", "--faults", "stall")
    assert code == 1
    assert "the best answer so far is given" in out
    assert "coordinator simulate --runs 1 --seed 7 --faults stall" in out


def test_a_violation_is_kept_as_a_small_file_that_shows_it_again(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ending, "conclude", _forgets_the_answer)
        simulate("--runs", "1", "--seed", "7", "--keep", str(tmp_path))
        (kept,) = tmp_path.iterdir()
        code, out, _ = simulate(str(kept))
        assert code == 1
        assert "the best answer so far is given" in out
    assert simulate(str(kept))[0] == 0


def test_without_faults_nothing_goes_wrong_by_itself(simulate: Simulate) -> None:
    _, out, _ = simulate("--runs", "200", "--faults", "none", "--json")
    assert "interrupted" not in json.loads(out)["statuses"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--faults", "gremlins"), "'gremlins'"),
        (("--runs", "0"), "--runs 0"),
        (("--workers", "0"), "--workers 0"),
        (("no-such-file.yaml",), "no-such-file.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    simulate: Simulate, words: tuple[str, ...], said: str
) -> None:
    code, _, err = simulate(*words)
    assert code == 1
    assert said in err


def test_workers_find_the_same_as_one(simulate: Simulate) -> None:
    _, alone, _ = simulate("--runs", "600", "--json")
    _, together, _ = simulate("--runs", "600", "--workers", "2", "--json")
    assert json.loads(alone) == json.loads(together)


def test_the_same_worlds_go_through_the_real_shell(simulate: Simulate) -> None:
    code, out, _ = simulate("--shell", "--runs", "10", "--json")
    assert code == 0
    assert json.loads(out)["runs"] == 10


def test_attacks_have_a_table_of_rates(simulate: Simulate) -> None:
    code, out, _ = simulate("--attacks", "--runs", "2")
    assert code == 0
    assert "Fences broken: 0" in out
    assert "gullible" in out


def test_a_scenario_is_played_whatever_its_agents_do(simulate: Simulate) -> None:
    name = "a_tie_may_go_to_a_runoff_among_the_tied.yaml"
    file = Path(__file__).parents[3] / "scenarios" / "rules" / name
    code, out, _ = simulate(str(file), "--runs", "30", "--seed", "5")
    assert code == 0
    assert "30 sessions" in out
    assert "0 violations" in out
    assert "slate" in out
