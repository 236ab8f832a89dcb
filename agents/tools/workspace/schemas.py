"""Schemas of the workspace tools, for models that do not know them. Data.

One object each, because some APIs take no alternatives at the root of a schema; which
fields a command needs is said in words, and checked when it is called.
"""

from __future__ import annotations

from typing import Any

import msgspec

_TEXT = {"type": "string"}
_PATH = {"type": "string", "description": "A path below the working folder."}
_LINES = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "view: first and last line, from 1; -1 is the last line.",
}
_EDITS: dict[str, Any] = {
    "path": _PATH,
    "view_range": _LINES,
    "file_text": {**_TEXT, "description": "create: the whole file."},
    "old_str": {**_TEXT, "description": "str_replace: what occurs exactly once."},
    "new_str": {**_TEXT, "description": "str_replace: what stands there instead."},
    "insert_line": {
        "type": "integer",
        "description": "insert: the line to put text behind; 0 is before the first.",
    },
    "insert_text": {**_TEXT, "description": "insert: the text."},
}


def _object(properties: dict[str, Any], *required: str) -> msgspec.Raw:
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return msgspec.Raw(msgspec.json.encode(schema))


def _commands(*names: str) -> dict[str, Any]:
    return {"command": {"type": "string", "enum": names}}


BASH = _object(
    {
        "command": {**_TEXT, "description": "What bash shall run."},
        "restart": {"type": "boolean", "description": "Begin with a fresh shell."},
    }
)
EDITOR = _object(
    {**_commands("view", "create", "str_replace", "insert"), **_EDITS},
    "command",
    "path",
)
MEMORY = _object(
    {
        **_commands("view", "create", "str_replace", "insert", "delete", "rename"),
        **_EDITS,
        "path": {**_TEXT, "description": "A path below /memories."},
        "old_path": {**_TEXT, "description": "rename: the file as it is called."},
        "new_path": {**_TEXT, "description": "rename: the file's new name."},
    },
    "command",
)
