"""Callers' code in one agent: its failures stay within that agent or that call."""

from __future__ import annotations

import argparse
import functools
import json
import logging
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import msgspec
import pytest

from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    BlockStarted,
    ResponseAbandoned,
    StatusChanged,
    StreamChunk,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnNumber,
    TurnStarted,
)
from agents.protocol.turns import Draft, Turn
from agents.tools.approval import Approval, Approved
from agents.tools.function import tool
from agents.tools.workspace import Bash, Memory, TextEditor

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any

ANSWER = [{"answer": "Canberra"}]


def results(said: list[StreamChunk]) -> list[str]:
    return [
        bytes(chunk.content).decode()
        for chunk in said
        if isinstance(chunk, ToolReturned)
    ]


def _draft() -> Turn:
    return Turn(agent=AgentId("ada"), number=TurnNumber(1), question="?", task=Draft())


class _Dumb(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@tool
def lint() -> str:
    """Check, as a command would."""
    argparse.ArgumentParser(prog="lint", exit_on_error=True).parse_args(["--none"])
    return "clean"


@tool
def half_name() -> str:
    """Name a file whose name is not UTF-8."""
    raise ValueError("no such file: caf\udce9.txt")


@tool
def no_words() -> str:
    """Raise what cannot be printed."""
    raise _Dumb


@tool
async def many() -> str:
    """Raise a group."""
    raise BaseExceptionGroup("many", [SystemExit(2), OSError("no")])


class _Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class _Odd(Exception, metaclass=_Nameless):
    def __str__(self) -> str:
        return _Shout("odd")


class _Shout(str):
    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:  # noqa: ARG002  (as str has it)
        raise RuntimeError("no bytes")


@tool
def odd() -> str:
    """Raise what has no name that can be asked for."""
    raise _Odd


@tool
def stops() -> str:
    """Raise an interruption, in a thread."""
    raise KeyboardInterrupt


class _Returns:
    spec = lint.spec
    name = "lint"

    async def call(self, given: msgspec.Raw) -> Any:
        await anyio.lowlevel.checkpoint()
        return len(bytes(given))


class _Words(str):
    __slots__ = ()

    def strip(self, _: Any = None) -> str:
        raise RuntimeError("no strip")

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise RuntimeError("no bytes")


class _Thing:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise SystemExit("no class")


class _Hands:
    spec = lint.spec
    name = "lint"

    def __init__(self, result: object) -> None:
        self._result = result

    async def call(self, _: msgspec.Raw) -> Any:
        await anyio.lowlevel.checkpoint()
        return self._result


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("brought", "told"),
    [
        (_Hands(_Words("said so")), "said so"),
        (
            _Hands(_Thing()),
            "the tool returned _Thing, which is neither text nor blocks",
        ),
        (lint, "SystemExit: 2"),
        (half_name, "ValueError: no such file: caf\ufffd.txt"),
        (no_words, "_Dumb: (it cannot be printed)"),
        (many, "SystemExit: 2"),
        (stops, "KeyboardInterrupt"),
        (odd, "_Odd: odd"),
        (_Returns(), "the tool returned int, which is neither text nor blocks"),
    ],
)
async def test_whatever_a_tool_raises_is_its_result(
    brought: Any, told: str, scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"tool": brought.name}], ANSWER)
    async with stage(backend, tools=(brought,)) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "answered"
    assert [json.loads(text) for text in results(actor.said)] == [told]


@tool
async def commits() -> str:
    """Commit something that must not be broken off."""
    with anyio.CancelScope(shield=True):
        await anyio.sleep(50)
    return "late"


async def test_a_tool_that_shields_itself_is_left_behind_when_its_time_is_up(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"tool": "commits"}], ANSWER)
    async with stage(backend, tools=(commits,), tool_timeout_s=2) as actor:
        began = anyio.current_time()
        said = await actor.play(ask.draft())
        assert said[-1].outcome == "answered"
        assert anyio.current_time() - began < 5
    told = "commits took longer than 2 s and does not stop: it is left behind"
    assert results(actor.said) == [json.dumps(told)]
    await anyio.sleep(100)


async def test_an_approver_that_fails_or_says_nothing_approves_nothing(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async def is_down(*_: Any) -> Any:
        raise ConnectionError("the approval service is down")

    async def says_nothing(*_: Any) -> Any:
        await anyio.lowlevel.checkpoint()

    def is_not_async(*_: Any) -> Any:
        return Approved()

    for approver, told in (
        (is_down, "failed: ConnectionError: the approval service is down"),
        (says_nothing, "answered NoneType, not Approved()"),
        (is_not_async, "failed: AttributeError"),
    ):
        backend = scripted([{"tool": "commits"}], ANSWER)
        approval = Approval(("*",), approver)
        async with stage(backend, tools=(commits,), approval=approval) as actor:
            said = await actor.play(ask.draft())
        assert said[-1].outcome == "answered"
        assert f"it was not run: whoever approves it {told}" in results(actor.said)[0]


class _Box:
    name = "box"

    def __init__(self, how: str) -> None:
        self._how = how

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Any]:
        if self._how == "raises":
            raise OSError("no such file")
        if self._how == "hangs":
            await anyio.sleep_forever()
        if self._how == "slow":
            await anyio.sleep(30)
        yield ("no tool",) if self._how == "odd" else (commits,)
        if self._how == "closes badly":
            raise SystemExit("bye")
        if self._how == "stays":
            with anyio.CancelScope(shield=True):
                await anyio.sleep(500)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raises", "box cannot be used: OSError: no such file"),
        ("odd", "box cannot be used: AttributeError: 'str' object has no attribute"),
        ("hangs", "box cannot be used: it did not open within 60 s"),
        ("closes badly", None),
        ("stays", None),
    ],
)
async def test_a_toolbox_that_fails_or_hangs_is_the_agents_loss_alone(
    how: str, told: str | None, scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted(ANSWER), toolboxes=(_Box(how),)) as actor:
        said = await actor.play(ask.draft())
        assert said[-1].outcome == "answered"
        began = anyio.current_time()
    assert anyio.current_time() - began <= 6, "closing is bounded"
    missing = [
        c.detail
        for c in actor.said
        if isinstance(c, StatusChanged) and c.status == "tools_missing"
    ]
    assert [detail[: len(told)] for detail in missing if told] == [told] * bool(told)
    await anyio.sleep(1000)


async def test_a_turn_that_waits_for_toolboxes_is_cancelled_at_once(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted(ANSWER), toolboxes=(_Box("slow"),)) as actor:
        actor.actor.take(ask.draft())
        await actor.until(TurnStarted)
        began = anyio.current_time()
        actor.actor.cancel(TurnNumber(1), "outvoted")
        ended = await actor.until(TurnEnded)
        assert (ended.outcome, ended.detail) == ("cancelled", "outvoted")
        assert anyio.current_time() == began
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


class Broken(ScriptedBackend):
    """A backend of a caller's own, which slips once it is asked."""

    def __init__(self, slip: Callable[[Any, Any], Awaitable[Any] | Any]) -> None:
        turns = [{"lines": [{"text": "So"}, {"answer": "Canberra"}], "repeat": True}]
        super().__init__(parse_script({"turns": turns}))
        self._slip = slip

    @asynccontextmanager
    async def open_stream(self, request: Any, pen: Any) -> AsyncGenerator[Any]:
        async with super().open_stream(request, pen) as stream:

            async def batches() -> AsyncGenerator[Any]:
                async for batch in stream:
                    made = self._slip(batch, pen)
                    yield (await made if isinstance(made, Awaitable) else made)

            inner = batches()
            try:
                yield inner
            finally:
                await inner.aclose()


def _raises(error: BaseException) -> Callable[[Any, Any], Any]:
    def slip(*_: Any) -> Any:
        raise error

    return slip


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (KeyError("choices"), "KeyError", "'choices'"),
        (SystemExit(3), "SystemExit", "3"),
        (BaseExceptionGroup("g", [ValueError("deep")]), "ValueError", "deep"),
        (_Dumb(), "_Dumb", "(it cannot be printed)"),
    ],
)
async def test_a_backend_that_raises_is_out_with_the_reason(
    error: BaseException,
    kind: str,
    message: str,
    stage: Staging,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "agents.boundary"):
        async with stage(Broken(_raises(error))) as actor:
            failed = (await actor.play(_draft()))[-1]
    assert isinstance(failed, AgentFailed)
    assert (failed.error, failed.message) == (kind, message)
    assert [chunk.seq for chunk in actor.said] == list(range(len(actor.said)))
    assert "backend Broken of ada failed" in caplog.text
    assert "Traceback" in caplog.text


async def test_a_cancellation_of_a_backends_own_is_its_failure(
    stage: Staging, ask: Asking
) -> None:
    if anyio.get_cancelled_exc_class().__module__.startswith("trio"):
        pytest.skip("trio has no cancellation that a scope has not made")
    import asyncio  # noqa: PLC0415

    async def slip(*_: Any) -> Any:
        helper = asyncio.ensure_future(asyncio.sleep(10))
        await asyncio.sleep(0)
        helper.cancel()
        await helper

    async with stage(Broken(slip)) as actor:
        failed = (await actor.play(ask.draft()))[-1]
    assert isinstance(failed, AgentFailed)
    assert failed.error == "CancelledError"


async def test_a_backend_whose_reads_bring_nothing_at_times_is_heard(
    stage: Staging, ask: Asking
) -> None:
    first: list[Any] = [[]]

    def slip(batch: Any, _: Any) -> Any:
        return first.pop() if first else batch

    async with stage(Broken(slip)) as actor:
        failed = (await actor.play(ask.draft()))[-1]
    # The read that was left out has left a hole, which is named.
    assert failed.outcome == "answered" or "seq" in failed.message


def _without_blocks(batch: Any, _: Any) -> Any:
    kept = [chunk for chunk in batch if not isinstance(chunk, BlockStarted)]
    return [
        msgspec.structs.replace(chunk, seq=n)
        for n, chunk in enumerate(kept, batch[0].seq)
    ]


def _text_alone(*_: Any) -> Any:
    return ["text"]


SLIPS: list[tuple[Callable[[Any, Any], Any], str]] = [
    (_without_blocks, "which is not open"),
    (lambda batch, _: batch[0], "an item is a list of chunks, not ResponseOpened"),
    (_text_alone, "an item holds chunks, not str"),
    (lambda batch, _: batch + batch, "comes next; stamp each chunk once"),
    (
        lambda batch, _: [msgspec.structs.replace(c, agent="eve") for c in batch],
        "is another agent's or turn's",
    ),
    (
        lambda _, pen: [AgentFailed(**pen.stamp(), error="x", message="y")],
        "comes next; stamp each chunk once",
    ),
    (
        lambda batch, _: [
            msgspec.structs.replace(c, content=msgspec.Raw(b"{nope"))
            if isinstance(c, BlockStarted)
            else c
            for c in batch
        ],
        "a chunk cannot be written as JSON",
    ),
    (
        lambda batch, _: [
            msgspec.structs.replace(c, id="other") if isinstance(c, ToolCalled) else c
            for c in batch
        ],
        "it must be a 'tool_use' of the same id",
    ),
    (
        lambda batch, _: [
            msgspec.structs.replace(c, text=5) if isinstance(c, TextDelta) else c
            for c in batch
        ],
        "a chunk cannot be written as JSON",
    ),
]


@pytest.mark.parametrize(("slip", "rule"), SLIPS, ids=[rule for _, rule in SLIPS])
async def test_a_slip_of_the_protocol_names_the_rule(
    slip: Callable[[Any, Any], Any], rule: str, stage: Staging, ask: Asking
) -> None:
    async with stage(Broken(slip)) as actor:
        failed = (await actor.play(ask.draft()))[-1]
    assert isinstance(failed, AgentFailed)
    assert failed.error == "ProtocolBroken"
    assert rule in failed.message
    assert "the backend broke the protocol" in failed.message
    assert [chunk.seq for chunk in actor.said] == list(range(len(actor.said)))


async def test_idle_limit_s_watches_any_backend(stage: Staging, ask: Asking) -> None:
    asked: list[int] = []

    async def slip(batch: Any, _: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:
            await anyio.sleep(10_000)
        return batch

    async with stage(Broken(slip), idle_limit_s=20.0) as actor:
        began = anyio.current_time()
        assert (await actor.play(ask.draft()))[-1].outcome == "answered"
        assert 20 <= anyio.current_time() - began < 60
    (abandoned,) = (c for c in actor.said if isinstance(c, ResponseAbandoned))
    assert abandoned.reason == "nothing came for 20 s: the stream stalled"


def _logged(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*given: Any, **named: Any) -> Any:
        return function(*given, **named)

    return inner


class _Look:
    """Look somewhere."""

    async def __call__(self, where: str, often: int = 1) -> str:
        """Look around.

        Args:
            where: The place.
            often: So many times.
        """
        await anyio.lowlevel.checkpoint()
        return f"{where} {often}"


@pytest.mark.real_time
async def test_decorated_async_functions_objects_and_partials_are_tools(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    @tool
    @_logged
    async def peek(where: str) -> str:
        """Peek."""
        await anyio.lowlevel.checkpoint()
        return f"peeked {where}"

    look = tool(name="look")(_Look())
    twice = tool(name="twice")(functools.partial(_Look(), often=2))
    assert look.spec.description == "Look around."
    assert b"often" in bytes(look.spec.input_schema)
    assert b"often" not in bytes(twice.spec.input_schema)
    assert tool(_Look()).name == "_Look"
    given = {"where": "here"}
    backend = scripted(
        [{"tool": name, "input": given} for name in ("peek", "look", "twice")], ANSWER
    )
    async with stage(backend, tools=(peek, look, twice)) as actor:
        await actor.play(ask.draft())
    assert sorted(results(actor.said)) == ['"here 1"', '"here 2"', '"peeked here"']


async def test_tools_of_one_group_run_in_the_responses_order_others_beside_them(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    order: list[str] = []

    async def work(name: str, takes_s: float) -> str:
        order.append(f"{name} begins")
        await anyio.sleep(takes_s)
        order.append(f"{name} ends")
        return name

    made = (
        tool(name="slow", serial="desk")(functools.partial(work, takes_s=3)),
        tool(name="quick", serial="desk")(functools.partial(work, takes_s=1)),
        tool(name="beside")(functools.partial(work, takes_s=2)),
    )
    backend = scripted(
        [{"tool": one.name, "input": {"name": one.name}} for one in made], ANSWER
    )
    async with stage(backend, tools=made) as actor:
        await actor.play(ask.draft())
    assert [line for line in order if "beside" not in line] == [
        "slow begins",
        "slow ends",
        "quick begins",
        "quick ends",
    ]
    assert order.index("beside ends") < order.index("slow ends")


@pytest.mark.real_time
async def test_no_edit_of_a_response_is_lost(
    tmp_path: Any, scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    (tmp_path / "f").write_text("one\ntwo\nthree\n" * 2000 + "four\nfive\n")
    editor, bash = TextEditor(tmp_path), Bash(tmp_path)
    assert editor.serial == bash.serial
    edits = [
        {
            "tool": editor.name,
            "input": {
                "command": "str_replace",
                "path": "f",
                "old_str": old,
                "new_str": old.upper(),
            },
        }
        for old in ("four", "five")
    ]
    after = {"tool": "bash", "input": {"command": "tail -n 2 f"}}
    backend = scripted([*edits, after], ANSWER)
    async with stage(backend, tools=(editor, bash)) as actor:
        await actor.play(ask.draft())
    assert results(actor.said)[-1] == json.dumps("FOUR\nFIVE")


@pytest.mark.real_time
async def test_a_pipe_is_no_file_to_be_written(tmp_path: Any) -> None:
    import os  # noqa: PLC0415

    os.mkfifo(tmp_path / "p")
    given = {"command": "create", "path": "/p", "file_text": "x"}
    with pytest.raises(Exception, match="is not a regular file"):
        await TextEditor(tmp_path).call(msgspec.Raw(msgspec.json.encode(given)))


@pytest.mark.real_time
async def test_memories_are_listed_by_the_paths_that_are_taken(tmp_path: Any) -> None:
    memory = Memory(tmp_path)

    async def use(**given: str) -> str:
        return await memory.call(msgspec.Raw(msgspec.json.encode(given)))

    await use(command="create", path="/memories/notes.md", file_text="Paris")
    listed = await use(command="view", path="/memories")
    assert "Paris" in await use(command="view", path=listed)


@pytest.mark.real_time
async def test_an_agents_hung_threads_are_no_other_agents(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    release = threading.Event()

    @tool
    def hangs() -> str:
        """Hang."""
        release.wait(30)
        return "late"

    backend = scripted([{"tool": "hangs"}] * 20, [{"tool": "hangs"}], ANSWER)
    async with stage(backend, tools=(hangs,), tool_timeout_s=0.05) as actor:
        await actor.play(ask.draft())
    told = results(actor.said)
    assert sum("took longer than 0.05 s" in text for text in told[:20]) == 16
    assert "no thread is free: 16 calls" in told[-1]
    release.set()
