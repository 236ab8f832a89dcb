"""Agent Skills in the open form, for any model: a list in the prompt, and a reader.

A skill is a folder with a ``SKILL.md``: a name and a description in its front matter,
then instructions, and beside it whatever files those name (agentskills.io,
by public copies of its specification, read 2026-12-01).
Only names and descriptions are in the prompt; the rest is read when a task calls for
it, so that many skills cost little. Finding them on disk is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from agents.boundary.threads import in_thread
from agents.errors import ToolFailed
from agents.protocol.backend import ToolSpec
from agents.tools.workspace.folder import Folder

INSTRUCTIONS = "SKILL.md"
NAME_CHARS = 64
DESCRIPTION_CHARS = 1024
"""The most that the open form allows of each."""
TOOL = "read_skill"


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """One skill, as the prompt lists it."""

    name: str
    description: str
    folder: Path
    """Where its files are."""


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The tool's input."""

    skill: str
    file: str = INSTRUCTIONS


_decoder = msgspec.json.Decoder(_Asked)


def skills_prompt(skills: Sequence[Skill]) -> str:
    """The part of a system prompt that lists ``skills``; empty where there are none."""
    if not skills:
        return ""
    listed = "\n".join(f"- {each.name}: {each.description}" for each in skills)
    return (
        "Skills: instructions for certain tasks. Where one fits the task, read it with "
        f"{TOOL} before you begin, and follow it.\n{listed}"
    )


class SkillReader:
    """Reads the instructions of a skill, or another file of it.

    Args:
        skills: Those that it knows, of different names.
    """

    rerunnable = True

    def __init__(self, skills: Sequence[Skill]) -> None:
        self._skills = {skill.name: skill for skill in skills}
        schema = {
            "type": "object",
            "properties": {
                "skill": {"type": "string", "enum": list(self._skills)},
                "file": {
                    "type": "string",
                    "description": f"A file of the skill; {INSTRUCTIONS} if absent.",
                },
            },
            "required": ["skill"],
            "additionalProperties": False,
        }
        self.spec = ToolSpec(
            name=TOOL,
            description="Reads a skill's instructions, or a file that they name.",
            input_schema=msgspec.Raw(msgspec.json.encode(schema)),
        )

    @property
    def name(self) -> str:
        """The tool's name, as the model calls it."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> str:
        """Read one file; a skill's instructions end with the names of its files.

        Raises:
            ToolFailed: There is no such skill or file, or it is no text.
        """
        try:
            request = _decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"the input is not usable: {error}") from error
        skill = self._skills.get(request.skill)
        if skill is None:
            known = ", ".join(self._skills)
            raise ToolFailed(f"there is no skill {request.skill!r}; there are: {known}")
        return await in_thread(lambda: _read(skill, request.file))


def _read(skill: Skill, file: str) -> str:
    folder = Folder(skill.folder)
    text = folder.read(file)
    if file != INSTRUCTIONS:
        return text
    files = folder.listing(folder.inside("."))
    return f"{text.rstrip()}\n\nFiles of this skill, in {skill.folder}:\n{files}"
