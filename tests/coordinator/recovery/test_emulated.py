"""A session of an emulated team goes on: another server plays the scripts further."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import coordinator
from agents.conversation.uploads import SessionFiles
from coordinator.errors import ConfigInvalid
from coordinator.journal.framing import Record
from coordinator.journal.reader import read_session
from coordinator.team.builder import team_of
from coordinator.team.emulation import at_work
from coordinator.team.reader import parse_team
from coordinator.team.team import read_described
from coordinator.team.team_file_schema import TeamConfig

pytestmark = pytest.mark.real_time

TEAM = """\
question: Is it so?
defaults: {backend: claude, model: claude-haiku-5-5, api_key_env: NOT_SET_ANYWHERE}
agents:
  - id: ada
    script:
      turns:
        - lines: [{error: {status: 529, retry_after_s: 0.01}}]
        - lines: [{thinking: Let me see.}, {answer: It is so.}]
        - lines: [{thinking: Which one?}, {vote: It is so.}]
        - lines: [{text: It is so indeed.}]
        - {repeat: true, lines: [{text: It is as it was.}]}
  - id: bob
    script:
      turns:
        - lines: [{answer: "No."}]
        - lines: [{vote: It is so.}]
        - {repeat: true, lines: [{text: It is as it was.}]}
voting: {policy: slate}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config() -> TeamConfig:
    read = parse_team(TEAM, Path("team.yaml"))
    return msgspec.structs.replace(read, is_emulated=True)


@pytest.fixture
async def records(root: Path, config: TeamConfig) -> tuple[Record, ...]:
    async with at_work(config) as team:
        result = await coordinator.run("q", team, journal=root, session_id="whole")
    assert result.answer == "It is so indeed."
    return read_session(root, "whole").records


async def test_what_was_played_is_not_played_again(
    records: tuple[Record, ...], write: Callable[..., Path]
) -> None:
    for cut in range(2, len(records), len(records) // 9):
        path = write("cut", records[:cut])
        async with coordinator.resume_session(path) as session:
            result = await session.wait()
        assert (result.status, result.answer) == ("answered", "It is so indeed."), cut
        assert {name: r.turns for name, r in result.agents.items()} == {
            "ada": 3,
            "bob": 2,
        }


async def test_no_real_model_and_no_dead_server_is_asked_by_mistake(
    root: Path, records: tuple[Record, ...]
) -> None:
    assert b"127.0.0.1" not in records[0].payload
    _, source = read_described(read_session(root, "whole").opened.team)
    with pytest.raises(ConfigInvalid, match="emulated"):
        team_of(source)


async def test_what_was_uploaded_to_a_server_that_is_gone_is_not_asked_for(
    config: TeamConfig,
) -> None:
    async with at_work(config) as team:
        backend = team.with_models[0].backend
        store = getattr(backend, "files", None)
        assert store is not None
        files = SessionFiles((), {(store.account, "digest"): "file_01"})
        files.know([backend])
        await files.release()
    assert files.left_behind == []


def test_the_commands_go_on_with_an_emulated_team(
    run: Run, root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(TEAM, "utf-8")
    where = ("--journal", str(root), "--json")
    code, out, _ = run("run", "-c", str(file), "--emulate", *where)
    assert code == 0
    session = json.loads(out)["session"]

    code, out, _ = run("run", "--continue", session, "And now?", *where)
    assert (code, json.loads(out)["answer"]) == (0, "It is so indeed.")

    code, out, _ = run("resume", session, "--from", "12", *where)
    assert (code, json.loads(out)["answer"]) == (0, "It is so indeed.")

    code, out, _ = run("replay", session, "--speed", "max", "--journal", str(root))
    assert (code, "It is so indeed." in out) == (0, True)
