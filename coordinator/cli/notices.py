"""Notices of a run that went well: one line each, on standard error."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agents.limits.model_retirement import retirement_notice
from coordinator.cli.exit_codes import complain
from coordinator.displays.library_warnings import Told, warnings_held

if TYPE_CHECKING:
    from coordinator.team.team_file_schema import AgentEntry

NOTICE_CHARS = 400
"""Of a library's words; some quote what they were given."""

_FOR_PEOPLE = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    SyntaxWarning,
    UnicodeWarning,
    UserWarning,
)
"""Warnings that say what to change, and nothing of a fault in this program. The others
(a file left open, a coroutine never awaited) stay what the interpreter was told."""

_SAME_DATES = ("anthropic", "foundry")
"""Providers that keep to the dates of the models' maker."""

_retiring: ContextVar[set[str] | None] = ContextVar("retiring", default=None)
"""Models whose end was said in this run, so that a library need not say it again."""


@contextmanager
def libraries_noticed() -> Generator[None]:
    """Make warnings of libraries notices that are said when the block is left.

    Under ``-W error`` too they end nothing: the process is the command's own.
    """
    token = _retiring.set(set())
    try:
        with warnings.catch_warnings(), warnings_held(_tell):
            for category in _FOR_PEOPLE:
                warnings.simplefilter("always", category)
            yield
    finally:
        _retiring.reset(token)


def _tell(notice: Told) -> None:
    text = " ".join(notice[0].split())[:NOTICE_CHARS]
    if not any(f"'{model}'" in text for model in _retiring.get() or ()):
        complain(f"notice: {text}")


def notice_retirements(agents: Iterable[AgentEntry]) -> None:
    """Say which of a team's models are retired or will be, each once."""
    today = datetime.now(UTC).date()
    models = (
        model
        for agent in agents
        if agent.provider in _SAME_DATES
        for model in (agent.model, *agent.fallback)
    )
    for model in dict.fromkeys(filter(None, models)):
        notice = retirement_notice(model, today)
        if notice is not None:
            complain(f"notice: {notice}")
            known = _retiring.get()
            if known is not None:
                known.add(model)
