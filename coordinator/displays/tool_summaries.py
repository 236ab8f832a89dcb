"""Summaries of tools' inputs, and of what the API's own brought, for people.

Pure. A call is a line; a result is a line and, where there is more to see, lines under
it: titles and addresses found, what code wrote, files. Long ones are cut here and whole
in ``--display jsonl``. Shapes as recorded (read 2026-11-23); what has another shape is
shown by its beginning.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import msgspec

from agents.protocol.chunks import BlockStarted, ServerToolCalled, ServerToolReturned
from coordinator.displays.partial_json import StringField
from coordinator.displays.sanitizer import clean, one_line, whole_line

Json: TypeAlias = dict[str, Any]  # the API's objects, looked into with care

LINES_MAX = 20
"""Lines of one result: as many as a search finds, or an output's first ones."""
LINE_CHARS = 160
ASKED_CHARS = 160

CODE_FIELDS = {
    "code_execution": ("code",),
    "bash_code_execution": ("command",),
    "text_editor_code_execution": ("file_text", "new_str"),
    "bash": ("command",),
    "str_replace_based_edit_tool": ("file_text", "new_str"),
    "memory": ("file_text", "new_str", "insert_text"),
}
"""Tool → what of its input is worth watching while it is typed."""

_ASKS = {
    "web_search": ("searches the web for", "query"),
    "web_fetch": ("fetches", "url"),
    "tool_search_tool_bm25": ("looks for tools:", "query"),
    "tool_search_tool_regex": ("looks for tools:", "pattern"),
}
_RUNS = {
    "code_execution": ("code", "of code"),
    "bash_code_execution": ("command", "in its shell"),
}


_SAID = {
    "advisor": "its advisor",
    "bash_code_execution": "its shell",
    "code_execution": "its code",
    "mcp": "the server's tool",
    "text_editor_code_execution": "its editor",
    "tool_search": "the search for tools",
}
"""Kind of result → whose it is."""


class _Named(msgspec.Struct):
    name: str = ""


def typed_code(event: BlockStarted) -> StringField | None:
    """The field of a tool's input to show as it is typed, if it is code."""
    if event.type not in {"server_tool_use", "tool_use"}:
        return None
    fields = CODE_FIELDS.get(msgspec.json.decode(event.content, type=_Named).name)
    return StringField(*fields) if fields else None


def asked(event: ServerToolCalled) -> str:
    """Say a call in one line."""
    fields = _object(event.input)
    if event.server:
        return f"{event.server}: {event.name} {_begun(event.input)}"
    if event.name in _RUNS:
        # What it runs was to be seen while it was typed.
        field, where = _RUNS[event.name]
        count = len(_str(fields.get(field)).splitlines())
        return f"runs {count} line{'' if count == 1 else 's'} {where}"
    if event.name == "text_editor_code_execution":
        return f"{fields.get('command', 'edit')} {fields.get('path', '')}".rstrip()
    if event.name == "advisor":
        return "asks its advisor"
    words, field = _ASKS.get(event.name, (event.name, ""))
    what = _str(fields.get(field)) or _begun(event.input)
    return f"{words} {one_line(what, ASKED_CHARS)}"


def brought(event: ServerToolReturned) -> str:
    """Say a result in one line."""
    name = event.type.removesuffix("_tool_result").removesuffix("_result")
    verb = _SAID.get(name, name)
    content = _decoded(event.content)
    if event.is_error:
        return f"{verb} failed{_why(content)}"
    if isinstance(content, list):
        count = len(cast("list[Any]", content))
        if name == "web_search":
            return f"{count} result{'' if count == 1 else 's'}"
        return f"{verb} returned"
    fields = cast("Json", content) if isinstance(content, dict) else {}
    if "return_code" in fields:
        return f"return code {fields['return_code']}"
    if name == "web_fetch":
        return f"fetched {fields.get('url', '')}"
    return f"{verb} returned"


def lines_of(event: ServerToolReturned) -> list[str]:
    """The lines under a result, cleaned and cut; none where the line says it all."""
    if event.is_error and not event.type.startswith("mcp"):
        return []
    items = _result_lines(_decoded(event.content))
    shown = [whole_line(line, LINE_CHARS) for line in items[:LINES_MAX]]
    more = len(items) - len(shown)
    return [*filter(None, shown), *([f"… {more:,} more lines"] if more > 0 else [])]


def _result_lines(content: object) -> list[str]:
    if isinstance(content, str):
        return clean(content).splitlines()
    if isinstance(content, list):
        items = cast("list[Any]", content)
        return [line for item in items for line in _item(item)]
    return _item(content)


def _item(item: object) -> list[str]:
    """One object of a result, by what it has."""
    if not isinstance(item, dict):
        return []
    fields = cast("Json", item)
    match fields:
        case {"type": "web_search_result"}:
            title = one_line(_str(fields.get("title")), LINE_CHARS)
            return [" — ".join(filter(None, (title, _url(fields))))]
        case {"return_code": _}:
            return [
                *clean(_str(fields.get("stdout"))).splitlines(),
                *(f"! {x}" for x in clean(_str(fields.get("stderr"))).splitlines()),
                *_result_lines(fields.get("content")),
            ]
        case {"file_id": str(file_id)}:
            return [f"file {file_id}"]
        case {"type": "web_fetch_result", "content": {**document}}:
            return _document(cast("Json", document))
        case {"tool_references": [*references]}:
            return [line for each in references for line in _item(each)]
        case {"tool_name": str(name)}:
            return [name]
        case {"lines": [*lines]}:
            return [_str(line) for line in lines]
        case {"text": str(text)} | {"content": str(text)}:
            return clean(text).splitlines()
        case _:
            return []


def _document(document: Json) -> list[str]:
    """A fetched page: its title and how much of it there is."""
    source: Any = document.get("source")
    data = _str(cast("Json", source).get("data")) if isinstance(source, dict) else ""
    title = _str(document.get("title"))
    return [" ".join(filter(None, (title, f"({len(data):,} characters)")))]


def _why(content: object) -> str:
    if not isinstance(content, dict):
        return ""
    fields = cast("Json", content)
    reason = _str(fields.get("error_code")) or _str(fields.get("error_message"))
    return f": {one_line(reason, LINE_CHARS)}" if reason else ""


def _url(fields: Json) -> str:
    url = _str(fields.get("url"))
    return "" if url == fields.get("title") else url


def _begun(raw: msgspec.Raw) -> str:
    return one_line(bytes(raw)[: 4 * ASKED_CHARS].decode("utf-8", "replace"), 160)


def _object(raw: msgspec.Raw) -> Json:
    value = _decoded(raw)
    return cast("Json", value) if isinstance(value, dict) else {}


def _decoded(raw: msgspec.Raw) -> object:
    return msgspec.json.decode(raw)


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
