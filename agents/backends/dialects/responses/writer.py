"""From a request in our words to a body for the Responses API. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, cast

from agents.backends.dialects.history import Call, Entry, File, Result, Text, entries
from agents.backends.dialects.json_values import Json
from agents.backends.dialects.responses.settings import ResponsesSettings
from agents.backends.dialects.schemas import object_schema, strict_schema
from agents.backends.dialects.tool_names import wire_id, wire_name
from agents.protocol.backend import KnownTool, Request, ToolSpec

SEALED = "reasoning.encrypted_content"


def body(settings: ResponsesSettings, request: Request, by: str) -> Json:
    """The whole body of a streamed request; its beginning is the last one's.

    Nothing is kept at the server: what was thought comes sealed and goes back with the
    items around it, in their order.

    Args:
        settings: What people set.
        request: What is asked.
        by: Who is asked, see ``Message.by``.
    """
    fields: Json = {"model": settings.model, "stream": True, "store": False}
    if request.system:
        fields["instructions"] = request.system
    tools = [*settings.server_tools, *(tool(spec) for spec in request.tools)]
    if tools:
        fields["tools"] = tools
    items: list[Json] = []
    for entry in entries(request, by, wire_id):
        items += _items(entry, settings)
    fields["input"] = items
    limits = [n for n in (settings.max_tokens, request.max_tokens) if n is not None]
    if limits:
        fields["max_output_tokens"] = max(16, min(limits))  # the least that is taken
    reasoning = {"effort": settings.effort, "summary": settings.summary}
    reasoning = {name: value for name, value in reasoning.items() if value is not None}
    if reasoning:
        fields["reasoning"] = reasoning
    if settings.sealed_reasoning:
        fields["include"] = [SEALED]
    if settings.output_format is not None:
        fields["text"] = {"format": {"type": "json_schema", **settings.output_format}}
    if settings.parallel_calls is not None and tools:
        fields["parallel_tool_calls"] = settings.parallel_calls
    if settings.cache and request.turn.nonce:
        fields["prompt_cache_key"] = cache_key(request.turn.nonce)
    return merged(fields, settings.extra)


def cache_key(nonce: str) -> str:
    """The same for all requests of one session; tells nothing of its nonce."""
    return blake2b(nonce.encode(), digest_size=12).hexdigest()


def merged(fields: Json, extra: Json) -> Json:
    """``extra`` over ``fields``; objects are joined, lists grow."""
    for name, value in extra.items():
        before: Any = fields.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            fields[name] = {**before, **value}
        elif isinstance(before, list) and isinstance(value, list):
            fields[name] = joined(cast("list[Any]", before), cast("list[Any]", value))
        else:
            fields[name] = value
    return fields


def joined(before: list[Any], more: list[Any]) -> list[Any]:
    """Both, each once."""
    return [*before, *(each for each in more if each not in before)]


def tool(spec: ToolSpec | KnownTool) -> Json:
    """A tool of ours, as the API is told of it; ``strict`` must be said."""
    parameters = object_schema(spec.input_schema)
    strict = None
    if isinstance(spec, ToolSpec) and spec.strict:
        strict = strict_schema(parameters)
    return {
        "type": "function",
        "name": wire_name(spec.name),
        "description": spec.description,
        "parameters": parameters if strict is None else strict,
        "strict": strict is not None,
    }


def _items(entry: Entry, settings: ResponsesSettings) -> list[Json]:
    if entry.items:
        return _own(entry.items, settings)
    items: list[Json] = []
    parts: list[Json] = []
    role = "user" if entry.is_user else "assistant"
    for part in entry.parts:
        match part:
            case Text(text):
                kind = "input_text" if entry.is_user else "output_text"
                parts.append({"type": kind, "text": text})
            case File():
                parts.append(_file(part))
            case Call(call_id, name, arguments):
                items.append(
                    {
                        "type": "function_call",
                        "call_id": call_id,
                        "name": wire_name(name),
                        "arguments": arguments,
                    }
                )
            case Result():
                output = {"type": "function_call_output", "call_id": part.id}
                items.append({**output, "output": _output(part)})
    message: Json = {"type": "message", "role": role, "content": parts}
    if parts:  # results stand right behind their calls, so what is said comes last
        items = [*items, message] if entry.is_user else [message, *items]
    return items


def _own(items: tuple[Json, ...], settings: ResponsesSettings) -> list[Json]:
    """The model's own items, as they came.

    One that is not sealed would be looked up at the server, where nothing is kept; then
    the ids of those that refer to it have no meaning either.
    """
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    is_bare = any(not item.get("encrypted_content") for item in thoughts)
    if not (is_bare and settings.can_seal):
        return list(items)
    return [
        {name: value for name, value in item.items() if name != "id"}
        for item in items
        if item.get("type") != "reasoning"
    ]


def _output(result: Result) -> str | list[Json]:
    text = result.text
    if result.is_error:
        text = f"error: {text}"
    if not result.files:
        return text
    shown = [_file(file) for file in result.files]
    return [{"type": "input_text", "text": text}, *shown] if text else shown


def _file(file: File) -> Json:
    address = f"data:{file.media_type};base64,{file.data}"
    if file.media_type.startswith("image/"):
        return {"type": "input_image", "image_url": address, "detail": "auto"}
    name = file.name or "file.pdf"
    return {"type": "input_file", "filename": name, "file_data": address}
