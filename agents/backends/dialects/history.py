"""A conversation as the writers of all dialects but Messages read it. Pure.

What users and tools say is in the blocks of :class:`~agents.protocol.backend.Message`:
text, results of tools, and the files attached to the first one. What a model said goes
back in its own items where it is the one that is asked, else as text and calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

from agents.backends.dialects.json_values import Json, objects_of, text_of
from agents.protocol.backend import Message, Request


class Text(NamedTuple):
    """Words."""

    text: str


class File(NamedTuple):
    """An image or a document, inline."""

    media_type: str
    data: str
    """In base64."""
    name: str = ""


class Call(NamedTuple):
    """A call of a tool, by a model that is not asked any more."""

    id: str
    name: str
    arguments: str
    """JSON."""


class Result(NamedTuple):
    """The result of one tool call."""

    id: str
    parts: tuple[Text | File, ...]
    is_error: bool

    @property
    def text(self) -> str:
        """The words of it."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def files(self) -> tuple[File, ...]:
        """The rest."""
        return tuple(part for part in self.parts if isinstance(part, File))


Part: TypeAlias = Text | File | Call | Result


class Entry(NamedTuple):
    """One message."""

    is_user: bool
    parts: tuple[Part, ...]
    items: tuple[Json, ...] = ()
    """Of the model that is asked, as they came; then ``parts`` say nothing more."""


def entries(
    request: Request, by: str, fit_id: Callable[[str], str] = str
) -> list[Entry]:
    """The messages of ``request``.

    Args:
        request: What is asked.
        by: Who is asked; see ``Message.by``.
        fit_id: A call's id as whoever is asked takes it; those that it gave stay.
    """
    listed: list[Entry] = []
    own: set[str] = set()
    for place, message in enumerate(request.messages):
        items: tuple[Json, ...] = ()
        if message.by and message.by == by:
            items = tuple(msgspec.json.decode(item) for item in message.items)
            own |= _ids(items)
        parts = () if items else tuple(_fit(x, own, fit_id) for x in _parts(message))
        if place == 0 and request.attached:
            # Before the question: they are what all agents read alike.
            blocks = [msgspec.json.decode(block) for block in request.attached]
            parts = (*_read(blocks), *parts)
        listed.append(Entry(message.role == "user", parts, items))
    return listed


def _ids(items: tuple[Json, ...]) -> set[str]:
    """The ids of the calls among a model's own items."""
    calls = [call for item in items for call in objects_of(item.get("tool_calls"))]
    ids = [*(item.get("call_id") for item in items), *(x.get("id") for x in calls)]
    return {text_of(each) for each in ids}


def _fit(part: Part, own: set[str], fit_id: Callable[[str], str]) -> Part:
    if isinstance(part, Call | Result) and part.id not in own:
        return part._replace(id=fit_id(part.id))
    return part


def _parts(message: Message) -> tuple[Part, ...]:
    content: Any = msgspec.json.decode(message.content)
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return _read(cast("list[Json]", content))


def _read(blocks: list[Json]) -> tuple[Part, ...]:
    read_parts: list[Part] = []
    for block in blocks:
        match block.get("type"):
            case "text":
                if text_of(block.get("text")).strip():
                    read_parts.append(Text(text_of(block.get("text"))))
            case "image" | "document":
                read_parts.append(_file(block))
            case "tool_use":
                arguments = msgspec.json.encode(block.get("input") or {}).decode()
                call_id, name = text_of(block.get("id")), text_of(block.get("name"))
                read_parts.append(Call(call_id, name, arguments))
            case "tool_result":
                read_parts.append(_result(block))
            case _:
                pass  # what one maker's model thought or searched is nobody else's
    return tuple(read_parts)


def _result(block: Json) -> Result:
    content: Any = block.get("content")
    parts: tuple[Part, ...] = ()
    if isinstance(content, str):
        parts = (Text(content),)
    elif isinstance(content, list):
        parts = _read(cast("list[Json]", content))
    texts_and_files = tuple(part for part in parts if isinstance(part, Text | File))
    is_error = bool(block.get("is_error"))
    return Result(text_of(block.get("tool_use_id")), texts_and_files, is_error)


def _file(block: Json) -> Text | File:
    source: Any = block.get("source")
    fields = cast("Json", source) if isinstance(source, dict) else {}
    name = text_of(block.get("title"))
    data = text_of(fields.get("data"))
    match fields.get("type"):
        case "base64":
            return File(text_of(fields.get("media_type")), data, name)
        case "text":
            return Text(f"{name}:\n\n{data}" if name else data)
        case _:
            return Text(f"[{name or 'a file'}, which this model cannot be shown]")
