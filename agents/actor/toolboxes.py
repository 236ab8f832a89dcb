"""An agent's toolboxes: opened when it begins, closed when it goes.

Each is held by a task of its own, so that one that fails fails alone; all are opened at
once. A turn waits for the slowest, and can be cancelled meanwhile. One that does not
close in time is left behind.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from agents.agent import served_names, unfit
from agents.boundary.guard import (
    class_name,
    log_error,
    text_attribute,
    text_of,
    texts_of,
    words_of,
)
from agents.boundary.plain_tools import PlainTool, plain_tools
from agents.boundary.root import RootTask
from agents.errors import ToolsUnavailable

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.tools.base import Tool, Toolbox

OPEN_LIMIT_S = 60.0
"""A toolbox that takes longer is left out. Those for MCP servers give up sooner, and
say why."""
CLOSE_GRACE_S = 6.0
"""How long closing may take: ``mcp`` kills a server that will not go after 4 s."""


@dataclass(slots=True)
class _Held:
    """A toolbox and what has come of it."""

    box: Toolbox
    tools: tuple[PlainTool, ...] = ()
    problem: str = ""
    left_out: tuple[str, ...] = ()
    """Tools that it does not offer, as it reports them."""
    settled: anyio.Event = field(default_factory=anyio.Event)
    leaving: anyio.Event = field(default_factory=anyio.Event)
    task: RootTask[None] | None = None


class Toolboxes:
    """The toolboxes of one agent, made by :func:`opening`."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._held = [_Held(box) for box in agent.toolboxes]
        for one in self._held:
            name = f"toolbox {_name(one.box)} of {agent.id}"
            one.task = RootTask(name, lambda one=one: _hold(one))

    async def ready(self) -> tuple[Agent, tuple[str, ...]]:
        """Wait until each is open, or cannot be.

        Returns:
            The agent with all its tools, and a sentence for each toolbox that cannot be
            used.
        """
        with anyio.move_on_after(OPEN_LIMIT_S):
            for one in self._held:
                await one.settled.wait()
        tools, problems = _together(self._agent, self._held)
        return self._agent.with_tools(tools), problems

    async def close(self) -> None:
        """Close all at once; shielded and bounded."""
        for one in self._held:
            one.leaving.set()
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            for one in self._held:
                if one.task is not None:
                    if not one.settled.is_set():
                        one.task.cancel("the agent goes")
                    await one.task.wait()
        for one in self._held:
            if one.task is not None and not one.task.is_over:
                one.task.leave(f"{CLOSE_GRACE_S:g} s after its agent had gone")


@asynccontextmanager
async def opening(agent: Agent) -> AsyncGenerator[Toolboxes]:
    """Begin to open what ``agent`` has; close it in the end."""
    boxes = Toolboxes(agent)
    try:
        yield boxes
    finally:
        await boxes.close()  # noqa: ASYNC102  (bounded, and shielded where it must be)


async def _hold(held: _Held) -> None:
    try:
        async with held.box.open() as tools:
            held.tools = plain_tools(tools)
            held.left_out = texts_of(tools, "problems")
            held.settled.set()
            await held.leaving.wait()
    except ToolsUnavailable as error:
        held.problem = text_of(error)
    except BaseException as error:
        if held.task is not None and held.task.is_cancelled:
            raise  # by us: the agent goes
        if held.leaving.is_set():
            log_error(f"closing {_name(held.box)}", error)
        else:
            log_error(_name(held.box), error)
            held.problem = f"{_name(held.box)} cannot be used: {words_of(error)}"
        raise
    finally:
        held.settled.set()


def _name(box: Toolbox) -> str:
    """The toolbox's name in errors, also where it raises."""
    return text_attribute(box, "name") or class_name(box)


def _together(
    agent: Agent, held: Sequence[_Held]
) -> tuple[tuple[Tool, ...], tuple[str, ...]]:
    """All tools, the first of each name, and what is wrong.

    A tool that the API would refuse is left out: it would cost the agent every request.
    """
    tools = {tool.name: tool for tool in agent.tools}
    taken = {*tools, *served_names(agent)}
    problems: list[str] = []
    for one in held:
        if not one.settled.is_set():
            problems.append(
                f"{_name(one.box)} cannot be used: it did not open within "
                f"{OPEN_LIMIT_S:g} s"
            )
        if one.problem:
            problems.append(one.problem)
        problems += one.left_out
        for tool in one.tools:
            problem = unfit(tool)
            if tool.name in taken:
                problem = "a name that is taken already"
            if problem:
                problems.append(
                    f"{_name(one.box)} offers {tool.name!r}, which is left out: "
                    f"{problem}"
                )
                continue
            taken.add(tool.name)
            tools[tool.name] = tool
    return tuple(tools.values()), tuple(problems)
