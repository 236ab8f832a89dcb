"""Names of tools and ids of calls, where an API takes fewer than there are. Pure.

OpenAI takes letters, digits, ``_`` and ``-``, up to 64 (its errors say so; Gemini
begins with a letter or ``_``, read 2026-11-30). MCP servers give longer names. Ids of
calls are each server's own: Kimi's have dots and colons, which Claude refuses, those of
gateways are too long for OpenAI, and Mistral wants nine letters (public reports, read
2026-12-01).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from agents.backends.dialects.json_values import Json, text_of

LONGEST = 64
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


def wire_name(name: str) -> str:
    """The name on the wire for ``name``; the same for the same name."""
    fit = _UNFIT.sub("_", name)
    if not fit[:1].isalpha() and fit[:1] != "_":
        fit = f"_{fit}"
    if fit == name and len(fit) <= LONGEST:
        return name
    # Told apart by a digest of the whole, so that no two names become one.
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{fit[: LONGEST - 9]}_{digest}"


def names_back(names: Iterable[str]) -> dict[str, str]:
    """Wire name → name, for those that differ."""
    return {wire_name(n): n for n in names if wire_name(n) != n}


ID_LONGEST = 64
CHAT_ID_LONGEST = 40
"""OpenAI's error: "string too long. Expected a string with maximum length 40"."""
_NINE = re.compile(r"[a-zA-Z0-9]{9}")


def wire_id(call_id: str, longest: int = ID_LONGEST) -> str:
    """A call's id as whoever did not give it takes it; the same for the same id."""
    if call_id and len(call_id) <= longest and _UNFIT.search(call_id) is None:
        return call_id
    return f"call_{blake2b(call_id.encode(), digest_size=12).hexdigest()}"


def chat_id(call_id: str) -> str:
    """The same for Chat Completions."""
    return wire_id(call_id, CHAT_ID_LONGEST)


def nine_letters(call_id: str) -> str:
    """The same for Mistral's."""
    if _NINE.fullmatch(call_id):
        return call_id
    return blake2b(call_id.encode(), digest_size=8).hexdigest()[:9]


def with_wire_ids(blocks: list[Json]) -> list[Json]:
    """Content of the Messages API whose calls and results have ids that it takes."""
    return [
        {**block, name: fit}
        if (name := _NAMED.get(text_of(block.get("type")), "")) in block
        and (fit := wire_id(text_of(block[name]))) != block[name]
        else block
        for block in blocks
    ]


_NAMED = {"tool_use": "id", "tool_result": "tool_use_id"}
