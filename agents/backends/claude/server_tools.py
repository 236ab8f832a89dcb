"""The tools that the API runs: their versions, names and beta headers. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, cast

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

_KNOWN = (
    "advisor_20260301",
    "bash_20241022",
    "bash_20250124",
    "browser_toolset_20260801",
    "code_execution_20250522",
    "code_execution_20250825",
    "code_execution_20260120",
    "code_execution_20260521",
    "computer_20241022",
    "computer_20250124",
    "computer_20251124",
    "computer_toolset_20260801",
    "mcp_toolset",
    "memory_20250818",
    "text_editor_20241022",
    "text_editor_20250124",
    "text_editor_20250429",
    "text_editor_20250728",
    "tool_search_tool_bm25",
    "tool_search_tool_bm25_20251119",
    "tool_search_tool_regex",
    "tool_search_tool_regex_20251119",
    "web_fetch_20250910",
    "web_fetch_20260209",
    "web_fetch_20260309",
    "web_fetch_20260318",
    "web_search_20250305",
    "web_search_20260209",
    "web_search_20260318",
)
"""Every version that the API takes (SDK 2.12.0, read 2026-11-23)."""

_NAMES = {
    "text_editor_20241022": "str_replace_editor",
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

_DOMAINS = ("allowed_domains", "blocked_domains")
_DATED = re.compile(r"(?P<stem>[a-z][a-z0-9_]*)_\d{8}")
_GENERATION = re.compile(
    r"(?:opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?"
)
_OLD_GENERATION = re.compile(r"claude-(\d{1,2})(?:-(\d{1,2}))?-(?:opus|sonnet|haiku)")


def generation(model: str) -> tuple[int, int]:
    """A model's generation by its name: ``claude-opus-4-8`` is (4, 8).

    A name that says nothing is taken for a new model: aliases point at new ones.
    """
    match = _GENERATION.search(model) or _OLD_GENERATION.search(model)
    if match is None:
        return (99, 0)
    return int(match[1]), int(match[2] or 0)


def server_tool(
    tool: str | Mapping[str, Any], model: str, *, others: Sequence[str] = ()
) -> Json:
    """A server tool in the API's form, in the newest version that ``model`` takes.

    A version that is not known here is taken as it is where its name is said as well,
    ``{type: web_search_20270101, name: web_search}``; a toolset's name is ``null``.

    Args:
        tool: Its name, its version, or the whole of it as the API has it.
        model: Who is to use it.
        others: What else might have been meant, for what is said of a name that is
            none.

    Raises:
        ValueError: There is no such tool or version, or what is said of it would be
            refused; in one sentence, with the way out.
    """
    fields: Json = {"type": tool} if isinstance(tool, str) else dict(tool)
    kind = str(fields.get("type", fields.get("name", "")))
    if kind in _VERSIONS:
        model_generation = generation(model)
        versions = _VERSIONS[kind]
        kind = next(name for first, name in versions if model_generation >= first)
    elif kind not in _KNOWN and not (_DATED.fullmatch(kind) and "name" in fields):
        raise ValueError(_unknown(kind, others))
    _check(kind, fields)
    fields["type"] = kind
    if "toolset" not in kind:
        fields.setdefault("name", _NAMES.get(kind) or re.sub(r"_\d{8}$", "", kind))
    elif fields.get("name", "") is None:
        del fields["name"]
    if kind.startswith("advisor_"):
        fields.setdefault("model", model)  # it must be named: at least as able a one
    return fields


def _unknown(kind: str, others: Sequence[str]) -> str:
    """Say what there is instead of ``kind``."""
    dated = _DATED.fullmatch(kind)
    stem = dated["stem"] if dated else ""
    choices = [name for name in _KNOWN if name.startswith(f"{stem}_2")]
    choices = choices or [*sorted(_VERSIONS), *others]
    among = choices if stem else [*choices, *_KNOWN]
    near = get_close_matches(kind, among, 1)
    message = f"server tool {kind!r} is unknown; "
    message += f"did you mean {near[0]!r}? choose" if near else "choose"
    message += f" from {', '.join(choices)}"
    if dated:
        own = "null" if "toolset" in stem else stem
        message += (
            f"; or, if it is newer than this program, {{type: {kind}, name: {own}}}"
        )
    return message


def _check(kind: str, fields: Json) -> None:
    """Refuse what the API would refuse, once others have been paid for.

    Both facts: docs.claude.com, web search and web fetch, read 2026-11-22, and the
    SDK's types (2.12.0).
    """
    uses = fields.get("max_uses")
    is_count = isinstance(uses, int) and not isinstance(uses, bool) and uses >= 1
    if uses is not None and not is_count:
        raise ValueError(
            f"{kind}: max_uses: {uses!r} will not do; give 1 or more, or leave the "
            "tool out"
        )
    if all(fields.get(name) is not None for name in _DOMAINS):
        raise ValueError(
            f"{kind}: allowed_domains and blocked_domains exclude each other; keep one"
        )
    for name in _DOMAINS:
        _check_domains(f"{kind}: {name}", fields.get(name) or ())
    place = fields.get("user_location")
    if isinstance(place, dict) and "type" not in place:
        raise ValueError(f"{kind}: user_location has no type; add 'type: approximate'")


def _check_domains(where: str, domains: object) -> None:
    is_list = isinstance(domains, list | tuple)
    if not is_list:
        raise ValueError(f"{where}: {domains!r} is no list; write [{domains}]")
    for domain in cast("list[object] | tuple[object, ...]", domains):
        if "://" in str(domain):
            raise ValueError(
                f"{where}: {domain!r} is an address; leave out what is before the "
                "domain"
            )
