from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents import Agent
from agents.errors import ToolFailed
from agents.tools.skills import SkillReader, skills_prompt
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.reader import read_team
from coordinator.team.skill_folders import read_skills

SKILL = """\
---
name: {name}
description: >
  Writes release notes.
  Use it for CHANGELOG files.
---
# Steps
Read `style.md` first.
"""


def skill(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL.format(name=name))
    (folder / "style.md").write_text("Short sentences.\n")
    return folder


async def ask(reader: SkillReader, **given: str) -> str:
    return await reader.call(msgspec.Raw(msgspec.json.encode(given)))


async def test_a_skill_is_listed_in_the_prompt_and_read_by_the_tool(
    tmp_path: Path,
) -> None:
    skill(tmp_path / "b", "notes-b")
    skill(tmp_path / "a", "notes-a")
    skills = read_skills("ada", [str(tmp_path)])
    assert [each.name for each in skills] == ["notes-a", "notes-b"]
    listed = skills_prompt(skills)
    assert "- notes-a: Writes release notes. Use it for CHANGELOG files." in listed
    reader = SkillReader(skills)
    told = await ask(reader, skill="notes-a")
    assert "# Steps" in told
    assert "/style.md" in told
    assert await ask(reader, skill="notes-b", file="style.md") == "Short sentences.\n"


async def test_a_reader_stays_within_its_skills(tmp_path: Path) -> None:
    skill(tmp_path / "skills" / "a", "notes")
    (tmp_path / "secret").write_text("x")
    reader = SkillReader(read_skills("ada", [str(tmp_path / "skills")]))
    with pytest.raises(ToolFailed, match="outside"):
        await ask(reader, skill="notes", file="../../secret")
    with pytest.raises(ToolFailed, match="there is no skill 'other'"):
        await ask(reader, skill="other")
    with pytest.raises(ToolFailed, match="not usable"):
        await ask(reader, file="x")


def test_a_folder_that_is_a_skill_itself_may_be_named(tmp_path: Path) -> None:
    (one,) = read_skills("ada", [str(skill(tmp_path / "a", "notes"))])
    assert one.folder == (tmp_path / "a").resolve()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# No front matter\n", "no 'name'"),
        ("---\nname: x\n---\n", "no 'description'"),
        ("---\nname: x\n", "no 'name'"),
        ("---\nname: [x\n---\n", "a skill begins with"),
        ("---\n- x\n---\n", "no 'name'"),
        (f"---\nname: {'x' * 65}\ndescription: y\n---\n", "more than 64"),
    ],
)
def test_what_is_no_skill_is_refused_by_its_file(
    text: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "SKILL.md").write_text(text)
    with pytest.raises(ConfigInvalid, match=problem):
        read_skills("ada", [str(tmp_path)])


def test_folders_without_skills_and_names_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="is no folder"):
        read_skills("ada", [str(tmp_path / "nowhere")])
    with pytest.raises(ConfigInvalid, match=r"no SKILL\.md"):
        read_skills("ada", [str(tmp_path)])
    skill(tmp_path / "a", "notes")
    skill(tmp_path / "b", "notes")
    with pytest.raises(ConfigInvalid, match="two skills are named 'notes'"):
        read_skills("ada", [str(tmp_path)])


def test_a_team_file_gives_any_makers_agent_its_skills(tmp_path: Path) -> None:
    skill(tmp_path / "skills" / "a", "notes")
    (tmp_path / "team.yaml").write_text(
        "defaults: {skill_folders: [skills], base_url: http://127.0.0.1:9/v1}\n"
        "agents:\n"
        "- {id: ada, model: claude-haiku-4-5, system: Be brief.}\n"
        "- {id: bob, model: ollama/qwen3}\n"
    )
    team = assemble(read_team(tmp_path / "team.yaml"), environment={})
    ada, bob = team.agents
    assert isinstance(ada, Agent)
    assert isinstance(bob, Agent)
    assert ada.system.startswith("Be brief.\n\nSkills:")
    assert [tool.name for tool in bob.tools] == ["read_skill"]
