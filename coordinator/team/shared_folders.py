"""The user's folders that a team file shares, and what comes back of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from agents.tools.workspace.shared_folders import SharedCopies, SharedFolder
from agents.tools.workspace.work_place import WorkPlace
from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from coordinator.team.team_file_schema import AgentEntry, SharedEntry, TeamConfig

_NAME = re.compile(r"[\w][\w .-]{0,99}")

_WAYS = {
    "never": "to read",
    "ask": "and may be changed: what the winner has changed is offered to the user",
    "always": "and may be changed: what the winner has changed is written there",
}


def shared_folders(entries: tuple[SharedEntry, ...]) -> tuple[SharedFolder, ...]:
    """The folders that ``entries`` name.

    Raises:
        ConfigInvalid: One is not there, or two have one name.
    """
    folders: dict[str, SharedFolder] = {}
    for entry in entries:
        path = Path(entry.path)
        name = entry.name or path.resolve().name
        if not path.exists():
            raise ConfigInvalid(
                f"shared: {entry.path} is not there; name a folder or a file that is"
            )
        if not _NAME.fullmatch(name):
            raise ConfigInvalid(
                f"shared: {name!r} is no name for {entry.path} in a workspace; give it "
                "a 'name' of letters and digits"
            )
        if name in folders:
            raise ConfigInvalid(
                f"shared: {folders[name].path} and {entry.path} are both {name!r}; "
                "give one another 'name'"
            )
        folders[name] = SharedFolder(
            name=name, path=path.absolute(), protect=entry.protect
        )
    return tuple(folders.values())


def shared_prompt(entries: tuple[SharedEntry, ...]) -> str:
    """The part of a system prompt that tells of the folders."""
    folders = shared_folders(entries)
    listed = "\n".join(
        f"- {folder.name}: {_WAYS[entry.write]}"
        for folder, entry in zip(folders, entries, strict=True)
    )
    return (
        "In your working folder are copies of the user's folders, your own alone:\n"
        f"{listed}\nWhat you change there is shown with your answer, as a difference."
    )


def folder_prompt(config: TeamConfig, entry: AgentEntry) -> str:
    """The part of a system prompt that tells of the working folder."""
    entries = config.file.shared_entries
    parts = [shared_prompt(entries)] if entries else []
    return "\n\n".join([*parts, OWN_FILES] if entry.workspace_shown else parts)


OWN_FILES = (
    "The files that you make in your working folder are shown with your answer, as a "
    "difference."
)
"""Told to an agent whose workspace is shown."""


def copies_of(config: TeamConfig, agent: str, session: str) -> SharedCopies | None:
    """``agent``'s copies of the folders whose changes may go back.

    Args:
        config: The team.
        agent: Whose copies; usually the winner's.
        session: The session's id.

    Returns:
        ``None``: the agent has no workspace, or nothing is to go back.
    """
    entry = next((each for each in config.agents if each.id == agent), None)
    back = tuple(each for each in config.file.shared_entries if each.write != "never")
    if entry is None or entry.workspace is None or not back:
        return None
    place = work_place(config, entry).of(session)
    return SharedCopies(shared_folders(back), place, workspaces(config))


def work_place(config: TeamConfig, entry: AgentEntry) -> WorkPlace:
    """The folder that an agent's tools work in, with copies of what is shared."""
    assert entry.workspace is not None
    return WorkPlace(
        Path(entry.workspace),
        entry.id,
        lasts=entry.workspace_lasts,
        shared=shared_folders(config.file.shared_entries),
        skips=workspaces(config),
        is_shown=entry.workspace_shown,
    )


def workspaces(config: TeamConfig) -> tuple[Path, ...]:
    """The agents' workspaces, which no copy holds."""
    named = {each.workspace for each in config.agents if each.workspace is not None}
    return tuple(Path(name).absolute() for name in sorted(named))
