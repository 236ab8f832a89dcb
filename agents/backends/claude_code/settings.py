"""Settings of an agent that is Claude Code. Data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]

HOME_VARIABLE = "XDG_STATE_HOME"


class ClaudeCodeSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings with which Claude Code is started."""

    model: str
    folder: Path
    """It works here, and its commands begin here."""
    home: Path
    """Its home: settings, and the transcripts by which sessions are resumed. Not its
    user's, so nobody's login, hooks or memories get in."""
    api_key: str | None = None
    base_url: str | None = None
    tools: tuple[str, ...] | None = None
    """Which of its own tools it has, by their names; ``None``: all of them."""
    approve: tuple[str, ...] = ()
    """Names of its own tools, or patterns, that somebody must approve each time."""
    effort: Effort | None = None
    max_turns: int | None = None
    """Most calls of the model for one question or tool result."""
    sandbox: bool = True
    """Whether its processes have a namespace of their own, where bubblewrap works."""
    env: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """More of its environment, e.g. a proxy."""

    def __repr__(self) -> str:
        return f"ClaudeCodeSettings(model={self.model!r})"


def check(settings: ClaudeCodeSettings) -> None:
    """Refuse what Claude Code could not be started with.

    Raises:
        ValueError: With the way out.
    """
    if not settings.model.strip():
        raise ValueError("Claude Code needs a model; add 'model: claude-…'")
    if settings.effort is not None and settings.effort not in get_args(Effort):
        levels = ", ".join(get_args(Effort))
        raise ValueError(f"effort {settings.effort!r}: Claude Code takes {levels}")
    if settings.max_turns is not None and settings.max_turns < 1:
        raise ValueError(f"max_turns {settings.max_turns} will not do; use at least 1")


def default_home() -> Path:
    """Where Claude Code lives if nobody says otherwise."""
    state = os.environ.get(HOME_VARIABLE) or "~/.local/state"
    return Path(state).expanduser() / "massgen-coordinator" / "claude-code"
