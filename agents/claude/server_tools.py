"""The tools that the API runs: their versions, names and beta headers. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]  # the API's own objects, carried and not looked into

# Versions by the first model generation that takes them, newest first. Which models
# take what: docs.claude.com, tool pages, read 2026-11-22; the versions of 2026 need
# programmatic tool calling, which came with generation 4.6.
_VERSIONS: dict[str, tuple[tuple[tuple[int, int], str], ...]] = {
    "web_search": (
        ((4, 6), "web_search_20260318"),
        ((0, 0), "web_search_20250305"),
    ),
    "web_fetch": (
        ((4, 6), "web_fetch_20260318"),
        ((0, 0), "web_fetch_20250910"),
    ),
    "code_execution": (
        ((4, 6), "code_execution_20260521"),
        ((0, 0), "code_execution_20250825"),
    ),
    "tool_search": (((0, 0), "tool_search_tool_bm25_20251119"),),
    "tool_search_bm25": (((0, 0), "tool_search_tool_bm25_20251119"),),
    "tool_search_regex": (((0, 0), "tool_search_tool_regex_20251119"),),
    "advisor": (((0, 0), "advisor_20260301"),),
}

_NAMES = {
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
}
"""The API's names for tools whose type does not tell them (SDK 2.12.0)."""

BETAS = {
    "code_execution_20250522": "code-execution-2025-05-22",
    "memory_20250818": "context-management-2025-06-27",
    "advisor_20260301": "advisor-tool-2026-03-01",
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
"""Tools that the API offers behind a beta header only (SDK 2.12.0)."""

_GENERATION = re.compile(
    r"(?:opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?"
)
_OLD_GENERATION = re.compile(r"claude-(\d{1,2})(?:-(\d{1,2}))?-(?:opus|sonnet|haiku)")


def generation(model: str) -> tuple[int, int]:
    """A model's generation by its name: ``claude-opus-4-8`` is (4, 8).

    A name that says nothing is taken for a new model: aliases point at new ones.
    """
    found = _GENERATION.search(model) or _OLD_GENERATION.search(model)
    if found is None:
        return (99, 0)
    return int(found[1]), int(found[2] or 0)


def server_tool(tool: str | Mapping[str, Any], model: str) -> Json:
    """A server tool in the API's form, in the newest version that ``model`` takes.

    Raises:
        ValueError: There is no such tool.
    """
    given: Json = {"type": tool} if isinstance(tool, str) else dict(tool)
    kind = str(given.get("type", given.get("name", "")))
    if kind in _VERSIONS:
        made = generation(model)
        versions = _VERSIONS[kind]
        kind = next(name for first, name in versions if made >= first)
    elif not re.fullmatch(r"[a-z][a-z0-9_]*_\d{8}|mcp_toolset", kind):
        known = ", ".join(sorted(_VERSIONS))
        raise ValueError(f"server tool {kind!r} is unknown; choose from {known}")
    given["type"] = kind
    if "toolset" not in kind:
        given.setdefault("name", _NAMES.get(kind) or re.sub(r"_\d{8}$", "", kind))
    if kind.startswith("advisor_"):
        given.setdefault("model", model)  # it must be named: at least as able a one
    return given
