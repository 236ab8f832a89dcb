from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import run
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import parse
from coordinator.massgen.conversion import Converted, convert, team_of
from coordinator.team.emulation import at_work, to_emulate
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import SharedEntry, TeamConfig

AGENTS = """\
agents:
- id: a
  backend: {type: openai, model: gpt-5-mini, cwd: work1}
- id: b
  backend: {type: claude, model: claude-haiku-4-5, cwd: work2}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("docs", "other/docs"):
        Path(name).mkdir(parents=True)
    Path("docs/guide.md").write_text("Guide\n")


def of(text: str) -> Converted:
    return convert(parse(text, Path("their.yaml")), {})


def team(text: str) -> TeamConfig:
    return team_of(of(text))


def rows(text: str) -> dict[str, tuple[str, str]]:
    return {row.key: (row.verdict, row.note) for row in of(text).rows}


def test_context_paths_are_shared_and_those_to_write_are_offered() -> None:
    config = team(
        AGENTS + "orchestrator:\n  context_paths:\n  - docs\n"
        "  - {path: other/docs, permission: write, protected_paths: [x.html]}\n"
    )
    here = Path.cwd()
    assert config.file.shared_entries == (
        SharedEntry(path=str(here / "docs")),
        SharedEntry(
            path=str(here / "other/docs"),
            name="docs-2",
            write="ask",
            protect=("x.html",),
        ),
    )


def test_a_path_that_is_not_there_is_refused_as_massgen_refuses_it() -> None:
    with pytest.raises(ConfigInvalid, match="'nowhere' is not to be found"):
        team(AGENTS + "orchestrator: {context_paths: [{path: nowhere}]}\n")


def test_without_a_folder_to_work_in_nobody_reads_them() -> None:
    told = rows(
        "agents:\n- {id: a, backend: {type: openai, model: gpt-5-mini}}\n"
        "orchestrator: {context_paths: [{path: docs}]}\n"
    )
    verdict, note = told["orchestrator.context_paths"]
    assert (verdict, "add one" in note) == ("not supported", True)


def test_skills_are_given_to_every_agent() -> None:
    text = AGENTS + "orchestrator: {coordination: {use_skills: true}}\n"
    assert team(text).agents[0].skill_folders == ()
    skill = Path(".agent/skills/notes")
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: notes\ndescription: Notes.\n---\n")
    for agent in team(text).agents:
        assert agent.skill_folders == (str(Path(".agent/skills").absolute()),)
    off = rows(AGENTS + "orchestrator: {skills_directory: .agent/skills}\n")
    assert off["orchestrator.skills_directory"] == ("no effect", "skills are off")


SNAPSHOTS = (
    "orchestrator: {snapshot_storage: snapshots, agent_temporary_workspace: temp}\n"
)


def test_a_workspace_is_shown_to_others_where_massgen_copies_it_for_them() -> None:
    shown = team(AGENTS + SNAPSHOTS)
    assert [agent.workspace_shown for agent in shown.agents] == [True, True]
    told = rows(AGENTS + SNAPSHOTS)
    assert told["orchestrator.agent_temporary_workspace"][0] == "honoured"
    assert not team(AGENTS).agents[0].workspace_shown
    bare = "agents:\n- {id: a, backend: {type: openai, model: gpt-5-mini}}\n"
    told = rows(bare + SNAPSHOTS)
    assert told["orchestrator.agent_temporary_workspace"][0] == "no effect"


SCRIPTED = """\
agents:
- id: ada
  backend: scripted
  tools: [text_editor]
  workspace: work
  workspace_shown: true
  script:
    turns:
    - lines:
      - tool: str_replace_based_edit_tool
        input: {command: create, path: index.html, file_text: "<h1>Ada</h1>"}
    - lines: [{answer: See index.html.}]
    - lines: [{vote: ada}]
    - lines: [The page is done.]
- id: bob
  backend: scripted
  script: {turns: [{lines: [{answer: I would not know.}]}, {lines: [{vote: ada}]}]}
voting: {policy: massgen}
limits: {answers_per_agent: 1}
"""


async def test_voters_see_the_files_that_an_answer_is_about() -> None:
    config = parse_team(SCRIPTED, Path("team.yaml"))
    async with at_work(config) as working:
        result = await run("Make a page.", working)
    assert result.winner == "ada"
    (answer,) = (each for each in result.answers if each.agent == "ada")
    assert "The files in its author's workspace:" in answer.content
    assert "+<h1>Ada</h1>" in answer.content


CHECKLIST = """\
orchestrator:
  voting_sensitivity: checklist_gated
  coordination:
    checklist_criteria_inline:
    - {text: It compiles., category: must}
    - It has comments.
"""


def test_a_checklist_becomes_a_rubric_by_its_own_criteria() -> None:
    rules = team(AGENTS + CHECKLIST).rules
    first, second = rules.voting.each_criterion()
    assert (first.about, first.weight) == ("It compiles.", 3.0)
    assert (second.about, second.weight) == ("It has comments.", 2.0)
    told = rows(AGENTS + CHECKLIST)
    assert told["orchestrator.voting_sensitivity"][0] == "honoured"
    bare = AGENTS + "orchestrator: {voting_sensitivity: checklist_gated}\n"
    names = [each.name for each in team(bare).rules.voting.each_criterion()]
    assert names == ["correctness", "completeness", "clarity"]


@pytest.mark.real_time
async def test_a_team_with_a_rubric_and_folders_comes_to_an_answer() -> None:
    text = AGENTS + CHECKLIST + "  context_paths: [{path: docs}]\n"
    async with at_work(to_emulate(team(text))) as working:
        result = await run("Improve the guide.", working)
    assert result.status == "answered", result.detail
    assert result.answer
