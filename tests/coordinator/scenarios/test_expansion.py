"""Many scenarios of one file: extends, --set, count and matrix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.cli.scenario import ScenarioOptions, check_command, scenario_command
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.expansion import setting, span
from coordinator.scenarios.reader import read_scenarios
from coordinator.scenarios.runner import plays, run_scenario
from tests.coordinator.scenarios.conftest import SMALL


def _write(folder: Path, text: str, name: str = "tie.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_matrix_is_played_for_each_combination(tmp_path: Path) -> None:
    matrix = "matrix: {voting.policy: [slate, revision], seed: 0..2}\n"
    read = read_scenarios(_write(tmp_path, SMALL + matrix))
    assert len(read) == 6
    assert {one.config.rules.policy for one in read} == {"slate", "revision"}
    assert {one.file.seed for one in read} == {0, 1, 2}
    assert read[0].name == "Paris beats Lyon [voting.policy slate, seed 0]"


def test_a_matrix_of_mappings_has_outcomes_of_their_own(tmp_path: Path) -> None:
    matrix = (
        "matrix:\n  - {agents.ben.script.turns.1.lines.0.vote: Paris, expect.winner: "
        "ada}\n  - {runtime: trio, expect.tokens: 1}\n"
    )
    one, other = read_scenarios(_write(tmp_path, SMALL + matrix))
    assert run_scenario(one).differences == ()
    assert [play.runtime for play in plays(other, ("asyncio", "trio"))] == ["trio"]
    assert run_scenario(other).differences[0].startswith("tokens: expected 1")


def test_counted_agents_are_numbered_in_their_texts_too(tmp_path: Path) -> None:
    text = SMALL.replace("id: ben", "id: ben\n    count: 3").replace(
        "answer: Lyon", "answer: 'Lyon {n}'"
    )
    (read,) = read_scenarios(_write(tmp_path, text))
    assert [entry.id for entry in read.config.agents] == ["ada", "ben1", "ben2", "ben3"]
    report = run_scenario(read)
    assert report.result.answers[-1].content in {"Lyon 1", "Lyon 2", "Lyon 3"}


def test_a_file_begins_with_another(tmp_path: Path) -> None:
    _write(tmp_path, SMALL, "base.yaml")
    more = (
        "# Lyon wins where ben weighs more.\nextends: base.yaml\n"
        "agents:\n  - {id: ben, system: Be brief.}\n"
        "voting: {weights: {ben: 5}}\nexpect: {winner: adaa}\n"
    )
    with pytest.raises(ConfigInvalid, match=r"more\.yaml:6: expect\.winner: no agent"):
        read_scenarios(_write(tmp_path, more, "more.yaml"))
    (read,) = read_scenarios(_write(tmp_path, more.replace("adaa", "ada"), "more.yaml"))
    assert read.config.agents[1].system == "Be brief."
    assert read.config.rules.voting.rule.name == "plurality"
    assert read.config.rules.voting.weights == {"ben": 5}


def test_a_team_of_real_models_is_played_by_scripts(tmp_path: Path) -> None:
    team = "agents: [{id: ada, model: claude-haiku-5-5, system: Be kind.}]\n"
    _write(tmp_path, team, "team.yaml")
    play = (
        "# The real team's words are used.\nextends: team.yaml\n"
        "agents: [{id: ada, script: {turns: [{repeat: true, lines: [x]}]}}]\n"
        "expect:\n  status: answered\n"
        "  happens: [{model_asked: {agent: ada, system: Be kind}}]\n"
    )
    (read,) = read_scenarios(_write(tmp_path, play, "play.yaml"))
    assert run_scenario(read).differences == ()


def test_a_value_is_set_from_outside(tmp_path: Path) -> None:
    path = _write(tmp_path, SMALL)
    settings = dict(
        map(setting, ["voting.rule=borda", "agents.ada.system=Hi", "seed=3"])
    )
    (read,) = read_scenarios(path, settings)
    assert read.config.rules.voting.rule.name == "borda"
    assert read.config.agents[0].system == "Hi"
    assert read.file.seed == 3


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("matrix: {}", "matrix: maps paths to lists"),
        ("matrix: {seed: 1}", "matrix.seed: give a list of values, or a span"),
        ("matrix: [3]", "matrix[0]: is a mapping of paths"),
        ("matrix: {runtime: [curio]}", "'curio' is no event loop"),
        ("matrix: {agents.eve.system: [x]}", "leads nowhere: there is no 'eve'"),
        ("matrix: {seed.x: [1, 2]}", "expected int"),
        ("matrix: {seed: 0..2000}", "makes 2,001 scenarios"),
        ("extends: none.yaml", "extends: "),
        ("extends: tie.yaml", "the files extend one another in a circle"),
    ],
)
def test_what_makes_no_scenarios_is_refused(
    tmp_path: Path, more: str, told: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_scenarios(_write(tmp_path, f"{SMALL}{more}\n"))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0..2", [0, 1, 2]), ("3..3", [3]), ("7", [7]), ("2..1", []), ("x", [])],
)
def test_a_span_has_both_its_ends(text: str, numbers: list[int]) -> None:
    assert list(span(text) or ()) == numbers


def test_one_bad_file_hides_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, SMALL, "good.yaml")
    _write(tmp_path, SMALL + "  winer: ada\n", "bad.yaml")
    _write(tmp_path, SMALL.replace("Paris beats", "Odd") + "  tokens: {}\n", "odd.yaml")
    options = ScenarioOptions(paths=[tmp_path])
    assert scenario_command(options) == 1
    told = capsys.readouterr()
    assert "1 of 1 as expected; 2 files are not usable" in told.out
    assert "bad.yaml:18: expect.winer" in told.err
    assert "odd.yaml:18: expect.tokens" in told.err
    assert check_command(options) == 1
    assert "1 scenarios can be played, 2 files are" in capsys.readouterr().out
    chosen = ScenarioOptions(paths=[tmp_path], name_filter="good")
    assert scenario_command(chosen) == 0
    assert capsys.readouterr().err == ""


def test_reports_are_written_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, SMALL + "  winner: ben\n", "a.yaml")
    _write(tmp_path, SMALL + "  winer: ben\n", "b.yaml")
    options = ScenarioOptions(
        paths=[tmp_path], junit=tmp_path / "report.xml", is_json=True, durations=1
    )
    assert scenario_command(options) == 1
    report = (tmp_path / "report.xml").read_text()
    assert 'tests="2" failures="1" errors="1"' in report
    assert "winner: expected 'ben', was 'ada'" in report.replace("&#39;", "'")
    assert '"as_expected":0,"played":1' in capsys.readouterr().out


def test_it_stops_after_the_first_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        _write(tmp_path, SMALL + "  winner: ben\n", f"{name}.yaml")
    options = ScenarioOptions(paths=[tmp_path], fail_fast=True)
    assert scenario_command(options) == 2
    assert "0 of 1 as expected; 1 were not played" in capsys.readouterr().out


def test_what_tells_the_scenarios_of_a_matrix_apart_is_not_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = SMALL.replace("Paris beats Lyon", "Paris beats Lyon " + "and more " * 12)
    matrix = "matrix: {voting.rule: [plurality, borda]}\n"
    _write(tmp_path, long.replace("question:", matrix + "question:"), "a.yaml")
    assert scenario_command(ScenarioOptions(paths=[tmp_path])) == 0
    told = capsys.readouterr().out
    assert "… [voting.rule plurality]" in told
    assert "… [voting.rule borda]" in told


def test_a_number_stands_in_the_id_where_it_says_so(tmp_path: Path) -> None:
    text = SMALL.replace("id: ben", "id: ben{n}th\n    count: 2")
    (read,) = read_scenarios(_write(tmp_path, text))
    assert [entry.id for entry in read.config.agents] == ["ada", "ben1th", "ben2th"]


def test_an_id_that_is_not_usable_is_told_by_line(tmp_path: Path) -> None:
    path = _write(tmp_path, SMALL.replace("id: ben", "id: the ben"))
    with pytest.raises(ConfigInvalid, match=r":9: agents.*'the ben' is not usable"):
        read_scenarios(path)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("own_tools:lokup", r"tie.yaml:\d+: agents\[0\].*did you mean 'lookup'\?"),
        ("no_tools:lookup", r"tie.yaml:\d+: agents\[0\].*No module named 'no_tools'"),
        ("own_tools:CODES", r"tie.yaml:\d+: agents\[0\].*cannot be used"),
    ],
)
def test_a_tool_that_cannot_be_had_is_told_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], named: str, told: str
) -> None:
    own = 'CODES = {}\n\n\ndef lookup(code: str) -> str:\n    """Find it."""\n'
    _write(tmp_path, f"{own}    return code\n", "own_tools.py")
    _write(tmp_path, SMALL, "good.yaml")
    text = SMALL.replace("id: ada", f"id: ada\n    tools: ['{named}']")
    options = ScenarioOptions(paths=[_write(tmp_path, text), tmp_path], runtime="both")
    for command in (scenario_command, check_command):
        assert command(options) == 1
        out, err = capsys.readouterr()
        assert re.search(told, err), err
        assert len(err.splitlines()) == 1
        assert "2 of 2" in out or "1 scenarios can" in out


def test_a_judge_that_is_not_there_is_told_before_it_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, SMALL + "judge: tests:polite\n")
    assert check_command(ScenarioOptions(paths=[path])) == 1
    assert "tie.yaml:18: judge: judge 'tests:polite'" in capsys.readouterr().err


def test_files_that_extend_one_another_in_a_circle_are_told_once(
    tmp_path: Path,
) -> None:
    _write(tmp_path, "# One.\nextends: two.yaml\n", "one.yaml")
    _write(tmp_path, "# Two.\nextends: one.yaml\n", "two.yaml")
    circle = r"two.yaml:2: extends: .* circle: one.yaml → two.yaml → one.yaml$"
    with pytest.raises(ConfigInvalid, match=circle):
        read_scenarios(tmp_path / "one.yaml")


def test_a_file_that_is_not_there_has_one_like_it(tmp_path: Path) -> None:
    _write(tmp_path, SMALL, "base.yaml")
    path = _write(tmp_path, "# More.\nextends: bases.yaml\n", "more.yaml")
    with pytest.raises(ConfigInvalid, match=r"more.yaml:2: .*did you mean .*base.yaml"):
        read_scenarios(path)


def test_a_status_that_there_is_not_hides_no_other_fault(tmp_path: Path) -> None:
    text = SMALL.replace("status: answered", "status: answerd")
    text = text.replace("lines: [{answer: Lyon", "lines: [{anser: Lyon")
    with pytest.raises(ConfigInvalid) as caught:
        read_scenarios(_write(tmp_path, text))
    assert "did you mean 'answered'?" in str(caught.value)
    assert "anser" in str(caught.value)


def test_a_tab_is_told_as_one(tmp_path: Path) -> None:
    path = _write(tmp_path, "# Tabs.\nagents:\n\t- id: ada\n")
    with pytest.raises(ConfigInvalid, match=r":3: not YAML.* spaces, not tabs"):
        read_scenarios(path)


def test_a_file_is_played_once_however_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, SMALL)
    again = tmp_path / ".." / tmp_path.name / path.name
    assert scenario_command(ScenarioOptions(paths=[path, tmp_path, again])) == 0
    assert "1 of 1 as expected" in capsys.readouterr().out
