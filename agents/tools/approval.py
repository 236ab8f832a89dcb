"""Approval of tools: somebody is asked before each call of those named.

Nobody is asked about other tools. What is refused is not run; the model reads why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

import anyio.lowlevel

from agents.protocol.chunks import AgentId, ToolCalled


class Approved(NamedTuple):
    """It may run, this once."""


class Refused(NamedTuple):
    """It may not."""

    reason: str


Verdict: TypeAlias = Approved | Refused
Approver: TypeAlias = Callable[[AgentId, ToolCalled], Awaitable[Verdict]]
"""Asked before a call; may take its time, and is cancelled with the turn."""


async def nobody(_agent: AgentId, _call: ToolCalled) -> Verdict:
    """Refuse: there is nobody to ask."""
    await anyio.lowlevel.checkpoint()
    return Refused("nobody is there to approve it")


async def anything(_agent: AgentId, _call: ToolCalled) -> Verdict:
    """Approve whatever it is."""
    await anyio.lowlevel.checkpoint()
    return Approved()


class Approval(NamedTuple):
    """Which tools must be approved, and by whom."""

    tools: tuple[str, ...] = ()
    """Names, or patterns of them: ``bash``, ``files__*``, ``*``."""
    approver: Approver = nobody

    def is_needed(self, name: str) -> bool:
        """Whether somebody must be asked before the tool ``name`` runs."""
        return any(fnmatchcase(name, pattern) for pattern in self.tools)


NONE_NEEDED = Approval()
"""Every tool runs."""
