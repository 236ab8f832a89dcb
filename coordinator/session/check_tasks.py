"""The checks of one session under way: begun, stopped, and told to the machine.

Owns a task for each check of each answer, and how many commands run at once. What a
check does is :mod:`agents.tools.check_runner`'; what follows is the machine's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import anyio.abc

from agents.protocol.checks import Check, CheckResult
from agents.protocol.chunks import AgentId, Label
from coordinator.consensus.state import Answer
from coordinator.protocol.events import CheckEnded, RunChecks

if TYPE_CHECKING:
    from agents.tools.check_runner import Subject

COMMANDS_AT_ONCE = max(2, os.cpu_count() or 2)
"""Commands of one session that run side by side: tests keep a core busy, and one that
waits for a core uses up its time."""


class Tell(Protocol):
    """Brings an input to the machine."""

    def __call__(self, what: CheckEnded) -> None:
        """Take it; does not block."""
        ...


class CheckRuns:
    """Runs a session's checks in its task group.

    Args:
        checks: Of the rules.
        functions: Check's name → the Python function it runs.
        folders: Agent → its workspace in this session.
    """

    def __init__(
        self,
        checks: tuple[Check, ...],
        functions: Mapping[str, Callable[[Any], object]],
        folders: Mapping[AgentId, Path],
    ) -> None:
        self._checks = {check.called: check for check in checks}
        self._functions = functions
        self._folders = folders
        self._scopes: dict[Label, list[anyio.CancelScope]] = {}
        self._places = anyio.CapacityLimiter(COMMANDS_AT_ONCE) if checks else None

    def begin(
        self, asked: RunChecks, answer: Answer, group: anyio.abc.TaskGroup, tell: Tell
    ) -> None:
        """Begin what is asked for, and tell each result."""
        from agents.tools.check_runner import Subject  # noqa: PLC0415  (7 ms; few teams)

        subject = Subject(
            content=answer.content,
            value=answer.value,
            folder=self._folders.get(asked.agent),
        )
        scopes = self._scopes.setdefault(asked.label, [])
        for name in asked.checks:
            scope = anyio.CancelScope()
            scopes.append(scope)
            group.start_soon(
                self._run, name, asked.label, subject, scope, tell, name=f"check {name}"
            )

    def cancel(self, label: Label, reason: str) -> None:
        """Stop what still runs of an answer's checks."""
        for scope in self._scopes.pop(label, ()):
            scope.cancel(reason)

    def stop(self, reason: str) -> None:
        """Stop all that still runs."""
        for label in tuple(self._scopes):
            self.cancel(label, reason)

    async def _run(
        self,
        name: str,
        label: Label,
        subject: Subject,
        scope: anyio.CancelScope,
        tell: Tell,
    ) -> None:
        from agents.tools.check_runner import run_check  # noqa: PLC0415  (as above)

        check = self._checks[name]
        result: CheckResult | None = None
        with scope:
            async with AsyncExitStack() as stack:
                if check.command is not None and self._places is not None:
                    await stack.enter_async_context(self._places)
                result = await run_check(check, subject, self._functions.get(name))
        if result is not None and not scope.cancelled_caught:
            tell(CheckEnded(at=anyio.current_time(), label=label, result=result))
