"""Replies to a client that is not ours, and brings tools of its own.

A pretended model says a word and calls one of them when it has been told something,
with arguments that fit its schema; once it knows the result, it has text alone. Tools
that change a machine are left alone: a made-up command helps nobody. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from agents.backends.scripted.script import Line, Text, Tool
from agents.emulator.schema_examples import Unfit, example, is_named

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject

SAID = "This is an emulated response."

_ACTS = re.compile(
    r"bash|shell|exec|run|command|write|edit|create|delete|remove|kill|stop|agent|task"
    r"|computer|browser|cron|schedule|workflow|send|commit|push|install|memory",
    re.IGNORECASE,
)
"""Names of tools that do something to a machine, or start others that do."""


def improvised(body: JsonObject) -> list[Line]:
    """The lines of a response to ``body``, which has been checked."""
    prompt = _prompt_text(body)
    if _has_asked(body):
        for tool in _callable(body, prompt):
            try:
                arguments = example(tool.get("input_schema"), prompt)
            except (Unfit, TypeError, ValueError, RecursionError):
                continue
            if isinstance(arguments, dict):
                name = str(tool["name"])
                call = Tool(tool=name, input=cast("JsonObject", arguments))
                return [Text(text=SAID, rate=400), call]
    return [Text(text=SAID, rate=120)]


def _callable(body: JsonObject, prompt: str) -> list[JsonObject]:
    """Tools that may be called, the likeliest first."""
    choice: JsonObject = body.get("tool_choice") or {}
    tools = [
        tool
        for tool in cast("list[JsonObject]", body.get("tools") or [])
        if (tool.get("type") or "custom") == "custom" and not tool.get("defer_loading")
    ]
    match choice.get("type"):
        case "none":
            return []
        case "tool":
            return [tool for tool in tools if tool.get("name") == choice.get("name")]
        case "any":
            pass
        case _:
            tools = [tool for tool in tools if not _ACTS.search(str(tool["name"]))]
    # Who is asked to choose among what was said has something to choose from; anybody
    # else has not.
    choosing = [tool for tool in tools if _chooses(tool)]
    ready = [tool for tool in choosing if _names_choice(tool, prompt)]
    return [*ready, *(tool for tool in tools if tool not in choosing)]


def _choices(tool: JsonObject) -> list[str]:
    """The allowed values of the tool's required parameters."""
    schema: JsonObject = tool.get("input_schema") or {}
    properties: JsonObject = schema.get("properties") or {}
    choices: list[str] = []
    for name in cast("list[Any]", schema.get("required") or []):
        inner: Any = properties.get(name)
        fields = cast("JsonObject", inner) if isinstance(inner, dict) else {}
        listed: Any = fields.get("enum")
        if isinstance(listed, list):
            choices += [str(each) for each in cast("list[Any]", listed)]
    return choices


def _chooses(tool: JsonObject) -> bool:
    return tool.get("name") == "vote" and bool(_choices(tool))


def _names_choice(tool: JsonObject, prompt: str) -> bool:
    return any(is_named(choice, prompt) for choice in _choices(tool))


def _has_asked(body: JsonObject) -> bool:
    """Whether the last message says more than what tools have returned."""
    content: Any = body["messages"][-1]["content"]
    if isinstance(content, str):
        return True
    blocks = cast("list[JsonObject]", content)
    return any(block["type"] != "tool_result" for block in blocks)


def _prompt_text(body: JsonObject) -> str:
    texts: list[str] = []
    for message in body["messages"]:
        content: Any = message["content"]
        if isinstance(content, str):
            texts.append(content)
            continue
        blocks = cast("list[JsonObject]", content)
        texts += [str(x.get("text", "")) for x in blocks if x["type"] == "text"]
    return "\n".join(texts)
