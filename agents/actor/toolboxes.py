"""Opens an agent's toolboxes for as long as it works.

Each is held by a task of its own, so that one that fails fails alone; all are opened at
once, so that an agent waits for the slowest only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import anyio

from agents.agent import served_names, unfit
from agents.errors import ToolsUnavailable

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.tools.base import Tool, Toolbox


@dataclass(slots=True)
class _Held:
    """A toolbox and what has come of it."""

    box: Toolbox
    tools: Sequence[Tool] = ()
    problem: str = ""
    settled: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def opened(agent: Agent) -> AsyncGenerator[tuple[Agent, tuple[str, ...]]]:
    """Open what ``agent`` has.

    Yields:
        The agent with all its tools, and a sentence for each toolbox that cannot be
        used.
    """
    held = [_Held(box) for box in agent.toolboxes]
    leaving = anyio.Event()
    async with anyio.create_task_group() as group:
        for one in held:
            group.start_soon(_hold, one, leaving, name=one.box.name)
        for one in held:
            await one.settled.wait()
        tools, problems = _together(agent, held)
        try:
            yield replace(agent, tools=tools, toolboxes=()), problems
        finally:
            leaving.set()


async def _hold(held: _Held, leaving: anyio.Event) -> None:
    try:
        async with held.box.open() as held.tools:
            held.settled.set()
            await leaving.wait()
    except ToolsUnavailable as error:
        held.problem = str(error)
    finally:
        held.settled.set()


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
        if one.problem:
            problems.append(one.problem)
        problems += getattr(one.tools, "problems", ())
        for tool in one.tools:
            problem = unfit(tool)
            if tool.name in taken:
                problem = "a name that is taken already"
            if problem:
                problems.append(
                    f"{one.box.name} offers {tool.name!r}, which is left out: {problem}"
                )
                continue
            taken.add(tool.name)
            tools[tool.name] = tool
    return tuple(tools.values()), tuple(problems)
