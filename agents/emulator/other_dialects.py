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
    match = _GEMINI.fullmatch(path)
    dialect: Dialect = "messages"
    if path.endswith("/responses"):
        dialect = "responses"
    elif path.endswith("/chat/completions"):
        dialect = "chat"
    elif match is not None:
        dialect = "gemini"
    if dialect == "messages" or request.method != "POST" or request.is_too_large:
        return Told(request, "messages")
    try:
        body = msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Told(request, "messages")
    model, method = (unquote(match[1]), match[2]) if match is not None else ("", "")
    try:
        messages_body = _translated(dialect, body, model)
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        # The parts are read as clients send them; whatever else comes is refused whole.
        message = f"The request is not of this API's shape: {error}"
        raise Invalid(message) from error
    if method:
        messages_body["stream"] = method == "streamGenerateContent"
    headers = {"anthropic-version": _VERSION, **request.headers}
    headers.setdefault("x-api-key", headers.get("x-goog-api-key", ""))
    if not headers["x-api-key"]:
        del headers["x-api-key"]
    translated = msgspec.structs.replace(
        request,
        path="/v1/messages",
        headers=headers,
        body=msgspec.json.encode(messages_body),
    )
    return Told(translated, dialect)


def _translated(dialect: Dialect, body: Json, model: str) -> Json:
    match dialect:
        case "responses":
            request = _of_responses(body)
        case "chat":
            request = _of_chat(body)
        case _:
            request = _of_gemini(body, model)
    request["messages"] = _merged(request["messages"])
    return request


def _of_responses(body: Json) -> Json:
    messages: list[Json] = []
    input_ = body.get("input", "")
    items: list[Json] = (
        [{"role": "user", "content": input_}] if isinstance(input_, str) else input_
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
    request = _messages_request(
        body, messages, [_tool(function) for function in functions]
    )
    request["max_tokens"] = body.get("max_output_tokens") or MAX_TOKENS
    if body.get("instructions"):
        request["system"] = body["instructions"]
    return request


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
                blocks = _parts(content or "")
                messages += [{"role": "assistant", "content": blocks}] if blocks else []
                for call in message.get("tool_calls") or ():
                    block = _call(call["function"], call.get("id"))
                    messages.append(_assistant(block))
            case _:
                messages.append({"role": "user", "content": _parts(content or "")})
    tools = [_tool(tool["function"]) for tool in body.get("tools") or ()]
    request = _messages_request(body, messages, tools)
    limits = (body.get("max_completion_tokens"), body.get("max_tokens"))
    request["max_tokens"] = next(filter(None, limits), MAX_TOKENS)
    if system:
        request["system"] = "\n".join(system)
    return request


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
                response_part = cast("Json", part["functionResponse"])
                call_id = _paired(calls, response_part)
                response = cast("Json", response_part.get("response") or {})
                output = response.get("output", response.get("error", ""))
                messages.append(_user(_result(call_id, output)))
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
    request = _messages_request(
        {"model": model}, messages, [_tool(each) for each in declared]
    )
    config = cast("Json", body.get("generationConfig") or {})
    request["max_tokens"] = config.get("maxOutputTokens") or MAX_TOKENS
    system = cast("Json", body.get("systemInstruction") or {}).get("parts") or ()
    if system:
        request["system"] = "\n".join(str(part.get("text", "")) for part in system)
    return request


def _paired(calls: list[tuple[str, str]], response: Json) -> str:
    """The call that a result answers: by id, else the first of its name."""
    for place, (call_id, name) in enumerate(calls):
        if response.get("id", call_id) == call_id and response.get("name") == name:
            del calls[place]
            return call_id
    return str(response.get("id") or "toolu_unknown")


def _messages_request(body: Json, messages: list[Json], tools: list[Json]) -> Json:
    request: Json = {"model": body.get("model"), "messages": messages}
    if tools:
        request["tools"] = tools
    if body.get("stream"):
        request["stream"] = True
    return request


def _merged(messages: list[Json]) -> list[Json]:
    """Messages of one role in a row as one; the Messages API has them so."""
    merged: list[Json] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"].extend(message["content"])
        else:
            merged.append({**message, "content": [*message["content"]]})
    return merged


def _assistant(block: Json) -> Json:
    return {"role": "assistant", "content": [block]}


def _user(block: Json) -> Json:
    return {"role": "user", "content": [block]}


def _call(call: Json, call_id: object) -> Json:
    arguments: Any = call.get("arguments", call.get("args"))
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except msgspec.DecodeError:
            arguments = {}
    name = str(call.get("name"))
    block: Json = {"type": "tool_use", "id": str(call_id), "name": name}
    return {**block, "input": arguments if isinstance(arguments, dict) else {}}


def _result(call_id: object, output: object) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": str(call_id)}
    if isinstance(output, list):
        return {**block, "content": _parts(cast("list[Json]", output))}
    text = str(output or "")
    is_error = text.startswith("error: ")
    block["content"] = text.removeprefix("error: ")
    return {**block, "is_error": True} if is_error else block


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
    blocks: list[Json] = []
    for part in content:
        match part.get("type"):
            case "input_image" | "image_url":
                address: Any = part["image_url"]
                if isinstance(address, dict):
                    address = cast("Json", address)["url"]
                blocks.append(_of_address(str(address)))
            case "input_file":
                blocks.append(_of_address(str(part.get("file_data"))))
            case "file":
                blocks.append(_of_address(str(part["file"].get("file_data"))))
            case _:
                text = part.get("text", part.get("refusal", ""))
                blocks += [{"type": "text", "text": text}] if text else []
    return blocks


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
