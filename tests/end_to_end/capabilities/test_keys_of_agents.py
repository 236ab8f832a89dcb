"""Each agent asks with its own key, over real HTTP."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import KEY_VARIABLES, assemble, closing
from coordinator.team.reader import parse_team, read_team

pytestmark = pytest.mark.real_time

FILE = Path(__file__).parents[3] / "scenarios" / "capabilities" / "keys.yaml"
ENVIRONMENT = {"ADA_KEY": "key-of-ada", "BOB_KEY": "key-of-bob"}


async def run_with(keys: dict[str, str]) -> Any:
    config = read_team(FILE)
    async with serve(config.scripts, keys=keys) as server:
        text = FILE.read_text("utf-8") + f"defaults: {{base_url: {server.base_url}}}\n"
        pointed = parse_team(text, FILE)
        async with closing(assemble(pointed, environment=ENVIRONMENT)) as team:
            assert len({backend.limit_key for backend in team.backends}) == 2
            return await coordinator.run("Which?", team)


async def test_each_agent_asks_with_the_key_that_its_variable_holds() -> None:
    result = await run_with({"ada": "key-of-ada", "bob": "key-of-bob"})
    assert result.winner == "ada"
    assert {record.error for record in result.agents.values()} == {None}


async def test_a_key_that_is_refused_costs_its_agent_and_nobody_else() -> None:
    result = await run_with({"ada": "another", "bob": "key-of-bob"})
    assert result.winner == "bob"
    error = result.agents["ada"].error
    assert error == "BackendRefused: 401 authentication_error: invalid x-api-key"


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
async def test_blanks_around_a_key_are_left_out(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, " key-of-ada\r\n")
    script = parse_script({"turns": [{"lines": [{"answer": "Yes."}]}]})
    async with serve({"ada": script}, keys={"ada": "key-of-ada"}) as server:
        text = (
            f"defaults: {{base_url: {server.base_url}}}\n"
            "agents: [{id: ada, model: claude-haiku-5-5}]\n"
        )
        async with closing(assemble(parse_team(text, FILE))) as team:
            result = await coordinator.run("Is it so?", team)
    assert result.answer == "Yes."


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (" \n", "agent 'ada' takes its key from MINE, which is not set; set it"),
        ("sk-canary\n-4", "agent 'ada': the key has a line feed or another"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(
    key: str, said: str
) -> None:
    text = "agents: [{id: ada, model: claude-haiku-5-5, api_key_env: MINE}]"
    with pytest.raises(ConfigInvalid) as caught:
        assemble(parse_team(text, FILE), environment={"MINE": key})
    assert str(caught.value).startswith(said)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_a_connectors_token_is_taken_from_the_variable_that_it_names() -> None:
    text = (
        "agents: [{id: ada, model: claude-haiku-5-5, mcp_servers: [{type: url, "
        "name: docs, url: 'https://x', authorization_token: $DOCS_TOKEN}]}]\n"
    )
    config = parse_team(text, FILE)
    with pytest.raises(ConfigInvalid, match="token from DOCS_TOKEN, which is not set"):
        assemble(config, environment={"ANTHROPIC_API_KEY": "sk-test"})


async def test_a_connectors_token_reaches_the_api() -> None:
    script = parse_script({"turns": [{"lines": [{"answer": "Yes."}]}]})
    async with serve({"ada": script}) as server:
        text = (
            f"defaults: {{base_url: {server.base_url}}}\n"
            "agents: [{id: ada, model: claude-haiku-5-5, mcp_servers: [{type: url, "
            "name: docs, url: 'https://x', authorization_token: $DOCS_TOKEN}]}]\n"
        )
        team = assemble(parse_team(text, FILE), environment={"DOCS_TOKEN": "t0ken"})
        async with closing(team):
            result = await coordinator.run("Is it so?", team)
        assert result.answer == "Yes."
        (request, *_) = server.requests
    (server_asked,) = request.body["mcp_servers"]
    assert "t0ken" in server_asked.values()
