"""A kept session becomes a scenario that plays to the same outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from coordinator.cli.replay import prove_folder
from coordinator.errors import ConfigInvalid
from coordinator.journal.reader import read_session
from coordinator.scenarios.from_journal import scenario_of
from coordinator.scenarios.reader import (
    Scenario,
    find_scenarios,
    parse_scenario,
    read_scenario,
)
from coordinator.scenarios.rehearsal import Rehearsal
from coordinator.scenarios.runner import run_scenario
from coordinator.session.session import open_session
from coordinator.team.builder import assemble, closing
from coordinator.testing import run_virtual

ROOT = Path(__file__).parents[3]
FILES = tuple(find_scenarios([ROOT / "scenarios" / "rules"]))
NAMES = (
    "a_decided_vote_stops_the_rest",
    "a_late_answer_voids_the_votes_that_had_not_seen_it",
    "a_person_may_be_one_of_the_team",
    "a_stream_that_ends_without_a_stop_reason_is_no_answer_and_is_asked_for_again",
    "a_tool_that_fails_is_told_and_the_turn_goes_on",
    "an_overloaded_model_is_asked_again_and_the_answer_counts",
    "score_elects_the_largest_sum_of_points",
    "the_presenter_may_ask_for_another_round_with_instructions",
    "tools_that_are_called_together_run_side_by_side",
)
by_name = pytest.mark.parametrize("name", NAMES)


async def _keep(scenario: Scenario, root: Path) -> None:
    rehearsal = Rehearsal(scenario.file)
    async with (
        closing(assemble(scenario.config, environment={})) as team,
        rehearsal.acted(
            open_session(
                scenario.question,
                rehearsal.team(team),
                session_id="kept",
                journal=root,
            )
        ) as session,
    ):
        await session.wait()


@by_name
def test_a_session_plays_again_to_its_outcome(name: str, tmp_path: Path) -> None:
    scenario = read_scenario(ROOT / "scenarios" / "rules" / f"{name}.yaml")
    run_virtual(partial(_keep, scenario, tmp_path))
    text = scenario_of(read_session(tmp_path, "kept"))
    again = parse_scenario(text, Path("kept.scenario.yaml"))
    for runtime in ("asyncio", "trio"):
        assert run_scenario(again, runtime=runtime).differences == ()


def test_a_session_without_an_end_is_no_scenario(tmp_path: Path) -> None:
    scenario = read_scenario(FILES[0])

    async def leave() -> None:
        async with (
            closing(assemble(scenario.config, environment={})) as team,
            open_session("Why?", team, session_id="left", journal=tmp_path),
        ):
            pass

    run_virtual(leave)
    with pytest.raises(ConfigInvalid, match="has no result yet; resume it first"):
        scenario_of(read_session(tmp_path, "left"))


def test_a_folder_of_journals_is_proved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = read_scenario(ROOT / "scenarios" / "rules" / f"{NAMES[0]}.yaml")
    run_virtual(partial(_keep, scenario, tmp_path))
    (tmp_path / "broken.journal").write_bytes(b"no journal")
    assert prove_folder(tmp_path) == 1
    told = capsys.readouterr().out
    assert "kept.journal  ok, answered" in told
    assert "broken.journal  cannot be read" in told
    assert "1 of 2 decide what they decided" in told
    with pytest.raises(ConfigInvalid, match="holds no journal"):
        prove_folder(ROOT / "scenarios")


def test_a_scenario_is_shown_as_a_session_and_kept(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    name = "an_agent_alone_answers_and_that_is_that"
    path = str(ROOT / "scenarios" / "rules" / f"{name}.yaml")
    code, out, _ = run(
        "run", "-c", path, "--display", "plain", "--journal", str(tmp_path)
    )
    assert code == 0
    assert "why it won: " in out
    (session,) = [one.stem for one in tmp_path.glob("*.journal")]
    code, out, err = run(
        "sessions", "export", session, "--format", "scenario",
        "--journal", str(tmp_path),
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.startswith(f"# Session {session} ends as it did")
