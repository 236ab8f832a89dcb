"""``massgen.run()``, run by our engine: one call from a question to a dictionary."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from anyio.to_thread import run_sync

from coordinator.displays.base import Cast, Display
from coordinator.errors import ConfigInvalid
from coordinator.massgen.agent_kinds import kind_of_model
from coordinator.massgen.automation import AutomationDisplay
from coordinator.massgen.configuration import Json, is_configuration
from coordinator.massgen.conversion import convert, read_massgen_team, team_of
from coordinator.massgen.custom_tools import package_folder
from coordinator.massgen.result_facts import coordination_result
from coordinator.session.session import open_session
from coordinator.team.emulation import at_work, to_emulate
from coordinator.team.reader import read_document, read_team
from coordinator.team.team_file_schema import TeamConfig
from coordinator.team.yaml_document import Document


async def run(
    query: str,
    config: str | Path | None = None,
    config_dict: Mapping[str, Any] | None = None,
    *,
    model: str | None = None,
    models: Sequence[str] = (),
    num_agents: int | None = None,
    system_message: str = "",
    base_url: str | None = None,
    enable_logging: bool = False,
    output_file: str | Path | None = None,
    conversation_history: Sequence[Mapping[str, Any]] = (),
    in_place: str | None = None,
    is_emulated: bool = False,
) -> Json:
    """Ask a team a question, as ``massgen.run`` does.

        result = await coordinator.massgen.run("Why?", config="their.yaml")
        result["final_answer"]

    Args:
        query: The question.
        config: A MassGen configuration, ``@examples/NAME`` of its package, or a team
            file of ours.
        config_dict: A configuration as ``massgen.build_config()`` returns it.
        model: The model of every agent where no configuration is given, as
            ``provider/name``, or by a name that tells its maker.
        models: One agent for each, in place of ``model``.
        num_agents: How many there are of ``model`` (1).
        system_message: For each of them.
        base_url: The address that they are asked at.
        enable_logging: Keep ``.massgen/massgen_logs``, and return where.
        output_file: Write the final answer to this file as well.
        conversation_history: What was said before: ``{"role", "content"}``.
        in_place: A model for agents of a kind that is not here.
        is_emulated: Ask a pretended API on this machine.

    Returns:
        ``final_answer``, ``selected_agent``, ``vote_results``, ``answers``, ``usage``,
        ``session_id``, ``config_used``, ``log_directory``, ``final_answer_path``.

    Raises:
        ConfigInvalid: No team is named, or it cannot be made.
    """
    wanted = tuple(models) or (model or "",) * (num_agents or 1)
    if config is not None:
        team, used = _read(str(config), in_place), str(config)
    elif config_dict is not None:
        team, used = _of_dict(config_dict, in_place), "config_dict"
    elif all(wanted):
        options = {"system_message": system_message, "base_url": base_url}
        team, used = _of_models(wanted, options), f"models:{','.join(wanted)}"
    else:
        raise ConfigInvalid("no team was named; give config=, config_dict= or model=")
    if is_emulated:
        team = to_emulate(team)
    agents = [str(entry.id) for entry in team.agents]
    cast = Cast(
        question=query,
        models={str(entry.id): entry.model or "" for entry in team.agents},
    )
    display = AutomationDisplay(cast, io.StringIO()) if enable_logging else None
    displays: list[Display] = [] if display is None else [display]
    question = _with_history(query, conversation_history)
    async with (
        at_work(team) as working,
        open_session(question, working, displays=displays, journal=None) as session,
    ):
        result = await session.wait()
    if output_file is not None and result.answer is not None:
        await run_sync(_write, Path(output_file), result.answer)
    folder = str(display.folder) if display is not None else None
    answers = display.answer_folders if display is not None else {}
    facts = coordination_result(result, agents, folder, answers)
    return {**facts, "config_used": used, "session_id": result.session}


def _write(path: Path, answer: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(answer, "utf-8")


def _read(name: str, in_place: str | None) -> TeamConfig:
    path = Path(name).expanduser()
    if name.startswith("@examples/"):
        path = _example(name.removeprefix("@examples/"))
    if is_configuration(path):
        return read_massgen_team(path, in_place=in_place)
    return read_team(path)


def _example(name: str) -> Path:
    package = package_folder()
    paths = sorted((package / "configs").rglob("*.yaml")) if package else []
    matching = [path for path in paths if name in str(path)]
    if not matching:
        raise ConfigInvalid(
            f"@examples/{name} is not to be found: MassGen's own package is not "
            "installed here, or has no such file; give a path"
        )
    return matching[0]


def _of_dict(config: Mapping[str, Any], in_place: str | None) -> TeamConfig:
    plain: Any = msgspec.to_builtins(config)
    document = Document(Path("config_dict"), plain, {(): 1})
    return team_of(convert(document, os.environ, in_place))


def _with_maker(model: str) -> str:
    """The model with its provider, where MassGen knows that by the name."""
    kind = kind_of_model(model) if "/" not in model else None
    return model if kind is None else f"{kind.backend}/{model}"


def _of_models(models: Sequence[str], options: Mapping[str, str | None]) -> TeamConfig:
    settings: dict[str, str] = {}
    if system := options["system_message"]:
        settings["system"] = system
    if base_url := options["base_url"]:
        settings["base_url"] = base_url
    agents = [
        {"id": f"agent_{chr(ord('a') + n)}", "model": _with_maker(model), **settings}
        for n, model in enumerate(models)
    ]
    data: Any = {"agents": agents, "voting": {"policy": "massgen"}}
    return read_document(Document(Path("models"), data, {(): 1}))


def _with_history(query: str, history: Sequence[Mapping[str, Any]]) -> str:
    """The question, after what was said before it."""
    lines = [
        f"{message.get('role')}: {message.get('content')}"
        for message in history
        if message.get("content")
    ]
    if not lines:
        return query
    return "Said before:\n" + "\n".join(lines) + f"\n\nThe question now: {query}"
