"""A conversation's prefix over HTTP: late tools, uploads, containers, a new process.

A model's thinking is bound to the exact ``system``, ``tools`` and messages before it
(platform.claude.com, preserved thinking, read 2026-11-30). What a process cannot keep
(an edited system prompt, a file that had to be uploaded anew) costs the thoughts and
not the turn, and is said. Tools that came or went are told to the model on the way.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

import coordinator
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import parse_script
from agents.emulator import Server, serve
from agents.emulator.files import Kept
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox
from agents.protocol.attachments import Attach
from agents.protocol.chunks import AgentId, ContextEdited, TurnRestarted
from agents.tools.approval import Approval, anything
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.journal.reader import read_session
from tests.coordinator.scenarios.test_prefixes import Sent, differences

pytestmark = pytest.mark.real_time

MODEL = "claude-fable-5-2"
"""It refuses another prefix for every account."""
STRICT: dict[str, Any] = {
    "thinking": {
        "type": "adaptive",
        "block_binding": {"prefix_mismatch_behavior": "error"},
    }
}
"""Without the belt: the API refuses what would otherwise be left out."""

SERVER = r"""
import json, sys, time

time.sleep(float(sys.argv[1]))
names = sys.argv[2:]
for line in sys.stdin:
    said = json.loads(line)
    method, asked = said.get("method"), said.get("params", {})
    if "id" not in said:
        continue
    result = {}
    if method == "initialize":
        info = {"name": "x", "version": "1"}
        result = {"protocolVersion": asked["protocolVersion"], "serverInfo": info}
        result["capabilities"] = {"tools": {"listChanged": True}}
    elif method == "tools/list":
        schema = {"type": "object"}
        result = {"tools": [{"name": n, "inputSchema": schema} for n in names]}
    elif method == "tools/call":
        # What it offers changes amid the session, and it says so.
        names = [*names[1:], "later"]
        changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        print(json.dumps(changed), flush=True)
        result = {"content": [{"type": "text", "text": asked["arguments"]["words"]}]}
    answer = {"jsonrpc": "2.0", "id": said["id"], "result": result}
    print(json.dumps(answer), flush=True)
"""


def said(task: str, *lines: dict[str, Any], told: str = "") -> dict[str, Any]:
    when = {"task": task, **({"told": told} if told else {})}
    return {"when": when, "repeat": True, "lines": [*lines]}


def think(words: str) -> dict[str, Any]:
    return {"thinking": words}


CODE = {"server_tool": "bash_code_execution", "result": "1"}
ADA = [
    said("draft", think("Enough."), {"answer": "Paris."}, told="a plan"),
    said(
        "draft",
        think("Compute."),
        CODE,
        {"container": "c1"},
        {"tool": "late__echo", "input": {"words": "a plan"}},
        told="a map",
    ),
    said(
        "draft",
        think("Where to begin?"),
        {"tool": "late__echo", "input": {"words": "a map"}},
    ),
    said("review", think("Mine."), {"vote": {"first": True}, "delay_s": 0.05}),
    said("present", think("Well."), {"text": "It is Paris."}),
]
BOB = [
    said("draft", think("Hm."), {"answer": "Lyon."}),
    said("review", think("Ada is right."), {"vote": {"first": True}, "delay_s": 0.05}),
    said("present", {"text": "It is Paris."}),
]


@dataclass(kw_only=True)
class World:
    """The surroundings of a process, which the next one may find changed."""

    server: Server
    names: tuple[str, ...] = ("echo",)
    system: str = "Be brief."
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    fallback: str = ""

    @asynccontextmanager
    async def team(
        self, policy: PolicyName = "revision"
    ) -> AsyncGenerator[coordinator.Team]:
        command = (sys.executable, "-c", SERVER, "0.3", *self.names)
        box = McpToolbox(McpServer(name="late", command=command))
        async with AsyncExitStack() as stack:
            agents: list[coordinator.Agent] = []
            for name in ("ada", "bob"):
                backend = ClaudeBackend(
                    MODEL,
                    api_key="sk-test",
                    base_url=self.server.base_url,
                    server_tools=("code_execution",) if name == "ada" else (),
                    **self.settings,
                )
                stack.push_async_callback(backend.aclose)
                others: list[ClaudeBackend] = []
                if self.fallback and name == "ada":
                    other = ClaudeBackend(
                        self.fallback,
                        api_key="sk-test",
                        base_url=self.server.base_url,
                    )
                    stack.push_async_callback(other.aclose)
                    others.append(other)
                agents.append(
                    coordinator.Agent(
                        id=AgentId(name),
                        backend=backend,
                        fallbacks=tuple(others),
                        system=self.system,
                        toolboxes=(box,) if name == "ada" else (),
                        approval=Approval(("late__*",), anything),
                    )
                )
            yield coordinator.Team(agents=tuple(agents), rules=Rules(policy), seed=1)

    def faults(self) -> dict[str, list[str]]:
        """Where an agent's requests do not stand on what was answered before."""
        sent: dict[str, list[Sent]] = defaultdict(list)
        for number, record in enumerate(self.server.requests):
            if record.path.startswith("/v1/messages") and record.status == 200:
                sent[str(record.agent)].append(sent_of(record.body, number))
        assert len(sent["ada"]) > 3
        return {name: found for name in sent if (found := differences(sent[name]))}


def sent_of(body: dict[str, Any], number: int) -> Sent:
    plain = unmarked(body)
    return Sent(
        turn=number,
        model=body["model"],
        head=msgspec.json.encode([plain.get("system"), plain.get("tools")]),
        blocks=tuple(
            (message["role"], msgspec.json.encode(block))
            for message in plain["messages"]
            for block in message["content"]
        ),
    )


def unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: unmarked(v) for k, v in value.items() if k != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [unmarked(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    scripts = {"ada": parse_script({"turns": ADA}), "bob": parse_script({"turns": BOB})}
    async with serve(scripts) as server:
        yield World(server=server)


@pytest.fixture
def numbers(tmp_path: Path) -> Attach:
    path = tmp_path / "numbers.txt"
    path.write_text("1 2 3", "utf-8")
    return Attach(source=str(path), by="upload")


async def play(
    world: World,
    root: Path,
    numbers: Attach | None,
    policy: PolicyName,
) -> None:
    attached = [numbers] if numbers else []
    async with world.team(policy) as team:
        result = await coordinator.run(
            "Where?", team, journal=root, session_id="whole", attachments=attached
        )
    assert result.status == "answered", result
    assert "failed" not in {agent.status for agent in result.agents.values()}


@pytest.mark.parametrize("policy", ["slate", "revision", "ensemble", "massgen"])
async def test_late_and_changed_tools_uploads_approvals_and_containers_change_no_prefix(
    world: World,
    root: Path,
    numbers: Attach,
    policy: PolicyName,
) -> None:
    with anyio.fail_after(60):
        await play(world, root, numbers, policy)
    assert world.faults() == {}
    named = [r.body.get("container") for r in world.server.requests if r.agent == "ada"]
    assert named[:2] == [None, None]
    assert set(named[2:]) == {"c1"}


Write = Callable[..., Path]


async def resumed(
    world: World,
    write: Write,
    root: Path,
    *,
    is_kept: bool = True,
) -> list[Any]:
    """Go on from here and there; what was said of the past and of fresh starts."""
    records = read_session(root, "whole").records
    kept = uploaded(world) if is_kept else {}
    told: list[Any] = []
    # From the end: what is said anew is sealed as before, under the changed prefix.
    for cut in reversed(range(6, len(records) - 2, len(records) // 7)):
        path = write(f"cut{cut}", records[:cut])
        world.server.files.kept.update(kept)
        async with (
            world.team() as team,
            coordinator.resume_session(path, team) as session,
        ):
            told += [
                event
                async for event in session
                if isinstance(event, ContextEdited | TurnRestarted)
            ]
            result = await session.wait()
        assert (result.status, result.answer) == ("answered", "It is Paris."), cut
    return told


@pytest.mark.long
async def test_a_resumed_session_goes_on_from_the_very_prefix(
    world: World,
    root: Path,
    numbers: Attach,
    write: Write,
) -> None:
    with anyio.fail_after(120):
        await play(world, root, numbers, "revision")
        assert await resumed(world, write, root) == []
    assert world.faults() == {}


@pytest.mark.long
@pytest.mark.parametrize("changed", ["system", "file"])
async def test_what_a_new_process_finds_changed_costs_thoughts_and_no_turn(
    world: World,
    root: Path,
    numbers: Attach,
    write: Write,
    changed: str,
) -> None:
    with anyio.fail_after(120):
        await play(world, root, numbers, "revision")
        change(world, changed)
        told = await resumed(world, write, root, is_kept=changed != "file")
    assert told
    assert {type(event) for event in told} == {ContextEdited}
    assert {event.edit for event in told} == {"thinking_dropped"}


@pytest.mark.long
@pytest.mark.parametrize("changed", ["system", "file"])
async def test_where_the_api_refuses_another_prefix_the_turn_begins_afresh(
    world: World,
    root: Path,
    numbers: Attach,
    write: Write,
    changed: str,
) -> None:
    world.settings = STRICT
    with anyio.fail_after(120):
        await play(world, root, numbers, "revision")
        change(world, changed)
        told = await resumed(world, write, root, is_kept=changed != "file")
    assert any("different conversation" in str(event.reason) for event in told)


@pytest.mark.long
@pytest.mark.parametrize("settings", [{}, STRICT], ids=["belt", "strict"])
async def test_other_tools_of_a_new_process_are_told_and_cost_nothing(
    world: World,
    root: Path,
    numbers: Attach,
    write: Write,
    settings: dict[str, Any],
) -> None:
    world.settings, world.names = settings, ("echo", "gone")
    with anyio.fail_after(120):
        await play(world, root, numbers, "revision")
        before = len(world.server.requests)
        world.names = ("echo", "more")
        assert await resumed(world, write, root) == []
    anew = "has another system prompt or other tools"  # a conversation that begins
    faults = [fault for each in world.faults().values() for fault in each]
    assert [fault for fault in faults if not fault.endswith(anew)] == []
    told = [changes_in(body) for body in bodies(world, since=before)]
    assert [("removal", "late__gone"), ("addition", "late__more: defined")] in told
    assert all(len(each) in {0, 2} for each in told), "it is told once"
    for body in bodies(world, since=before):
        names = [tool["name"] for tool in body["tools"]]
        assert ("late__gone" in names) is (len(changes_in(body)) > 0), "as it began"


@pytest.mark.long
async def test_a_tool_that_comes_back_is_named_and_the_second_change_follows_the_first(
    world: World, root: Path, write: Write
) -> None:
    world.settings, world.names = STRICT, ("echo", "gone")

    async def told_from(session: str, cut: int) -> list[list[tuple[str, str]]]:
        """The messages about tools where ``session`` goes on from there."""
        records = read_session(root, session).records
        path = write(f"{session}-{cut}", records[:cut])
        before = len(world.server.requests)
        async with (
            world.team() as team,
            coordinator.resume_session(path, team) as going_on,
        ):
            result = await going_on.wait()
        assert result.answer == "It is Paris."
        return [changes_in(body) for body in bodies(world, since=before)]

    with anyio.fail_after(120):
        await play(world, root, None, "revision")
        world.names = ("echo", "more")
        first = [("removal", "late__gone"), ("addition", "late__more: defined")]
        cut = 8
        while first not in await told_from("whole", cut):
            cut += 2
        world.names = ("echo", "gone")
        second = [("removal", "late__more"), ("addition", "late__gone")]
        later, session = cut + 2, f"whole-{cut}"
        while [*first, *second] not in await told_from(session, later):
            later += 2


def changes_in(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for message in body["messages"]:
        if message["role"] != "system":
            continue
        for block in message["content"]:
            tool = block["tool"]
            name = tool.get("name") or f"{tool['definition']['name']}: defined"
            found.append((block["type"].removeprefix("tool_"), name))
    return found


def change(world: World, changed: str) -> None:
    if changed == "system":
        world.system = "Be thorough."


def uploaded(world: World) -> dict[str, Kept]:
    """The file that was sent: a killed process leaves it behind."""
    (asked, *_) = (r for r in world.server.requests if r.path == "/v1/messages")
    block = asked.body["messages"][0]["content"][0]
    kept = Kept(
        id=block["source"]["file_id"],
        name="numbers.txt",
        media_type="text/plain",
        data=b"1 2 3",
        is_downloadable=False,
    )
    return {kept.id: kept}


# What may change a prefix, each by a rule.


def bodies(world: World, agent: str = "ada", since: int = 0) -> list[dict[str, Any]]:
    return [
        record.body
        for record in list(world.server.requests)[since:]
        if record.agent == agent and record.path.startswith("/v1/messages")
    ]


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


async def test_a_fallbacks_turn_holds_nothing_of_the_model_before() -> None:
    declines = [think("No."), {"text": "I can"}, {"stop_reason": "refusal"}]
    turns = [{"lines": ADA[2]["lines"]}, {"lines": ADA[1]["lines"]}]
    script = [*turns, {"lines": declines}, *ADA]
    bob = parse_script({"turns": BOB})
    async with serve({"ada": parse_script({"turns": script}), "bob": bob}) as server:
        world = World(server=server, fallback="claude-opus-5-5")
        with anyio.fail_after(60):
            async with world.team() as team:
                await coordinator.run("Where?", team)
    # The fallback has no code execution: its tools are others, as its model is.
    assert world.faults() == {
        "ada": ["request 3 has another system prompt or other tools"]
    }
    asked = bodies(world)
    first = next(n for n, body in enumerate(asked) if body["model"] != MODEL)
    assert first == 3
    assert roles(asked[first]) == ["user"]
    assert "container" in asked[first - 1]
    assert "container" not in asked[first]
    assert {body["model"] for body in asked[first:]} == {"claude-opus-5-5"}


async def test_a_next_question_begins_a_conversation(
    world: World,
    root: Path,
    numbers: Attach,
) -> None:
    with anyio.fail_after(60):
        await play(world, root, numbers, "revision")
        before = len(bodies(world))
        earlier = coordinator.continued_from(root, "whole")
        async with world.team() as team:
            await coordinator.run("And then?", team, continues=earlier, journal=root)
    asked = bodies(world)[before:]
    assert roles(asked[0]) == ["user"]
    assert "container" not in asked[0]
    assert world.faults() == {}


async def test_a_branch_keeps_what_was_asked_in_the_same_words(
    world: World,
    root: Path,
) -> None:
    with anyio.fail_after(60):
        await play(world, root, None, "revision")
        length = len(read_session(root, "whole").records)
        for record in (length // 3, length // 2):
            async with (
                world.team() as team,
                coordinator.branch_session(
                    "whole", record, team, journal=root, session_id=f"b{record}"
                ) as session,
            ):
                assert (await session.wait()).status == "answered"
    assert world.faults() == {}


async def test_the_apis_own_summary_goes_back_behind_what_it_stands_for() -> None:
    summary = {"type": "compaction", "content": "So far: nothing of note."}
    compacted = [{"block": summary}, {"stop_reason": "compaction"}]
    script = [{"lines": ADA[2]["lines"]}, {"lines": compacted}, *ADA]
    bob = parse_script({"turns": BOB})
    async with serve({"ada": parse_script({"turns": script}), "bob": bob}) as server:
        world = World(server=server, settings={"compact_at_tokens": 60_000})
        with anyio.fail_after(60):
            async with world.team() as team:
                await coordinator.run("Where?", team)
    assert world.faults() == {}
    after = bodies(world)[2]["messages"]
    assert summary in [block for message in after for block in message["content"]]
