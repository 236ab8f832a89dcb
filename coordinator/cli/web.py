"""``coordinator web``: from options to a page that is served until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from agents.boundary.own_loop import run_loop
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.journal_paths import root_of
from coordinator.cli.run import EMULATED_MODEL, team_of_models
from coordinator.cli.run_settings import NO_SETTINGS, default_model, with_settings
from coordinator.cli.signals import ending_signals, received
from coordinator.cli.tool_output import tools_print_to_stderr
from coordinator.errors import ConfigInvalid
from coordinator.team.emulation import to_emulate
from coordinator.team.reader import DEMO, read_team
from coordinator.team.team_file_schema import TeamConfig

PORT_MOST = 65_535
EXTRA = "coordinator web needs some packages; pip install 'massgen-coordinator[web]'"


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """The options of ``web``, as given."""

    configs: tuple[Path, ...] = ()
    models: tuple[str, ...] = ()
    agents: int = 3
    is_emulated: bool = False
    host: str = "127.0.0.1"
    port: int = 8400
    token: str | None = None
    journal: Path | None = None
    is_opened: bool = False
    runtime: Literal["asyncio", "trio"] = "asyncio"


def web_command(options: WebOptions) -> int:
    """Serve the page until Ctrl-C; the exit code."""
    return at_the_boundary(lambda: run_loop(_web, options, runtime=options.runtime))


async def _web(options: WebOptions) -> int:
    server = "hypercorn" if options.runtime == "trio" else "uvicorn"
    if find_spec("starlette") is None or find_spec(server) is None:
        raise ConfigInvalid(EXTRA)
    # Starlette and all that: only who serves a page has to wait.
    from coordinator.web.access import LOCAL_NAMES, Access, is_local  # noqa: PLC0415
    from coordinator.web.app import application  # noqa: PLC0415
    from coordinator.web.hub import Offer, open_hub  # noqa: PLC0415
    from coordinator.web.server import listening, serving  # noqa: PLC0415

    if options.token is not None and not options.token.strip():
        raise ConfigInvalid(
            "--token is empty, which lets everybody in; give one, or leave it out: "
            "where one is needed it is drawn"
        )
    if not 0 <= options.port <= PORT_MOST:
        raise ConfigInvalid(
            f"--port {options.port}: there is no such port; give 0 to {PORT_MOST}"
        )
    load_environment(None)
    offers = [Offer(*each) for each in _offers(options)]
    token = options.token
    if token is None and not is_local(options.host):
        token = secrets.token_urlsafe(18)
    is_everywhere = options.host in {"0.0.0.0", "::"}  # noqa: S104  (a comparison)
    names = None if is_everywhere else {*LOCAL_NAMES, options.host.lower()}
    bound = listening(options.host, options.port)
    port = bound.getsockname()[1]
    async with open_hub(root_of(options.journal), offers) as hub:
        app = Access(application(hub), names=names, token=token, port=port)
        async with serving(app, bound, on_trio=options.runtime == "trio"):
            shown = socket.gethostname() if is_everywhere else options.host
            shown = f"[{shown}]" if ":" in shown else shown
            query = f"?token={token}" if token else ""
            address = f"http://{shown}:{port}/{query}"
            sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            complain("Ctrl-C ends it, and what still runs can be gone on with")
            if options.is_opened and not webbrowser.open(address):
                complain(f"no browser could be opened; open {address} yourself")
            with (
                tools_print_to_stderr(),
                received(*ending_signals()) as signals,
            ):
                async for _ in signals:
                    break
            hub.leave()  # a server waits for the responses that are under way
    return Exit.ANSWERED


def _offers(options: WebOptions) -> Iterator[tuple[str, str, TeamConfig, str]]:
    """The teams that may be asked: those of files, of models, and the demonstration.

    Raises:
        ConfigInvalid: A file is not usable.
    """
    for path in options.configs:
        config = read_team(path)
        if options.is_emulated:
            config = to_emulate(config)
        yield path.stem, _note(config), config, config.file.question or ""
    models = options.models
    if not models and not options.configs:
        default = default_model()
        models = (default,) if default and not options.is_emulated else ()
    if models:
        config = team_of_models(models, options.agents)
        config = with_settings(config, NO_SETTINGS, has_default_budget=True)
        if options.is_emulated:
            config = to_emulate(config)
        yield ", ".join(models), _note(config), config, ""
    elif not options.configs:
        config = to_emulate(team_of_models((EMULATED_MODEL,), options.agents))
        note = "made-up words of a pretended API on this machine: no key, no cost"
        yield "pretended", note, config, ""
    demo = read_team(DEMO)
    note = "the demonstration: it answers its own question, whatever is asked"
    yield "demo", note, demo, demo.file.question or ""


def _note(config: TeamConfig) -> str:
    limits = config.rules.limits
    kinds = dict.fromkeys(str(entry.model or entry.backend) for entry in config.agents)
    budget = "" if limits.budget_usd is None else f", {limits.budget_usd:g} USD at most"
    pretended = ", pretended" if config.is_emulated else ""
    return (
        f"{len(config.agents)} agents ({', '.join(kinds)}{pretended}), "
        f"{limits.deadline_s:g} s{budget}"
    )
