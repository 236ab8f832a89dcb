"""From a request in our words to a body for ``streamGenerateContent``. Pure."""

from __future__ import annotations

from agents.backends.dialects.gemini.settings import GeminiSettings
from agents.backends.dialects.history import Call, Entry, File, Result, Text, entries
from agents.backends.dialects.json_values import Json, object_of, objects_of, text_of
from agents.backends.dialects.responses.writer import merged
from agents.backends.dialects.schemas import object_schema
from agents.backends.dialects.tool_names import wire_name
from agents.protocol.backend import Request

NO_SIGNATURE = "skip_thought_signature_validator"
"""Stands where another model's call has none: without it the API answers 400 (Gemini's
guide on thought signatures, read 2026-11-30)."""


def body(settings: GeminiSettings, request: Request, by: str) -> Json:
    """The whole body of a request; its beginning is the last one's.

    Google's tools stand beside our functions, with the switch that has the API tell of
    its own tools' calls and take them back.

    Args:
        settings: What people set.
        request: What is asked.
        by: Who is asked, see ``Message.by``.
    """
    history = entries(request, by)
    names = _names(request, history)
    fields: Json = {}
    if request.system:
        fields["systemInstruction"] = {"parts": [{"text": request.system}]}
    tools = list(settings.server_tools)
    if request.tools:
        declared = [
            {
                "name": wire_name(spec.name),
                "description": spec.description,
                "parametersJsonSchema": object_schema(spec.input_schema),
            }
            for spec in request.tools
        ]
        tools.append({"functionDeclarations": declared})
    if tools:
        fields["tools"] = tools
    if settings.server_tools and request.tools:
        fields["toolConfig"] = {"includeServerSideToolInvocations": True}
    contents = (_content(entry, names) for entry in history)
    # One that thought alone has nothing to say to another model.
    fields["contents"] = [content for content in contents if content["parts"]]
    config = _config(settings, request)
    if config:
        fields["generationConfig"] = config
    return merged(fields, settings.extra)


def _config(settings: GeminiSettings, request: Request) -> Json:
    config: Json = {}
    limits = [n for n in (settings.max_tokens, request.max_tokens) if n is not None]
    if limits:
        config["maxOutputTokens"] = min(limits)
    thinking: Json = {}
    if settings.effort == "none":
        thinking["thinkingBudget"] = 0
    elif settings.effort is not None:
        thinking["thinkingLevel"] = settings.effort
    if settings.thinking_tokens is not None:
        thinking["thinkingBudget"] = settings.thinking_tokens
    if settings.thoughts is not None:
        thinking["includeThoughts"] = settings.thoughts
    if thinking:
        config["thinkingConfig"] = thinking
    if settings.output_format is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = settings.output_format
    return config


def _names(request: Request, history: list[Entry]) -> dict[str, tuple[str, str]]:
    """Our id of a call → its name on the wire, and the id that the API gave it.

    Results pair by id where the API gives ids, else by name and place; our own ids are
    no business of the API's.
    """
    names: dict[str, tuple[str, str]] = {}
    for message, entry in zip(request.messages, history, strict=True):
        if message.role == "user":
            continue
        calls = [
            (text_of(call.get("name")), text_of(call.get("id")))
            for item in entry.items
            if (call := item.get("functionCall")) is not None
        ]
        content = message.content
        ids = [block.get("id") for block in _calls_in(bytes(content))]
        if calls:
            names |= {str(ours): call for ours, call in zip(ids, calls, strict=False)}
        for part in entry.parts:
            if isinstance(part, Call):
                names[part.id] = (wire_name(part.name), "")
    return names


def _calls_in(content: bytes) -> list[Json]:
    fields = object_of(b'{"blocks":' + content + b"}")
    return [b for b in objects_of(fields.get("blocks")) if b.get("type") == "tool_use"]


def _content(entry: Entry, names: dict[str, tuple[str, str]]) -> Json:
    if entry.items:
        return {"role": "model", "parts": list(entry.items)}
    parts: list[Json] = []
    shown: list[Json] = []
    is_first_call = True
    for part in entry.parts:
        match part:
            case Text(text):
                shown.append({"text": text})
            case File():
                shown.append(_file(part))
            case Call(_id, name, arguments):
                args = object_of(arguments.encode())
                call: Json = {"functionCall": {"name": wire_name(name), "args": args}}
                if is_first_call:
                    call["thoughtSignature"] = NO_SIGNATURE
                is_first_call = False
                shown.append(call)
            case Result():
                parts.append(_result(part, names))
                shown += [_file(file) for file in part.files]
    return {"role": "user" if entry.is_user else "model", "parts": [*parts, *shown]}


def _result(result: Result, names: dict[str, tuple[str, str]]) -> Json:
    name, own_id = names.get(result.id, ("", ""))
    response = {"error" if result.is_error else "output": result.text}
    fields: Json = {"name": name or "unknown", "response": response}
    if own_id:
        fields["id"] = own_id
    return {"functionResponse": fields}


def _file(file: File) -> Json:
    return {"inlineData": {"mimeType": file.media_type, "data": file.data}}
