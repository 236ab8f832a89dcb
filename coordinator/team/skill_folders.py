"""Folders of Agent Skills that a team file names, read.

A folder is a skill where it has a ``SKILL.md``; otherwise each folder below it that has
one is. Front matter is read with care: it is YAML, and anybody may have written it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from agents.tools.skills import (
    DESCRIPTION_CHARS,
    INSTRUCTIONS,
    NAME_CHARS,
    Skill,
)
from coordinator.errors import ConfigInvalid

SKILLS_MOST = 200
"""Each has a line in the prompt of every request."""
HEAD_CHARS = 20_000
"""Front matter is no longer than this."""


def read_skills(agent: str, folders: Sequence[str]) -> tuple[Skill, ...]:
    """Read the skills of ``folders``, by name.

    Args:
        agent: Whose they are, for what is said if one cannot be used.
        folders: Paths, filled in.

    Raises:
        ConfigInvalid: A folder is not there or holds no skill, one has no name or no
            description, or two have one name.
    """
    skills: dict[str, Skill] = {}
    for folder in folders:
        for path in _instructions(agent, Path(folder)):
            skill = _skill(agent, path)
            if (other := skills.get(skill.name)) is not None:
                raise ConfigInvalid(
                    f"agent {agent!r}: two skills are named {skill.name!r}, in "
                    f"{other.folder} and {skill.folder}; rename one"
                )
            skills[skill.name] = skill
    if len(skills) > SKILLS_MOST:
        raise ConfigInvalid(
            f"agent {agent!r} has {len(skills)} skills, and {SKILLS_MOST} are the "
            "most; name fewer folders"
        )
    return tuple(skills[name] for name in sorted(skills))


def _instructions(agent: str, folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigInvalid(
            f"agent {agent!r}: skill_folders: {folder} is no folder; name one with "
            f"skills, each a folder with a {INSTRUCTIONS}"
        )
    if (folder / INSTRUCTIONS).is_file():
        return [folder / INSTRUCTIONS]
    paths = sorted(folder.glob(f"*/{INSTRUCTIONS}"))
    if not paths:
        raise ConfigInvalid(
            f"agent {agent!r}: skill_folders: no {INSTRUCTIONS} is in {folder} or in a "
            "folder below it; name a folder with skills"
        )
    return paths


def _skill(agent: str, path: Path) -> Skill:
    import yaml  # noqa: PLC0415  (20 ms, and few teams have skills)

    try:
        text = path.read_text("utf-8-sig")
        fields: Any = yaml.safe_load(_front_matter(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise _unusable(agent, path, str(error)) from error
    front = cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
    name = " ".join(str(front.get("name") or "").split())
    description = " ".join(str(front.get("description") or "").split())
    if not name or not description:
        lacking = "description" if name else "name"
        raise _unusable(agent, path, f"its front matter has no {lacking!r}")
    if len(name) > NAME_CHARS:
        raise _unusable(agent, path, f"its name has more than {NAME_CHARS} characters")
    return Skill(
        name=name,
        description=description[:DESCRIPTION_CHARS],
        folder=path.parent.resolve(),
    )


def _front_matter(text: str) -> str:
    """The text between the first line, ``---``, and the next such line."""
    lines = text[:HEAD_CHARS].splitlines()
    if not lines or lines[0].strip() != "---":
        return ""
    ends = [n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"]
    return "\n".join(lines[1 : ends[0]]) if ends else ""


def _unusable(agent: str, path: Path, problem: str) -> ConfigInvalid:
    return ConfigInvalid(
        f"agent {agent!r}: {path}: {problem}; a skill begins with '---', a name, a "
        "description and '---'"
    )
