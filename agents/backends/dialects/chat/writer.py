"""From a request in our words to a body for a chat completion. Pure."""

from __future__ import annotations

from agents.backends.dialects.chat.settings import ChatSettings
from agents.backends.dialects.history import Call, Entry, File, Result, Text, entries
from agents.backends.dialects.json_values import Json
from agents.backends.dialects.responses.writer import cache_key, merged
from agents.backends.dialects.schemas import object_schema, strict_schema
from agents.backends.dialects.tool_names import chat_id, nine_letters, wire_name
from agents.protocol.backend import KnownTool, Request, ToolSpec

ANSWERED = "I have read that."
"""The reply put in the model's mouth between a tool result and a user's message."""
_THINKING = ("reasoning_content", "reasoning", "reasoning_details")


def body(settings: ChatSettings, request: Request, by: str) -> Json:
    """The whole body of a streamed request; its beginning is the last one's.

    Args:
        settings: What people set.
        request: What is asked.
        by: Who is asked, see ``Message.by``.
    """
    messages: list[Json] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    fit_id = nine_letters if settings.nine_letter_ids else chat_id
    for entry in entries(request, by, fit_id):
        messages += _messages(entry, settings)
    fields: Json = {"model": settings.model, "messages": messages, "stream": True}
    if settings.usage_asked:
        fields["stream_options"] = {"include_usage": True}
    tools = [*settings.server_tools, *(_tool(s, settings) for s in request.tools)]
    if tools:
        fields["tools"] = tools
        if settings.parallel_calls is not None:
            fields["parallel_tool_calls"] = settings.parallel_calls
    limits = [n for n in (settings.max_tokens, request.max_tokens) if n is not None]
    if limits:
        fields[settings.limit_field] = min(limits)
    fields |= _effort(settings)
    if settings.output_format is not None:
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": settings.output_format,
        }
    if settings.cache_key and request.turn.nonce:
        fields["prompt_cache_key"] = cache_key(request.turn.nonce)
    return merged(fields, settings.extra)


def _effort(settings: ChatSettings) -> Json:
    """How hard to think, in the server's own words."""
    effort = settings.effort
    if effort is None:
        return {}
    does_think = effort != "none"
    match settings.effort_form:
        case "reasoning_effort":
            return {"reasoning_effort": effort}
        case "reasoning":
            return {"reasoning": {"effort": effort}}
        case "thinking":
            return {"thinking": {"type": "enabled" if does_think else "disabled"}}
        case "enable_thinking":
            return {"enable_thinking": does_think}
        case "chat_template_kwargs":
            template_fields: Json = {"enable_thinking": does_think}
            if does_think:
                template_fields["reasoning_effort"] = effort
            return {"chat_template_kwargs": template_fields}
        case "none":
            return {}


def _tool(spec: ToolSpec | KnownTool, settings: ChatSettings) -> Json:
    parameters = object_schema(spec.input_schema)
    function: Json = {
        "name": wire_name(spec.name),
        "description": spec.description,
        "parameters": parameters,
    }
    if isinstance(spec, ToolSpec) and spec.strict and settings.takes_strict:
        strict = strict_schema(parameters)
        if strict is not None:
            function |= {"parameters": strict, "strict": True}
    return {"type": "function", "function": function}


def _messages(entry: Entry, settings: ChatSettings) -> list[Json]:
    if entry.items:
        return [_own(item, settings) for item in entry.items]
    if not entry.is_user:
        return _foreign(entry, settings)
    results = [part for part in entry.parts if isinstance(part, Result)]
    messages: list[Json] = [
        {"role": "tool", "tool_call_id": each.id, "content": _content(each)}
        for each in results
    ]
    parts: list[Json] = []
    for part in entry.parts:
        match part:
            case Text(text):
                parts.append({"type": "text", "text": text})
            case File():
                parts.append(_file(part, settings))
            case Result():
                # A tool's message is text alone; what it shows stands behind it.
                parts += [_file(file, settings) for file in part.files]
            case Call():
                pass
    if parts:
        if messages and settings.answers_tools:
            messages.append({"role": "assistant", "content": ANSWERED})
        messages.append({"role": "user", "content": _plain(parts)})
    return messages


def _own(item: Json, settings: ChatSettings) -> Json:
    if settings.gives_thinking_back:
        return _thoughtful(item, settings)
    return {name: value for name, value in item.items() if name not in _THINKING}


def _thoughtful(message: Json, settings: ChatSettings) -> Json:
    """``message`` with what was thought, where a call must say that."""
    if settings.wants_thinking and message.get("tool_calls"):
        return {"reasoning_content": "", **message}
    return message


def _foreign(entry: Entry, settings: ChatSettings) -> list[Json]:
    """Another model's message: its text and its calls; nothing where it has none."""
    text = "".join(part.text for part in entry.parts if isinstance(part, Text))
    calls: list[Json] = [
        {
            "id": part.id,
            "type": "function",
            "function": {"name": wire_name(part.name), "arguments": part.arguments},
        }
        for part in entry.parts
        if isinstance(part, Call)
    ]
    message: Json = {"role": "assistant", "content": text or None}
    if calls:
        return [_thoughtful({**message, "tool_calls": calls}, settings)]
    return [message] if text else []


def _content(result: Result) -> str:
    text = result.text
    if not text and result.files:
        text = "(see what follows)"
    return f"error: {text}" if result.is_error else text


def _plain(parts: list[Json]) -> str | list[Json]:
    """Text alone as text: some local servers know nothing else."""
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _file(file: File, settings: ChatSettings) -> Json:
    address = f"data:{file.media_type};base64,{file.data}"
    is_image = file.media_type.startswith("image/")
    if is_image and settings.takes_images:
        return {"type": "image_url", "image_url": {"url": address}}
    if not is_image and settings.limit_field == "max_completion_tokens":
        name = file.name or "file.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": address}}
    shown = f"[{file.name or file.media_type}, which this model cannot be shown]"
    return {"type": "text", "text": shown}
