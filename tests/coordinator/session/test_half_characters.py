"""Text that UTF-8 cannot hold, wherever it comes in, ends no session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.errors import BackendRefused, ToolsUnavailable
from agents.protocol.chunks import AgentFailed, AgentId, Label
from agents.tools.function import tool
from coordinator.errors import ConfigInvalid
from coordinator.session.session import open_session
from coordinator.team.team import Team
from tests.pictures import png

HALF = b"caf\xe9".decode("utf-8", "surrogateescape")
CUT = "cut \ud83d"
MENDED = "caf\ufffd"


def team(*lines: Any, **more: Any) -> Team:
    turns = [{"repeat": True, "lines": list(lines or ({"answer": "Bern"},))}]
    backend = ScriptedBackend(parse_script({"turns": turns}))
    agents = tuple(
        Agent(id=AgentId(name), backend=backend, **more) for name in ("ada", "ben")
    )
    return Team(agents=agents)


@pytest.mark.parametrize("journal", [True, False])
async def test_a_question_is_mended(tmp_path: Path, *, journal: bool) -> None:
    folder = tmp_path if journal else None
    async with open_session(f"{HALF} {CUT}?", team(), journal=folder) as on:
        assert (await on.wait()).question == f"{MENDED} cut \ufffd?"


async def test_an_emoji_in_two_halves_is_one(tmp_path: Path) -> None:
    async with open_session("\ud83d\ude00?", team(), journal=tmp_path) as on:
        assert (await on.wait()).question == "\U0001f600?"


async def test_a_persons_words_are_mended(tmp_path: Path) -> None:
    waits = [{"text": "Hm.", "delay_s": 5}, {"answer": "Bern"}]
    async with open_session("?", team(*waits), journal=tmp_path) as on:
        on.say(HALF)
        on.stop_agent(AgentId("ben"), CUT)
        on.veto(Label("agent9.9"), HALF)
        await anyio.sleep(1)
        on.interrupt(CUT)
        await on.wait()


async def test_a_system_prompt_is_mended() -> None:
    assert team(system=HALF).with_models[0].system == MENDED
    async with open_session("?", team(system=HALF)) as on:
        assert (await on.wait()).answer == "Bern"


async def test_an_error_of_a_tool_ends_nobodys_session(tmp_path: Path) -> None:
    @tool
    async def grep() -> str:
        """Search."""
        await anyio.lowlevel.checkpoint()
        raise RuntimeError(HALF)

    turns = [{"lines": [{"tool": "grep"}]}, {"lines": [{"answer": "Bern"}]}] * 2
    backend = ScriptedBackend(parse_script({"turns": turns}))
    agent = Agent(id=AgentId("ada"), backend=backend, tools=(grep,))
    async with open_session("?", Team(agents=(agent,)), journal=tmp_path) as on:
        assert (await on.wait()).answer == "Bern"


class _Refusing(ScriptedBackend):
    def open_stream(self, request: Any, pen: Any) -> Any:
        raise BackendRefused(f"{HALF}{request.call}{pen.turn}")


class _Lost:
    name = HALF

    def open(self) -> Any:
        raise ToolsUnavailable(CUT)


async def test_an_error_of_a_backends_own_is_that_agents_alone(tmp_path: Path) -> None:
    good = team().agents[0]
    bad = Agent(id=AgentId("bad"), backend=_Refusing(parse_script({"turns": []})))
    said: list[Any] = []
    async with open_session("?", Team(agents=(good, bad)), journal=tmp_path) as on:
        async for chunk in on:
            said.append(chunk)  # noqa: PERF401  (as users do)
        assert (await on.wait()).answer == "Bern"
    (failed,) = [chunk for chunk in said if isinstance(chunk, AgentFailed)]
    assert failed.message == f"{MENDED}11"


async def test_a_toolbox_that_fails_in_such_words_costs_its_tools_alone(
    tmp_path: Path,
) -> None:
    boxed = team(toolboxes=(_Lost(),))
    async with open_session("?", boxed, journal=tmp_path) as on:
        assert (await on.wait()).answer == "Bern"


@pytest.mark.parametrize("journal", [(), ("--no-journal",)])
def test_a_command_line_that_is_not_utf_8_is_read(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    journal: tuple[str, ...],
) -> None:
    file = tmp_path / f"{HALF}.png"
    file.write_bytes(png())
    words = ("run", f"{HALF}?", "--demo", "--attach", str(file), *journal)
    code, out, err = run(*words, "--display", "plain")
    assert code == 0, err
    assert "mistake" not in err
    assert out


def test_a_file_that_is_not_there_is_named_in_one_sentence(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, err = run("run", "--demo", "--attach", f"{HALF}.txt")
    assert code == 1
    assert len(err.strip().splitlines()) == 1


async def test_an_output_folder_that_no_journal_can_keep_is_refused_in_words(
    tmp_path: Path,
) -> None:
    opened = open_session("?", team(), journal=tmp_path, output_dir=tmp_path / HALF)
    with pytest.raises(ConfigInvalid, match="not UTF-8"):
        async with opened:
            pass


def test_a_models_name_is_mended() -> None:
    backend = ClaudeBackend(HALF, api_key="sk-test")
    assert (backend.model, bool(backend.limit_key)) == (MENDED, True)
