"""Calls of tools that wait for a person's yes: between the agents and the desk."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from typing import Literal

import anyio
import anyio.lowlevel

from agents.protocol.chunks import AgentId, ToolCalled
from agents.tools.approval import Approver, Refused, Verdict, anything

GONE = Refused("nobody is at the terminal to approve it")


async def nothing(_agent: AgentId, _call: ToolCalled) -> Verdict:
    """Refuse whatever it is."""
    await anyio.lowlevel.checkpoint()
    return Refused("no tool is approved in this session")


class Waiting:
    """One call, until somebody has decided."""

    __slots__ = ("agent", "call", "is_settled", "is_shown", "verdict")

    def __init__(self, agent: AgentId, call: ToolCalled) -> None:
        self.agent = agent
        self.call = call
        self.is_shown = False
        self.is_settled = anyio.Event()
        self.verdict: Verdict = GONE


class Approvals:
    """The approver of a team's agents: one call is asked about after the other.

    Args:
        is_attended: Whether there will be somebody to ask.
    """

    def __init__(self, *, is_attended: bool) -> None:
        self._is_attended = is_attended
        self._waiting: deque[Waiting] = deque()
        self._changed = anyio.Event()
        self._was_withdrawn = False

    async def __call__(self, agent: AgentId, call: ToolCalled) -> Verdict:
        """Wait for a person's verdict."""
        if not self._is_attended:
            await anyio.lowlevel.checkpoint()
            return GONE
        waiting = Waiting(agent, call)
        self._waiting.append(waiting)
        self._changed.set()
        try:
            await waiting.is_settled.wait()
        finally:
            if waiting in self._waiting:  # cancelled: its turn is over
                self._waiting.remove(waiting)
                self._was_withdrawn |= waiting.is_shown
                self._changed.set()
        return waiting.verdict

    async def asked(self) -> AsyncGenerator[Waiting]:
        """Each call that comes to the head of the queue, for ever."""
        shown: Waiting | None = None
        while True:
            self._changed = anyio.Event()
            first = self._waiting[0] if self._waiting else None
            if first is None or first is shown:
                await self._changed.wait()
            else:
                shown = first
                first.is_shown = True
                yield first

    def settle(self, verdict: Verdict) -> str:
        """Decide on the call at the head of the queue.

        Whoever decides may still have another call before their eyes: one that was
        withdrawn while they typed. So the first verdict after that counts for nothing.

        Returns:
            Why nothing was decided; empty if it was.
        """
        was_withdrawn, self._was_withdrawn = self._was_withdrawn, False
        if not self._waiting:
            return "no tool waits for a yes now"
        first = self._waiting[0]
        if was_withdrawn or not first.is_shown:
            return (
                f"{first.agent} waits to run {first.call.name} now, not what you may "
                "have read last: say it again"
            )
        self._decide(verdict)
        return ""

    def _decide(self, verdict: Verdict) -> None:
        settled = self._waiting.popleft()
        settled.verdict = verdict
        settled.is_settled.set()
        self._changed.set()

    def leave(self) -> None:
        """Refuse all that waits, and all that will come."""
        self._is_attended = False
        while self._waiting:
            self._decide(GONE)


def approver_of(
    approve: Literal["ask", "all", "none"], approvals: Approvals
) -> Approver:
    """The approver of calls that ``--approve`` names."""
    return {"ask": approvals, "all": anything, "none": nothing}[approve]
