"""From the folders of a MassGen configuration to those of a team file.

``context_paths`` become ``shared``: each agent with a ``cwd`` has a copy of its own,
and what the winner has changed of those with ``permission: write`` is offered to the
user. Skills become ``skill_folders``. A path that is not there is refused, as MassGen
refuses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from coordinator.massgen.configuration import Json
from coordinator.massgen.custom_tools import package_folder
from coordinator.massgen.ledger import Ledger
from coordinator.team.yaml_document import Where

ORCHESTRATOR = ("orchestrator",)
COORDINATION = ("orchestrator", "coordination")
SKILLS = ".agent/skills"
"""MassGen's ``skills_directory`` where nothing is said."""


def sought(ledger: Ledger, path: str) -> Path | None:
    """A file that a configuration names: from here, or from a folder above itself."""
    folder = ledger.document.path.absolute().parent
    for base in (Path.cwd(), folder, *folder.parents):
        if (candidate := base / Path(path).expanduser()).exists():
            return Path(os.path.abspath(candidate))  # noqa: PTH100  (no link is resolved)
    return None


def shared(ledger: Ledger, orchestrator: Json, *, has_workspace: bool) -> list[Json]:
    """The ``context_paths`` as entries of ``shared``."""
    paths = orchestrator.get("context_paths")
    place = (*ORCHESTRATOR, "context_paths")
    if not isinstance(paths, list):
        return []
    if not paths:
        ledger.honour(place, "there are none")
        return []
    if not has_workspace:
        ledger.decline(place, "no agent has a 'cwd' to read them in; add one")
        return []
    ledger.honour(place, "as 'shared': a copy for each agent with a 'cwd'")
    numbered = enumerate(cast("list[Any]", paths))
    entries = [_entry(ledger, (*place, number), entry) for number, entry in numbered]
    return _named(filter(None, entries))


def _entry(ledger: Ledger, place: Where, entry: object) -> Json:
    fields = cast("Json", entry) if isinstance(entry, dict) else {"path": entry}
    path = str(fields.get("path") or "")
    folder = sought(ledger, path) if path else None
    if folder is None:
        problem = (
            f"{path!r} is not to be found from here or from the configuration's "
            "folder; check the path"
        )
        ledger.refuse(place, "folders that are not there", problem)
        return {}
    converted: Json = {"path": str(folder)}
    may_write = fields.get("permission") == "write"
    for key, value in fields.items():
        match key:
            case "path":
                ledger.honour((*place, key), f"as {folder}")
            case "permission":
                note = "the winner's changes are offered" if may_write else ""
                ledger.honour((*place, key), note)
            case "protected_paths" if isinstance(value, list):
                converted["protect"] = [str(x) for x in cast("list[Any]", value)]
                ledger.honour((*place, key), "as 'protect'")
            case _:
                ledger.decline((*place, key), "no such key of a shared folder")
    if may_write:
        converted["write"] = "ask"
    return converted


def _named(entries: Iterator[Json]) -> list[Json]:
    """Let no two have one name: those after the first get a number."""
    named: list[Json] = []
    taken: set[str] = set()
    for entry in entries:
        name = base = Path(str(entry["path"])).resolve().name or "root"
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        named.append({**entry, "name": name} if name != base else entry)
    return named


def skill_folders(ledger: Ledger, orchestrator: Json, coordination: Json) -> list[str]:
    """The folders of skills that all agents have."""
    is_on = bool(coordination.get("use_skills"))
    if "use_skills" in coordination:
        ledger.honour(
            (*COORDINATION, "use_skills"),
            "as 'skill_folders'" if is_on else "they are off, as here",
        )
    folder = str(
        coordination.get("skills_directory")
        or orchestrator.get("skills_directory")
        or SKILLS
    )
    place = sought(ledger, folder)
    has_some = place is not None and _has_skills(place)
    for holder, section in ((orchestrator, ORCHESTRATOR), (coordination, COORDINATION)):
        if "skills_directory" not in holder:
            continue
        if not is_on:
            ledger.pass_over((*section, "skills_directory"), "skills are off")
        elif has_some:
            ledger.honour((*section, "skills_directory"), "as 'skill_folders'")
        else:
            note = f"no folder with a SKILL.md is in {folder}"
            ledger.pass_over((*section, "skills_directory"), note)
    if not is_on:
        return []
    own = [str(place)] if place is not None and has_some else []
    return [*own, *_of_the_package(ledger, coordination)]


def _has_skills(folder: Path) -> bool:
    here = folder / "SKILL.md"
    return here.is_file() or next(folder.glob("*/SKILL.md"), None) is not None


def _of_the_package(ledger: Ledger, coordination: Json) -> Sequence[str]:
    """Skills that MassGen brings along, where it is installed."""
    names = coordination.get("massgen_skills")
    package = package_folder()
    if not isinstance(names, list) or not names or package is None:
        return []  # the table of keys says what instead
    folders = [package / "skills" / str(x) for x in cast("list[Any]", names)]
    there = [str(folder) for folder in folders if _has_skills(folder)]
    if len(there) == len(folders):
        ledger.honour((*COORDINATION, "massgen_skills"), "of MassGen's package")
    return there
