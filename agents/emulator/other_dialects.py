"""Requests in other makers' dialects, as the Messages API would have got them.

Scripts play one API; what is asked in another is put into its words, so that a script's
``when``, its votes and every check of a history mean the same in each. What a model has
thought comes back sealed in the dialect's own way and is checked as Claude's is. Paths:
``/v1/responses``, ``/v1/chat/completions`` and Gemini's ``…:streamGenerateContent``.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import unquote

import msgspec

from agents.emulator.http import HttpRequest
from agents.emulator.refusal import Invalid

Json: TypeAlias = dict[str, Any]
Dialect: TypeAlias = Literal["messages", "responses", "chat", "gemini"]

REDACTED = "redacted:"
"""Begins the seal of a thought that nobody can read."""
MAX_TOKENS = 16_000
_GEMINI = re.compile(r"(?:/gemini)?(?:/v1(?:beta)?)?/models/([^/:]+):(\w+)")
_VERSION = "2023-06-01"


class Told(NamedTuple):
    """A request in the Messages API's words, and those that its answer is wanted in."""

    request: HttpRequest
    dialect: Dialect


def as_messages(request: HttpRequest) -> Told:
    """Give the request that the Messages API would have got in the place of this one.

    What is in no other dialect, or in none at all, is as it was.

    Raises:
        Invalid: The request is not of its dialect's shape.
    """
    path = request.path.rstrip("/")
    found = _GEMINI.fullmatch(path)
    dialect: Dialect = "messages"
    if path.endswith("/responses"):
        dialect = "responses"
    elif path.endswith("/chat/completions"):
        dialect = "chat"
    elif found is not None:
        dialect = "gemini"
    if dialect == "messages" or request.method != "POST" or request.is_too_large:
        return Told(request, "messages")
    try:
        body = msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Told(request, "messages")
    model, method = (unquote(found[1]), found[2]) if found is not None else ("", "")
    try:
        made = _made(dialect, body, model)
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        # The parts are read as clients send them; whatever else comes is refused whole.
        message = f"The request is not of this API's shape: {error}"
        raise Invalid(message) from error
    if method:
        made["stream"] = method == "streamGenerateContent"
    headers = {"anthropic-version": _VERSION, **request.headers}
    headers.setdefault("x-api-key", headers.get("x-goog-api-key", ""))
    if not headers["x-api-key"]:
        del headers["x-api-key"]
    asked = msgspec.structs.replace(
        request, path="/v1/messages", headers=headers, body=msgspec.json.encode(made)
    )
    return Told(asked, dialect)


def _made(dialect: Dialect, body: Json, model: str) -> Json:
    match dialect:
        case "responses":
            made = _of_responses(body)
        case "chat":
            made = _of_chat(body)
        case _:
            made = _of_gemini(body, model)
    made["messages"] = _merged(made["messages"])
    return made


def _of_responses(body: Json) -> Json:
    messages: list[Json] = []
    given = body.get("input", "")
    items: list[Json] = (
        [{"role": "user", "content": given}] if isinstance(given, str) else given
    )
    for item in items:
        match item.get("type", "message"):
            case "message":
                role = "assistant" if item.get("role") == "assistant" else "user"
                messages.append({"role": role, "content": _parts(item["content"])})
            case "function_call":
                messages.append(_assistant(_call(item, item.get("call_id"))))
            case "function_call_output":
                call_id, output = item.get("call_id"), item.get("output", "")
                messages.append(_user(_result(call_id, output)))
            case "reasoning":
                summary = cast("list[Json]", item.get("summary") or [])
                text = "".join(str(part.get("text", "")) for part in summary)
                block = _thought(text, str(item.get("encrypted_content") or ""))
                messages += [_assistant(block)] if block else []
            case _:
                pass  # what the server's own tools did
    functions = [t for t in body.get("tools") or () if t.get("type") == "function"]
    made = _asked(body, messages, [_tool(function) for function in functions])
    made["max_tokens"] = body.get("max_output_tokens") or MAX_TOKENS
    if body.get("instructions"):
        made["system"] = body["instructions"]
    return made


def _of_chat(body: Json) -> Json:
    messages: list[Json] = []
    system: list[str] = []
    for message in cast("list[Json]", body.get("messages") or []):
        content = message.get("content")
        match message.get("role"):
            case "system" | "developer":
                system.append(str(content))
            case "tool":
                result = _result(message.get("tool_call_id"), content)
                messages.append(_user(result))
            case "assistant":
                messages += [
                    _assistant(block)
                    for detail in message.get("reasoning_details") or ()
                    if (block := _detail(detail))
                ]
                said = _parts(content or "")
                messages += [{"role": "assistant", "content": said}] if said else []
                for call in message.get("tool_calls") or ():
                    block = _call(call["function"], call.get("id"))
                    messages.append(_assistant(block))
            case _:
                messages.append({"role": "user", "content": _parts(content or "")})
    tools = [_tool(tool["function"]) for tool in body.get("tools") or ()]
    made = _asked(body, messages, tools)
    limits = (body.get("max_completion_tokens"), body.get("max_tokens"))
    made["max_tokens"] = next(filter(None, limits), MAX_TOKENS)
    if system:
        made["system"] = "\n".join(system)
    return made


def _of_gemini(body: Json, model: str) -> Json:
    messages: list[Json] = []
    calls: list[tuple[str, str]] = []
    """Ids and names of calls that wait for their results."""
    number = 0
    for content in cast("list[Json]", body.get("contents") or []):
        thought = ""
        role = "assistant" if content.get("role") == "model" else "user"
        for part in cast("list[Json]", content.get("parts") or []):
            seal = str(part.get("thoughtSignature") or "")
            if part.get("thought"):
                thought += str(part.get("text", ""))
                if seal and (block := _thought(thought, seal)):
                    messages.append(_assistant(block))
                    thought = ""
            elif "functionCall" in part:
                call = cast("Json", part["functionCall"])
                number += 1
                call_id = str(call.get("id") or f"toolu_gemini_{number:04d}")
                calls.append((call_id, str(call.get("name"))))
                messages.append(_assistant(_call(call, call_id)))
            elif "functionResponse" in part:
                told = cast("Json", part["functionResponse"])
                call_id = _paired(calls, told)
                response = cast("Json", told.get("response") or {})
                said = response.get("output", response.get("error", ""))
                messages.append(_user(_result(call_id, said)))
            elif part.get("text"):
                text = {"type": "text", "text": part["text"]}
                messages.append({"role": role, "content": [text]})
            elif "inlineData" in part:
                data = cast("Json", part["inlineData"])
                block = _file(str(data.get("mimeType")), str(data.get("data")))
                messages.append({"role": role, "content": [block]})
    declared = [
        function
        for tool in cast("list[Json]", body.get("tools") or [])
        for function in tool.get("functionDeclarations") or ()
    ]
    made = _asked({"model": model}, messages, [_tool(each) for each in declared])
    config = cast("Json", body.get("generationConfig") or {})
    made["max_tokens"] = config.get("maxOutputTokens") or MAX_TOKENS
    system = cast("Json", body.get("systemInstruction") or {}).get("parts") or ()
    if system:
        made["system"] = "\n".join(str(part.get("text", "")) for part in system)
    return made


def _paired(calls: list[tuple[str, str]], told: Json) -> str:
    """The call that a result answers: by id, else the first of its name."""
    for place, (call_id, name) in enumerate(calls):
        if told.get("id", call_id) == call_id and told.get("name") == name:
            del calls[place]
            return call_id
    return str(told.get("id") or "toolu_unknown")


def _asked(body: Json, messages: list[Json], tools: list[Json]) -> Json:
    made: Json = {"model": body.get("model"), "messages": messages}
    if tools:
        made["tools"] = tools
    if body.get("stream"):
        made["stream"] = True
    return made


def _merged(messages: list[Json]) -> list[Json]:
    """Messages of one role in a row as one; the Messages API has them so."""
    made: list[Json] = []
    for message in messages:
        if made and made[-1]["role"] == message["role"]:
            made[-1]["content"].extend(message["content"])
        else:
            made.append({**message, "content": [*message["content"]]})
    return made


def _assistant(block: Json) -> Json:
    return {"role": "assistant", "content": [block]}


def _user(block: Json) -> Json:
    return {"role": "user", "content": [block]}


def _call(told: Json, call_id: object) -> Json:
    given: Any = told.get("arguments", told.get("args"))
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            given = {}
    name = str(told.get("name"))
    made: Json = {"type": "tool_use", "id": str(call_id), "name": name}
    return {**made, "input": given if isinstance(given, dict) else {}}


def _result(call_id: object, output: object) -> Json:
    made: Json = {"type": "tool_result", "tool_use_id": str(call_id)}
    if isinstance(output, list):
        return {**made, "content": _parts(cast("list[Json]", output))}
    text = str(output or "")
    is_error = text.startswith("error: ")
    made["content"] = text.removeprefix("error: ")
    return {**made, "is_error": True} if is_error else made


def _thought(text: str, seal: str) -> Json | None:
    if seal.startswith(REDACTED):
        data = seal.removeprefix(REDACTED)
        return {"type": "redacted_thinking", "data": data}
    if not seal:
        return None
    return {"type": "thinking", "thinking": text, "signature": seal}


def _detail(detail: Json) -> Json | None:
    if detail.get("type") == "reasoning.encrypted":
        return {"type": "redacted_thinking", "data": detail.get("data")}
    seal = str(detail.get("signature") or "")
    return _thought(str(detail.get("text", "")), seal)


def _parts(content: str | list[Json]) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    made: list[Json] = []
    for part in content:
        match part.get("type"):
            case "input_image" | "image_url":
                address: Any = part["image_url"]
                if isinstance(address, dict):
                    address = cast("Json", address)["url"]
                made.append(_of_address(str(address)))
            case "input_file":
                made.append(_of_address(str(part.get("file_data"))))
            case "file":
                made.append(_of_address(str(part["file"].get("file_data"))))
            case _:
                text = part.get("text", part.get("refusal", ""))
                made += [{"type": "text", "text": text}] if text else []
    return made


def _of_address(address: str) -> Json:
    head, _, data = address.partition(",")
    return _file(head.removeprefix("data:").partition(";")[0], data)


def _file(media_type: str, data: str) -> Json:
    kind = "image" if media_type.startswith("image/") else "document"
    source = {"type": "base64", "media_type": media_type, "data": data}
    return {"type": kind, "source": source}


def _tool(function: Json) -> Json:
    schema = function.get("parameters") or function.get("parametersJsonSchema")
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": schema or {"type": "object"},
    }
