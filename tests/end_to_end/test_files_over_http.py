"""Attached files up, used and deleted; written files down: over real HTTP."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import HttpError, Script, parse_script
from agents.emulator import Server, serve
from agents.protocol.attachments import Attach, Attachment, attachment
from agents.protocol.chunks import AgentId, ResponseStarted
from coordinator.consensus.rules import Rules
from coordinator.displays.base import Cast
from coordinator.displays.plain import PlainDisplay
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import read_team
from coordinator.team.team import Team
from tests.pictures import png

pytestmark = pytest.mark.real_time

CAPABILITIES = Path(__file__).parents[2] / "scenarios" / "capabilities"
MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5")

PNG = png()
Body = Mapping[str, Any]


def file(data: bytes = b"hello", name: str = "a.txt", **wish: Any) -> Attachment:
    return attachment(data, Attach(source=name, **wish), name)


def script(
    *before: Mapping[str, Any], answer: str = "It is so.", **more: Any
) -> Script:
    turns = [
        {"when": {"task": "draft"}, "lines": [*before, {"answer": answer}]},
        {"when": {"task": "review"}, "lines": [{"rank": [{"first": True}]}]},
        {"when": {"task": "present"}, "lines": [{"text": "So."}]},
    ]
    return parse_script({"turns": turns, **more})


@asynccontextmanager
async def team_of(
    server: Server, names: Sequence[str] = ("ada",)
) -> AsyncGenerator[Team]:
    backends = [
        ClaudeBackend(model, api_key="sk-test", base_url=server.base_url)
        for model, _ in zip(MODELS, names, strict=False)
    ]
    agents = tuple(
        Agent(id=AgentId(name), backend=backend)
        for name, backend in zip(names, backends, strict=True)
    )
    try:
        yield Team(agents=agents, rules=Rules(), seed=1)
    finally:
        for backend in backends:
            await backend.aclose()


def asked(server: Server) -> list[Body]:
    return [r.body for r in server.requests if r.path == "/v1/messages"]


def sent(server: Server, method: str) -> int:
    requests = [r for r in server.requests if r.path.startswith("/v1/files")]
    return sum(r.method == method for r in requests)


async def test_one_upload_serves_every_agent_and_turn_and_is_deleted() -> None:
    scripts = {"ada": script(), "bob": script(answer="Not at all, by no means.")}
    async with serve(scripts) as server, team_of(server, ["ada", "bob"]) as team:
        upload = file(PNG, "a.png", by="upload")
        async with coordinator.open_session(
            "Is it so?", team, attachments=[upload]
        ) as session:
            result = await session.wait()
            (kept,) = server.files.kept.values()
        assert (kept.name, kept.media_type, kept.data) == ("a.png", "image/png", PNG)
        assert not server.files.kept
    assert result.status == "answered"
    assert session.files_left == ()
    assert (sent(server, "POST"), sent(server, "DELETE")) == (1, 1)
    assert {body["model"] for body in asked(server)} == {*MODELS}
    for body in asked(server):
        first = body["messages"][0]["content"]
        source = {"type": "file", "file_id": kept.id}
        assert first[0] == {"type": "image", "source": source}
        assert first[1]["text"].startswith("<question>")
        # The breakpoint stands behind the file, which is part of what is cached.
        assert any("cache_control" in block for block in first[1:-1])


@pytest.mark.parametrize("by", ["inline", "upload"])
async def test_images_pdfs_and_texts_become_the_blocks_that_the_api_takes(
    by: str,
) -> None:
    files = [
        file(PNG, "a.png", by=by),
        file(b"%PDF-1.7\n1 0 obj\n", "b.pdf", by=by, title="The plan"),
        file(b"one,two\n", "c.csv", by=by, citations=True),
    ]
    async with serve(script()) as server, team_of(server) as team:
        result = await coordinator.run("So?", team, attachments=files)
    assert result.status == "answered"
    image, plan, table, *_ = asked(server)[0]["messages"][0]["content"]
    assert (image["type"], plan["type"], table["type"]) == (
        "image",
        "document",
        "document",
    )
    assert plan["title"] == "The plan"
    assert table["citations"] == {"enabled": True}
    kinds = [block["source"]["type"] for block in (image, plan, table)]
    inline = ["base64", "base64", "text"]
    assert kinds == (inline if by == "inline" else ["file"] * 3)
    assert not server.files.kept


async def test_what_is_inline_needs_no_upload() -> None:
    async with serve(script()) as server, team_of(server) as team:
        result = await coordinator.run("So?", team, attachments=[file()])
    assert result.status == "answered"
    assert sent(server, "POST") == 0
    assert asked(server)[0]["messages"][0]["content"][0]["source"]["data"] == "hello"
    assert "files-api" not in server.requests[-1].headers.get("anthropic-beta", "")


async def test_an_upload_that_fails_in_passing_is_tried_again() -> None:
    busy = {"POST": [HttpError(status=529), HttpError(status=500)]}
    async with serve(script(), file_troubles=busy) as server, team_of(server) as team:
        upload = file(by="upload")
        result = await coordinator.run("So?", team, attachments=[upload])
        assert not server.files.kept
    assert result.status == "answered"
    assert sent(server, "POST") == 3


async def test_an_upload_that_is_refused_fails_the_agent_and_names_the_file() -> None:
    refused = {"POST": [HttpError(status=403, message="Storage quota exceeded")]}
    async with (
        serve(script(), file_troubles=refused) as server,
        team_of(server) as team,
    ):
        upload = file(by="upload")
        result = await coordinator.run("So?", team, attachments=[upload])
    assert result.status == "failed"
    error = result.agents[AgentId("ada")].error
    assert error is not None
    assert "'a.txt' was not taken: 403" in error
    assert "Storage quota exceeded" in error


async def test_a_session_that_is_left_deletes_its_uploads_all_the_same() -> None:
    slow = parse_script({"turns": [{"lines": [{"text": "…"}, {"stall": True}]}]})
    async with serve(slow) as server, team_of(server) as team:
        with anyio.CancelScope() as scope:
            async with coordinator.open_session(
                "So?", team, attachments=[file(by="upload")]
            ) as session:
                async for chunk in session:
                    if isinstance(chunk, ResponseStarted):
                        assert len(server.files.kept) == 1
                        scope.cancel("enough")
        assert not server.files.kept


async def test_a_session_that_is_left_amid_an_upload_leaves_nothing_open() -> None:
    async with serve(script(), file_delay_s=60) as server, team_of(server) as team:
        question = partial(
            coordinator.run, "So?", team, attachments=[file(by="upload")]
        )
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(question)
                while not sent(server, "POST"):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            await server.all_closed()
    assert sent(server, "POST") == 1
    assert not asked(server)


async def test_a_deletion_that_fails_is_tried_again_and_then_told() -> None:
    trouble = {"DELETE": [HttpError(status=529), HttpError(status=403)]}
    async with (
        serve(script(), file_troubles=trouble) as server,
        team_of(server) as team,
    ):
        async with coordinator.open_session(
            "So?", team, attachments=[file(by="upload")]
        ) as session:
            await session.wait()
        assert session.files_left == tuple(server.files.kept)
    assert sent(server, "DELETE") == 2


async def test_a_file_for_a_container_goes_to_those_who_run_code() -> None:
    async with emulated(read_team(CAPABILITIES / "files_in.yaml")) as (config, server):
        async with closing(assemble(config, environment=NO_KEY)) as team:
            result = await coordinator.run("So?", team)
        assert not server.files.kept
    assert result.answer is not None
    assert result.answer.endswith("\n\n[1] Sales by month")
    kinds = {
        body["model"]: [block["type"] for block in body["messages"][0]["content"]]
        for body in asked(server)
    }
    assert kinds["claude-sonnet-5-5"][:3] == ["image", "document", "container_upload"]
    assert kinds["claude-haiku-5-5"][:3] == ["image", "document", "text"]
    # Read and run alike, it is one upload.
    assert sent(server, "POST") == 1


async def test_what_code_has_written_is_fetched_under_plain_names(
    tmp_path: Path,
) -> None:
    shown = io.StringIO()
    async with (
        emulated(read_team(CAPABILITIES / "files_out.yaml")) as (config, _),
        closing(assemble(config, environment=NO_KEY)) as team,
    ):
        display = PlainDisplay(shown, Cast(question="So?", models={}))
        result = await coordinator.run(
            "So?", team, displays=[display], output_dir=tmp_path / "out"
        )
    chart, data = result.files
    assert (chart.name, chart.agent, chart.problem) == ("sales chart.svg", "ada", "")
    assert chart.path == str(tmp_path / "out" / "sales chart.svg")
    assert chart.size_bytes == 42
    assert data.name == "sales.csv"
    assert f"{chart.path} (42 bytes), by ada" in shown.getvalue()
    names = [path.name async for path in anyio.Path(tmp_path).rglob("*.*")]
    assert sorted(names) == ["sales chart.svg", "sales.csv"]


async def test_beside_a_journal_files_have_a_folder_of_their_own(
    tmp_path: Path,
) -> None:
    async with (
        emulated(read_team(CAPABILITIES / "files_out.yaml")) as (config, _),
        closing(assemble(config, environment=NO_KEY)) as team,
    ):
        result = await coordinator.run("So?", team, journal=tmp_path, session_id="here")
    assert result.files[1].path == str(tmp_path / "here.files" / "sales.csv")


async def test_a_file_that_is_gone_or_too_large_is_told_and_the_answer_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.session.downloads.FILE_BYTES", 30)
    outputs = [{"file_id": "file_large"}, {"file_id": "file_gone"}]
    ran = {"server_tool": "bash_code_execution", "result": {"content": outputs}}
    written = [{"id": "file_large", "name": "a", "text": "x" * 31}]
    async with serve(script(ran, files=written)) as server, team_of(server) as team:
        result = await coordinator.run("So?", team, output_dir=tmp_path)
    assert result.status == "answered"
    large, gone = result.files
    assert large.problem == "it has more than 30 bytes"
    assert gone.problem.startswith("404")
    assert [large.path, gone.path] == [None, None]
