"""Keys of every kind planted, and then looked for wherever anything is written.

One team over real HTTP: an agent with a key of its own, one with the environment's,
one at each provider, MCP servers of three sorts, an address with a password in it, and
a server that quotes the key it refuses. Nothing that is kept, shown, exported or logged
of it may hold a key.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from anyio.from_thread import start_blocking_portal

import coordinator
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.providers import Place
from agents.backends.claude.settings import ClaudeSettings
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.emulator.server import Server
from agents.errors import AgentError
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import read_team

pytestmark = pytest.mark.real_time

CANARIES = {
    name: f"canary-{name.lower().replace('_', '-')}-7f3a91c2"
    for name in (
        "ANTHROPIC_API_KEY",
        "ADA_KEY",
        "BEDROCK_KEY",
        "VERTEX_TOKEN",
        "FOUNDRY_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "MCP_SECRET",
        "MCP_TOKEN",
        "CONNECTOR_TOKEN",
        "ADDRESS_PASSWORD",
        "WRITTEN_TOKEN",
    )
}
TRACE = "canary-"
KEYS = {
    "ada": CANARIES["ADA_KEY"],
    "cy": CANARIES["BEDROCK_KEY"],
    "dan": CANARIES["VERTEX_TOKEN"],
    "eve": CANARIES["FOUNDRY_KEY"],
    "fay": CANARIES["ANTHROPIC_API_KEY"],
}
"""The one key that the server takes of each agent, so that each must be used."""

TEAM = """\
question: Which key opens the door?
defaults: {backend: claude, model: claude-haiku-5-5, base_url: BASE_URL}
agents:
  - id: ada
    api_key_env: ADA_KEY
    mcp:
      - {name: spy, command: [PYTHON, SPY], env: {SECRET: $MCP_SECRET}}
      - name: far
        url: http://127.0.0.1:9/mcp
        headers: {Authorization: Bearer $MCP_TOKEN}
    mcp_servers:
      - type: url
        name: docs
        url: https://docs.example.com
        authorization_token: $CONNECTOR_TOKEN
      - type: url
        name: more
        url: https://more.example.com
        authorization_token: WRITTEN_TOKEN
  - id: bob
    base_url: BASE_WITH_PASSWORD
  - {id: cy, provider: bedrock, region: eu-west-1, api_key_env: BEDROCK_KEY}
  - {id: dan, provider: vertex, region: x, project: y, api_key_env: VERTEX_TOKEN}
  - {id: eve, provider: foundry, resource: z, api_key_env: FOUNDRY_KEY}
  - {id: fay, model: claude-sonnet-5-5}
voting: {rule: plurality, early: false}
deadline_s: 30
"""


def _script(answer: str) -> dict[str, Any]:
    return {
        "turns": [
            {"when": {"task": "draft"}, "lines": [{"answer": answer}]},
            {"when": {"task": "review"}, "lines": [{"vote": "brass"}], "repeat": True},
            {"when": {"task": "present"}, "lines": [{"text": "The brass one."}]},
        ]
    }


def _refusal(status: int) -> dict[str, Any]:
    message = f"invalid x-api-key {CANARIES['ANTHROPIC_API_KEY']}"
    return {"lines": [{"error": {"status": status, "message": message}}]}


def _scripts() -> dict[str, Any]:
    scripts = {name: _script(f"The {name} one.") for name in ("bob", "cy", "dan")}
    scripts["eve"] = _script("The silver one.")
    scripts["ada"] = _script("The brass one.")
    scripts["ada"]["turns"][0]["when"]["call"] = 2
    scripts["ada"]["turns"].insert(0, {"lines": [{"tool": "spy__env", "input": {}}]})
    scripts["fay"] = {"turns": [_refusal(401)]}
    scripts["bob"]["turns"].insert(0, _refusal(529))
    return {name: parse_script(script) for name, script in scripts.items()}


@pytest.fixture
def server() -> Generator[Server]:
    """The pretended API, in a thread of its own: commands have their own loops."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(_scripts(), keys=KEYS)) as server,
    ):
        yield server


@pytest.fixture
def team_file(
    server: Server, tmp_path: Path, spy: str, monkeypatch: pytest.MonkeyPatch
) -> Path:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "spy.py").write_text(spy)
    password = f"http://me:{CANARIES['ADDRESS_PASSWORD']}@"
    text = (
        TEAM.replace("BASE_URL", server.base_url)
        .replace("BASE_WITH_PASSWORD", server.base_url.replace("http://", password))
        .replace("PYTHON", sys.executable)
        .replace("SPY", str(tmp_path / "spy.py"))
        .replace("WRITTEN_TOKEN", CANARIES["WRITTEN_TOKEN"])
    )
    path = tmp_path / "team.yaml"
    path.write_text(text)
    return path


@contextmanager
def _everything_logged(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    said = "\n".join(
        f"{r.getMessage()} {r.__dict__} {r.exc_text}" for r in caplog.records
    )
    assert any(r.name.startswith("anthropic") for r in caplog.records)
    assert any(r.name.startswith("httpcore2") for r in caplog.records)
    _assert_clean("logs", said)


def _assert_clean(where: str, text: str | bytes) -> None:
    """No canary, nor a part of one long enough to know it by."""
    said = text if isinstance(text, str) else text.decode("utf-8", "replace")
    at = said.find(TRACE)
    assert at < 0, f"{where}: …{said[max(0, at - 80) : at + 60]}…"


@pytest.fixture
def said(
    run: Any,
    team_file: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    anyio_backend_name: str,
) -> dict[str, str]:
    """The output of the commands that run the team, and of those that show it later."""
    # The fixture that runs commands takes it away.
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARIES["ANTHROPIC_API_KEY"])
    folder = team_file.parent
    at = ("--journal", str(folder / "kept"))
    said: dict[str, str] = {}

    def command(*words: str) -> str:
        code, out, err = run(*words, *at)
        assert code == 0, f"{words}: {code}: {out}{err}"
        said[" ".join(words)] = out + err
        return out

    with _everything_logged(caplog):
        shown = ("--json", "--display", "jsonl", "--runtime", anyio_backend_name)
        asked = ("run", "-c", str(team_file), *shown)
        out = command(*asked)
        session = json.loads(out.splitlines()[-1])["session"]
        for display in ("plain", "jsonl", "rich"):
            command("replay", session, "--speed", "max", "--display", display)
        command("sessions", "show", session)
        command("sessions", "show", session, "--json")
        command("sessions", "list", "--json")
        # With --json the display's lines go to standard error.
        told = said[" ".join(asked)]
        assert "a secret in" in told, "the server of tools was told its own"
        for form in ("jsonl", "massgen"):
            target = ("--output", str(folder / f"exported.{form}"))
            command("sessions", "export", session, "--format", form, *target)
    return said


def test_no_key_is_kept_shown_logged_replayed_or_exported(
    said: dict[str, str], server: Server, team_file: Path
) -> None:
    asked = {request.agent for request in server.requests}
    assert asked == {"ada", "bob", "cy", "dan", "eve", "fay"}
    for where, text in said.items():
        _assert_clean(where, text)
    written = [path for path in team_file.parent.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".journal", ".jsonl"}
    for path in written:
        if path.name not in {"team.yaml", "spy.py"}:
            _assert_clean(path.name, path.read_bytes())


async def test_no_key_is_in_the_repr_of_what_holds_it(team_file: Path) -> None:
    config = read_team(team_file)
    async with closing(assemble(config, environment=os.environ)) as team:
        for held in (
            team,
            *team.agents,
            *team.backends,
            *(box for agent in team.with_models for box in agent.toolboxes),
            *(server for entry in config.agents for server in entry.mcp),
            team.source,
            config,
            *config.agents,
            config.file,
            ClaudeSettings(model="m", mcp_servers=config.agents[0].mcp_servers),
        ):
            _assert_clean(f"repr of a {type(held).__name__}", f"{held!r} {held!s}")
        for backend in team.backends:
            for name in ("limit_key", "model", "files"):
                _assert_clean(name, repr(getattr(backend, name)))


PLACES = (
    None,
    Place(provider="bedrock", region="eu-west-1"),
    Place(provider="vertex", region="x", project="y"),
    Place(provider="foundry", resource="z"),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.provider if p else "api")
async def test_no_key_is_in_the_traceback_of_a_turn_that_fails(
    place: Place | None, caplog: pytest.LogCaptureFixture
) -> None:
    key = CANARIES["ADA_KEY"]
    refuses = {"turns": [{"lines": [{"error": {"status": 403, "message": key}}]}]}
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="?", task=Draft())
    message = Message(role="user", content=msgspec.Raw(b'"Hello"'))
    request = Request(turn=turn, messages=(message,))
    pen = Pen(turn.agent, turn.number, 0.0)
    with _everything_logged(caplog):
        async with serve(parse_script(refuses)) as server:
            backend = ClaudeBackend(
                "claude-haiku-5-5", api_key=key, base_url=server.base_url, place=place
            )
            with pytest.raises(AgentError) as caught:
                async with backend.open_stream(request, pen):
                    pass
            await backend.aclose()
    error = caught.value
    _assert_clean("traceback", "".join(traceback.format_exception(error)))
    _assert_clean("error", f"{error!r} {error.__dict__} {error.args}")


async def test_no_key_is_in_a_result_from_python(team_file: Path) -> None:
    config = read_team(team_file)
    async with closing(assemble(config, environment=os.environ)) as team:
        async with coordinator.open_session("Which?", team) as session:
            chunks = [chunk async for chunk in session]
            result = await session.wait()
        _assert_clean("chunks", repr(chunks))
        _assert_clean("result", repr(result))
        _assert_clean("session", repr(session))
