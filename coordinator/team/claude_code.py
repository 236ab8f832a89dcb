"""``backend: claude_code`` in a team file: what it takes, and what that makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.backends.claude_code import ClaudeCodeBackend
    from agents.tools.approval import Approver
    from coordinator.team.team_file_schema import AgentEntry

_OF_OTHERS: dict[str, Any] = {
    "server": None,
    "api": None,
    "price": None,
    "betas": (),
    "cache": None,
    "ca_file": None,
    "compact_at_tokens": None,
    "inference_geo": None,
    "mcp_servers": (),
    "provider": "anthropic",
    "proxy": None,
    "service_tier": None,
    "skills": (),
    "speed": None,
    "task_budget": None,
    "thinking": None,
}
"""Settings of models that Claude Code has not, and what they are if nothing is said."""

_EXTRA = ("tools", "max_turns", "home", "env")
"""Keys of ``extra``: fields of its settings."""

_KEY = "ANTHROPIC_API_KEY"


def check(entry: AgentEntry) -> None:
    """Refuse what Claude Code has no use for.

    Raises:
        ValueError: With the way out.
    """
    if not (entry.model or "").strip():
        raise ValueError("Claude Code needs a model; add 'model: claude-…'")
    if entry.workspace is None:
        raise ValueError("Claude Code works in a folder; add e.g. 'workspace: work'")
    for name, nothing in _OF_OTHERS.items():
        if getattr(entry, name) != nothing:
            raise ValueError(f"{name}: Claude Code has none; leave it out")
    for name in entry.extra:
        if name not in _EXTRA:
            raise ValueError(f"extra: {name!r} is unknown; use {', '.join(_EXTRA)}")
    if entry.effort in {"none", "minimal"}:
        raise ValueError(f"effort: Claude Code has no {entry.effort}; begin with low")


def make(
    entry: AgentEntry, *, environment: Mapping[str, str], approver: Approver
) -> ClaudeCodeBackend:
    """The backend of ``entry``.

    Raises:
        ConfigInvalid: The package is not installed, or there is no key.
        ValueError: A setting cannot be.
    """
    from agents.backends.claude_code import ClaudeCodeBackend  # noqa: PLC0415  (few)
    from agents.backends.claude_code.process import is_installed  # noqa: PLC0415

    if not is_installed():
        raise ConfigInvalid(
            f"agent {entry.id!r}: Claude Code needs the package claude-agent-sdk (400 "
            "MB); run: pip install 'massgen-coordinator[claude_code]'"
        )
    variable = entry.api_key_env or _KEY
    key = environment.get(variable)
    if not key or not key.strip():
        raise ConfigInvalid(
            f"agent {entry.id!r} takes its key from {variable}, which is not set; set "
            "it, or name another variable as its 'api_key_env'"
        )
    extra = dict(entry.extra)
    if "tools" in extra:
        extra["tools"] = tuple(extra["tools"])
    if entry.effort is not None:
        extra["effort"] = entry.effort
    return ClaudeCodeBackend(
        entry.model or "",
        folder=Path(entry.workspace or "") / entry.id,
        api_key=key,
        base_url=entry.base_url or environment.get("ANTHROPIC_BASE_URL"),
        approve=entry.approve,
        approver=approver,
        sandbox=entry.sandbox == "on",
        **extra,
    )
