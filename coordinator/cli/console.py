"""Where a person takes part from a terminal: is asked, answers, votes, steers.

One task reads lines, one for each person of the team shows what that person is asked.
What a line means is :mod:`coordinator.cli.slash_commands`'s; what it does, the
session's.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TextIO, assert_never

import anyio

from agents.actor.person import BEFORE_ANY
from agents.protocol.chunks import AgentId
from agents.protocol.turns import Turn
from agents.tools.approval import Approved, Refused, Verdict
from coordinator.cli import slash_commands as spoken
from coordinator.cli.approvals import Approvals
from coordinator.displays.sanitizer import clean
from coordinator.displays.sink import Sink
from coordinator.errors import ConfigInvalid, NotAsked, NotInTeam
from coordinator.session.session import Session

_LINE_BYTES_MAX = 1 << 16
"""A longer line is cut in pieces: a terminal hands over at most 4,096 at a time."""


class Desk:
    """Serves the people of one session.

    Args:
        session: What they take part in.
        people: The agents who are people, in the team's order.
        approvals: Calls of tools that wait for a yes.
        keys: What is typed; a terminal or a pipe.
        out: Where they read.
    """

    def __init__(
        self,
        session: Session,
        people: Sequence[str],
        approvals: Approvals,
        keys: TextIO,
        out: TextIO,
    ) -> None:
        self._session = session
        self._people = tuple(people)
        self._approvals = approvals
        self._keys = keys
        self._sink = Sink(out)
        self._turns: dict[AgentId, Turn] = {}
        self._lines: list[str] = []

    async def serve(self) -> None:
        """Until cancelled, or until nothing more can be typed."""
        async with anyio.create_task_group() as group:
            for agent in map(AgentId, self._people):
                group.start_soon(self._attend, agent, name=f"desk of {agent}")
            group.start_soon(self._ask_approval, name="desk of approvals")
            if not self._people:
                await self._show(f"You may speak:\n{spoken.COMMANDS}")
            async with aclosing(self._typed()) as lines:
                async for line in lines:
                    try:
                        await self._take(line)
                    except (NotAsked, NotInTeam) as error:
                        await self._show(f"{error}")
            self._approvals.leave()
            for agent in self._people:
                self._session.stop_agent(agent, "nobody is at the terminal any more")

    async def _attend(self, agent: AgentId) -> None:
        turn = None
        while True:
            try:
                after = turn.number if turn else BEFORE_ANY
                turn = await self._session.asked(agent, after=after)
            except NotAsked:  # the session has ended
                return
            self._turns.pop(agent, None)  # whoever is asked again waits at the end
            self._turns[agent] = turn
            note = f"{turn.note}\n" if turn.note else ""
            await self._show(note + spoken.request_of(agent, turn.task))

    async def _ask_approval(self) -> None:
        async with aclosing(self._approvals.asked()) as asked:
            async for waiting in asked:
                await self._show(spoken.approval_of(waiting.agent, waiting.call))

    async def _take(self, line: str) -> None:
        if line.startswith("/"):
            await self._obey(spoken.command_of(line))
        elif line.strip():
            self._lines.append(line)
        elif self._lines:
            text, self._lines = "\n".join(self._lines), []
            agent = self._first()
            del self._turns[agent]
            self._session.answer(agent, text)

    async def _obey(self, command: spoken.Command) -> None:
        match command:
            case spoken.Voted(labels, reason):
                agent = self._first()
                self._session.vote(agent, *labels, reason=reason)
                del self._turns[agent]
            case spoken.Told(words):
                self._session.say(words)
                await self._show("Every agent will read it with its next turn.")
            case spoken.Vetoed(label, reason):
                self._session.veto(label, reason)
            case spoken.Stopped(agent, reason):
                self._session.stop_agent(agent, reason)
            case spoken.Allowed() | spoken.Denied():
                await self._decide(command)
            case spoken.Ended():
                self._session.interrupt("ended from the terminal")
            case spoken.Helped():
                await self._show(spoken.COMMANDS)
            case spoken.Misspoken(why):
                await self._show(why)
            case _:
                assert_never(command)

    async def _decide(self, command: spoken.Allowed | spoken.Denied) -> None:
        verdict: Verdict = Approved()
        if isinstance(command, spoken.Denied):
            verdict = Refused(command.reason)
        if why := self._approvals.settle(verdict):
            await self._show(why)

    def _first(self) -> AgentId:
        """Whoever has been waiting for words the longest.

        Raises:
            NotAsked: Nobody is.
        """
        for agent in self._turns:
            return agent
        raise NotAsked(
            "nobody here is asked anything now; /say tells the team something"
        )

    async def _show(self, words: str) -> None:
        await self._sink.write(f"\n{clean(words)}\n\n")

    async def _typed(self) -> AsyncGenerator[str]:
        """Give the lines as they are typed; the last may lack its end.

        Raises:
            ConfigInvalid: A person should type, and nobody can.
        """
        descriptor = self._keys.fileno()
        held = b""
        while True:
            try:
                await anyio.wait_readable(descriptor)
            except OSError as error:  # epoll takes no regular file
                if not self._people:
                    return
                raise ConfigInvalid(
                    "a person takes part from a terminal or a pipe, and standard "
                    "input is neither"
                ) from error
            data = os.read(descriptor, _LINE_BYTES_MAX)
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace").rstrip("\r")
            if not data:
                break
        if held:
            yield held.decode("utf-8", "replace")
