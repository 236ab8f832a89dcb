"""The commands that help to set up and to find one's way, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from coordinator.cli.groups import SET_UP


def register(app: App) -> None:
    """Add them to the command line."""
    for command in (init, examples, validate, doctor, completion):
        app.command(command, group=SET_UP)


def init(
    file: Path = Path("team.yaml"),
    *,
    model: tuple[str, ...] = (),
    agents: int | None = None,
    budget_usd: float | None = None,
    yes: bool = False,
) -> int:
    """Write a team file, after a short talk, and try it.

    Each question has an answer by itself: return takes it. Nothing is asked of a model
    and nothing is spent before you say so.

    Parameters
    ----------
    file
        The file to write (team.yaml); one that is there is left alone.
    model
        A model for the team; given more than once, they take turns.
    agents
        How many agents (3).
    budget_usd
        What a session may spend (2).
    yes
        Ask nothing: what is not given is as it would be by itself.
    """
    from coordinator.cli.init import InitOptions, init_command  # noqa: PLC0415

    return init_command(
        InitOptions(
            file=file, models=model, agents=agents, budget_usd=budget_usd, is_quiet=yes
        )
    )


def examples(
    name: str | None = None,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    all: Annotated[Path | None, Parameter(name="--all")] = None,  # noqa: A002  (the option's name)
) -> int:
    """List example teams and scenarios, print one, or copy it.

    Parameters
    ----------
    name
        Its name or a part of it; or a folder: capabilities, teams, rules.
    output
        Write it to this file or folder, with the files that it names.
    all
        Copy all of them into this new folder.
    """
    from coordinator.cli.examples import examples_command  # noqa: PLC0415

    return examples_command(name, output, all)


def validate(
    *files: Path,
    json: bool = False,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
) -> int:
    """Say what is wrong with team and scenario files, all of it at once.

    Of a MassGen configuration it says what becomes of each key.

    Nothing is asked of a model. Beyond the file itself: whether its tools can be
    imported, its keys are set, its models are known and when they retire. What would
    only stop a run here (a key that is not set) is a notice.

    Exit codes: 0 all are usable; 1 one is not.

    Parameters
    ----------
    files
        Files, and folders of them.
    json
        Print a JSON array instead: file, what it is, faults and notices of each.
    as_
        Of a MassGen configuration: this model for agents of a kind that is not here.
    """
    from coordinator.cli.validate import validate_command  # noqa: PLC0415

    return validate_command(files, is_json=json, in_place=as_)


def doctor(
    *,
    live: bool = False,
    record: Path | None = None,
    model: str | None = None,
    server: str | None = None,
    yes: bool = False,
    json: bool = False,
) -> int:
    """Look whether all is in place here: Python, keys, network, terminal, disk.

    Each line that is not well says the way out. Nothing is spent, unless --live is
    given: then its price is said first.

    Exit codes: 0 teams can be run; 1 something is in the way; 4 interrupted.

    Parameters
    ----------
    live
        With a key: ask one smallest request for each capability, and say what differs
        from what is expected.
    record
        Keep the streams of --live in this folder, without ids and keys.
    model
        What --live asks (claude-haiku-5-5).
    server
        Try a server that speaks Chat Completions or Messages: ollama, groq, … or its
        address, as http://127.0.0.1:8000/v1.
    yes
        Do not ask before --live spends.
    json
        Print a JSON object.
    """
    from coordinator.cli.doctor import DoctorOptions, doctor_command  # noqa: PLC0415

    return doctor_command(
        DoctorOptions(
            is_live=live,
            record=record,
            model=model,
            server=server,
            may_spend=yes,
            is_json=json,
        )
    )


def completion(
    shell: Literal["bash", "zsh", "fish"] | None = None, *, install: bool = False
) -> int:
    """Print what makes a shell complete commands, options and sessions.

    Parameters
    ----------
    shell
        Which shell; left out, it is the one that $SHELL names.
    install
        Write it where the shell looks, and say where; no rc file is touched.
    """
    from coordinator.cli.completion import completion_command  # noqa: PLC0415

    return completion_command(shell, is_installed=install)
