"""A request as a pretended model sees it, and the match with a script's entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import msgspec

from agents.protocol.turns import VisibleAnswer

if TYPE_CHECKING:
    from agents.backends.scripted.script import When

TaskName: TypeAlias = Literal["draft", "review", "present", "divide", "work"]
BallotKind: TypeAlias = Literal["choice", "approval", "ranking", "scores"]

CHARACTERS_A_TOKEN = 4
"""A rule of thumb for English; nobody is billed by it."""


PICTURE_CHARACTERS = 6_400
"""The size of a picture or a PDF: some 1,600 tokens, whatever its bytes."""


_NO_TEXT = frozenset({"cache_control", "type", "role", "signature"})


# gc=False: plain data cannot be part of a cycle, and ten thousand agents have much.
class Seen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One model call from the model's side."""

    task: TaskName
    visible: tuple[VisibleAnswer, ...] = ()
    """The answers shown, in their order."""
    ballot: BallotKind = "choice"
    max_score: int = 10
    offered: tuple[str, ...] = ()
    """Names of the tools that may be called."""
    call: int = 1
    """1, 2, 3, … within the turn."""
    told: str = ""
    """The last message's text and tool results."""
    has_tool_error: bool = False
    """A tool result among them is an error."""
    input_tokens: int = 1
    """Estimated size of all the model is given."""


def fits(when: When, seen: Seen, *, after_error: bool) -> bool:
    """Tell whether an entry with this condition may be played now."""
    contents = [answer.content for answer in seen.visible]
    return (
        (when.task is None or when.task == seen.task)
        and (when.sees is None or any(when.sees in text for text in contents))
        and (when.lacks is None or not any(when.lacks in text for text in contents))
        and (when.call is None or when.call == seen.call)
        and (when.told is None or when.told in seen.told)
        and (when.offered is None or when.offered in seen.offered)
        and (when.after_error is None or when.after_error == after_error)
        and (
            when.after_tool_error is None
            or when.after_tool_error == seen.has_tool_error
        )
    )


def weigh(value: object) -> int:
    """Count the characters a model reads in a piece of a request's JSON.

    Cache marks and the names of block types are no text, so the same conversation
    weighs the same in whichever of its forms it is written.
    """
    # Each scripted turn asks this of all it is given: a match took twice as long.
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.get("type") == "base64":
            return PICTURE_CHARACTERS
        return sum([weigh(fields[key]) for key in fields if key not in _NO_TEXT])
    if isinstance(value, list | tuple):
        return sum([weigh(part) for part in cast("list[Any]", value)])
    return 1


def tokens(characters: int) -> int:
    """Estimate tokens; nothing at all is still one."""
    return max(1, round(characters / CHARACTERS_A_TOKEN))


OF_TEAM = "mcp__team__"
"""Before a tool of the team's where Claude Code has it."""


def last_message(messages: list[Any]) -> tuple[str, bool]:
    """Give the last message's text with tool results, and whether one is an error.

    Args:
        messages: As the Messages API takes them, decoded.
    """
    # Claude Code adds messages of the role ``system`` after what was said to it.
    recent = [one for one in messages[-3:] if one.get("role") != "system"]
    if not recent:
        return "", False
    content = recent[-1].get("content", "")
    if isinstance(content, str):
        return content, False
    blocks = cast("list[dict[str, Any]]", content)
    has_error = any(block.get("is_error") is True for block in blocks)
    return "\n".join(_text_of(block) for block in blocks), has_error


def _text_of(block: dict[str, Any]) -> str:
    if block.get("type") == "text":
        return str(block.get("text", ""))
    content: Any = block.get("content", "")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        return "\n".join(str(part.get("text", "")) for part in parts if "text" in part)
    return ""
