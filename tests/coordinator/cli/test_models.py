"""``coordinator models``: from the API's list with a key, from dated data without."""

from __future__ import annotations

import contextlib
from typing import Any

import anyio
import anyio.abc
import msgspec
import pytest

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.models import ModelInfo, known_models, listed_model
from agents.emulator import sample_script, serve
from agents.errors import BackendRefused
from coordinator.cli.models import models_command
from coordinator.team.makers import split_model


@pytest.fixture(autouse=True)
def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_key_dated_data_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert models_command(is_json=False) == 0
    told = capsys.readouterr().out
    assert "claude-opus-5-5" in told
    assert "4 / 20 / 0.2" in told
    assert "2027-01-22" in told
    assert "data of 2026-11-30" in told
    assert "?" not in told


def test_the_data_can_be_read_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert models_command(is_json=True) == 0
    told: list[dict[str, Any]] = msgspec.json.decode(capsys.readouterr().out)
    assert {model["id"] for model in told} == {model.id for model in known_models()}
    assert all(model["input_usd"] for model in told)


def test_a_listed_model_says_what_the_list_says() -> None:
    model = listed_model(
        {
            "id": "claude-opus-5-5",
            "display_name": "Claude Opus 5.5",
            "max_input_tokens": 500_000,
            "max_tokens": 64_000,
            "lifecycle": "deprecated",
            "retires_at": "2027-05-01T00:00:00Z",
            "capabilities": {
                "pdf": {"supported": True},
                "vision": {"supported": False},
            },
        }
    )
    assert (model.context_tokens, model.output_tokens) == (500_000, 64_000)
    assert (model.retires, model.lifecycle) == ("2027-05-01", "deprecated")
    assert model.capabilities == ("pdf",)
    assert model.input_usd == 4.0


def test_an_unknown_model_has_no_price() -> None:
    model = listed_model({"id": "claude-quux-9"})
    assert (model.input_usd, model.context_tokens) == (None, None)
    assert model.output_tokens is None


@pytest.mark.real_time
async def test_the_list_of_an_api_is_asked() -> None:
    async with serve(sample_script()) as server:
        backend = ClaudeBackend(
            "claude-opus-5-5", api_key="sk-test", base_url=server.base_url
        )
        try:
            models = await backend.models()
        finally:
            await backend.aclose()
    assert models
    assert {model.source for model in models} == {"the API's list"}


@pytest.mark.real_time
@pytest.mark.parametrize(
    "told",
    [
        "null",
        "[1]",
        '"models"',
        "{}",
        '{"data": []}',
        '{"data": [null]}',
        '{"data": 7}',
        '{"object": "list", "models": []}',
    ],
)
async def test_a_list_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(BackendRefused, match="its list"):
        await listed(told)


@pytest.mark.real_time
@pytest.mark.parametrize(
    "told",
    [
        {"data": [{"id": "claude-x"}], "has_more": True, "last_id": "claude-x"},
        {"data": [{"id": "claude-x", "max_tokens": "many", "capabilities": [1]}]},
        {"data": [{"id": "claude-x", "retires_at": 7, "display_name": None}]},
    ],
)
async def test_a_list_of_a_gateways_own_is_read_as_far_as_it_goes(told: Any) -> None:
    (model,) = await listed(msgspec.json.encode(told).decode())
    assert model.id == "claude-x"
    assert model.output_tokens is None


async def listed(told: str) -> tuple[ModelInfo, ...]:
    """The models of a server that answers so."""
    body = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"content-length: {len(told)}\r\n\r\n{told}"
    ).encode()

    async def answer(stream: anyio.abc.SocketStream) -> None:
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            async with stream:
                while True:
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        asked += await stream.receive()
                    await stream.send(body)

    models: tuple[ModelInfo, ...] = ()
    problem: BackendRefused | None = None
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(  # noqa: S610  (not Django's)
            anyio.abc.SocketAttribute.local_port
        )
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, answer)
            url = f"http://127.0.0.1:{port}"
            backend = ClaudeBackend("claude-opus-5-5", api_key="sk-test", base_url=url)
            try:
                with anyio.fail_after(20):
                    models = await backend.models()
            except BackendRefused as error:
                problem = error
            await backend.aclose()
            group.cancel_scope.cancel("the test is over")
    if problem is not None:
        raise problem
    return models


@pytest.mark.parametrize("maker", ["openai", "grok", "gemini", "groq", "openrouter"])
def test_others_models_are_named_as_team_files_name_them(
    maker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models_command(is_json=True, maker=maker) == 0
    told: list[dict[str, Any]] = msgspec.json.decode(capsys.readouterr().out)
    assert len(told) > 3
    for model in told:
        backend, server, name = split_model(model["id"])
        assert name
        assert (server or backend) == maker
        assert model["input_usd"]
    assert models_command(is_json=False, maker=maker) == 0
    assert told[0]["id"] in capsys.readouterr().out


def test_claudes_may_be_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert models_command(is_json=False, maker="claude") == 0
    assert "claude-opus-5-5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("maker", "way_out"),
    [("quux", "use openai, grok, gemini"), ("ollama", "doctor --server ollama")],
)
def test_whose_models_no_list_has_is_said(
    maker: str, way_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models_command(is_json=False, maker=maker) == 1
    assert way_out in capsys.readouterr().err
