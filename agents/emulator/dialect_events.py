"""A script's moves as other makers' APIs would send them.

One writer a dialect; each keeps what its API says again at the end. What an API has no
words for (citations of documents, containers) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import msgspec

from agents.backends.scripted.faults import body_of
from agents.backends.scripted.response_steps import (
    BlockCloses,
    BlockOpens,
    Cited,
    Deltas,
    MessageCloses,
    MessageOpens,
    Move,
    Pinged,
    RawSent,
    Sealed,
)
from agents.emulator import sse
from agents.emulator.other_dialects import REDACTED, Dialect

if TYPE_CHECKING:
    from agents.backends.scripted.script import HttpError, JsonObject

Json: TypeAlias = dict[str, Any]
_encode = msgspec.json.Encoder().encode

_SEARCHES = frozenset({"web_search"})
_CODE = frozenset({"code_execution", "bash_code_execution"})


class EventWriter(Protocol):
    """The interface by which a response is written in one dialect."""

    def events(self, move: Move) -> Iterator[bytes]:
        """Write a move; each item may be one write."""
        ...

    def error(self, error: HttpError) -> bytes:
        """Write an error amid the response."""
        ...


class MessagesWriter:
    """The Messages API's own events."""

    def events(self, move: Move) -> Iterator[bytes]:
        """Write a move."""
        return sse.events(move)

    def error(self, error: HttpError) -> bytes:
        """Write an error amid the response."""
        return sse.event(body_of(error))


def _line(fields: Json) -> bytes:
    return b"data: %b\n\n" % _encode(fields)


def _pieces(move: Deltas, write: Callable[[str], bytes]) -> Iterator[bytes]:
    """Each piece once, or all of them as often as the script says."""
    once = [write(piece) for piece in move.pieces]
    if move.times == 1:
        yield from once
        return
    joined = b"".join(once)
    for _ in range(move.times):
        yield joined


def _counts(message: Json, usage: Json) -> tuple[Json, int, int, int]:
    """Usage, and of it what was read, cached and written to the cache."""
    counts: Json = {**cast("Json", message.get("usage") or {}), **usage}
    cached = int(counts.get("cache_read_input_tokens") or 0)
    cache_writes = int(counts.get("cache_creation_input_tokens") or 0)
    return (
        counts,
        int(counts.get("input_tokens") or 0) + cached + cache_writes,
        cached,
        cache_writes,
    )


def _thought(usage: Json) -> int:
    details = cast("Json", usage.get("output_tokens_details") or {})
    return int(details.get("thinking_tokens") or 0)


def _stdout(result: object) -> str:
    """The output of code, from a result in the Messages API's form."""
    if isinstance(result, dict):
        return str(cast("Json", result).get("stdout", ""))
    return ""


class ResponsesWriter:
    """The Responses API's events."""

    def __init__(self) -> None:
        self._message: Json = {}
        self._items: list[Json] = []
        self._at: dict[int, int] = {}
        self._kinds: dict[int, str] = {}
        self._texts: dict[int, list[str]] = {}
        self._seals: dict[int, str] = {}
        self._cited: dict[int, list[Json]] = {}
        self._asked: dict[str, tuple[Json, str]] = {}
        self._number = 0

    def _event(self, kind: str, **fields: object) -> bytes:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: %b\n" % kind.encode() + _line(event)

    def error(self, error: HttpError) -> bytes:
        """Write an error amid the response."""
        error_fields = body_of(error)["error"]
        code = _code(error_fields["type"])
        problem = {
            "type": error_fields["type"],
            "code": code,
            "message": error_fields["message"],
        }
        return self._event("error", error=problem)

    def events(self, move: Move) -> Iterator[bytes]:
        """Write a move."""
        match move:
            case MessageOpens(message):
                self._message = message
                yield self._event("response.created", response=self._response())
            case BlockOpens(block, content):
                yield from self._opens(block, content)
            case Deltas(block=block) if block in self._at:
                yield from self._deltas(move)
            case Sealed(block, signature):
                self._seals[block] = signature
            case Cited(block, citation):
                self._cited.setdefault(block, []).append(citation)
            case BlockCloses():
                yield from self._closes(move)
            case MessageCloses(delta, usage):
                yield self._ends(str(delta["stop_reason"]), usage)
            case Pinged():
                yield b": keepalive\n\n"
            case RawSent(text):
                yield text.encode()
            case _:
                return

    def _response(self, **more: object) -> Json:
        head = {"id": f"resp_{self._message.get('id')}", "object": "response"}
        return {**head, "model": self._message.get("model"), **more}

    def _opens(self, block: int, content: Json) -> Iterator[bytes]:
        kind = str(content["type"])
        self._kinds[block] = kind
        self._texts[block] = []
        item: Json
        match kind:
            case "text":
                item = {"type": "message", "role": "assistant", "content": []}
            case "thinking" | "redacted_thinking":
                item = {"type": "reasoning", "summary": []}
                if kind == "redacted_thinking":
                    self._seals[block] = REDACTED + str(content.get("data"))
            case "tool_use":
                item = {"type": "function_call", "call_id": content["id"]}
                item |= {"name": content["name"], "arguments": ""}
            case _:
                return
        self._at[block] = len(self._items)
        item["id"] = f"item_{block}"
        self._items.append(item)
        yield self._event(
            "response.output_item.added", output_index=self._at[block], item=item
        )

    def _deltas(self, move: Deltas) -> Iterator[bytes]:
        index = self._at[move.block]
        self._texts[move.block] += [*move.pieces] * move.times
        kind = {
            "text": "response.output_text.delta",
            "thinking": "response.reasoning_summary_text.delta",
            "input": "response.function_call_arguments.delta",
        }[move.kind]
        part = {"text": "content_index", "thinking": "summary_index"}.get(move.kind)
        more = {part: 0} if part else {}
        yield from _pieces(
            move, lambda p: self._event(kind, output_index=index, delta=p, **more)
        )

    def _closes(self, move: BlockCloses) -> Iterator[bytes]:
        block, content = move.block, move.content
        kind = self._kinds.get(block, "")
        if kind in {"server_tool_use", "mcp_tool_use"}:
            self._asked[str(content["id"])] = (content, move.typed)
            return
        if kind.endswith("_result"):
            yield from self._served(content)
            return
        if block not in self._at:
            return
        text = "".join(self._texts[block])
        item = self._items[self._at[block]]
        if kind == "text":
            text = str(content.get("text", "")) + text
            noted = [_annotation(c, text) for c in self._cited.get(block, ())]
            part = {"type": "output_text", "text": text, "annotations": noted}
            item = {**item, "content": [part], "status": "completed"}
        elif kind == "tool_use":
            item = {**item, "arguments": move.typed or "{}"}
        else:
            summary = [{"type": "summary_text", "text": text}] if text else []
            seal = self._seals.get(block, "")
            item = {**item, "summary": summary, "encrypted_content": seal}
        yield self._done(self._at[block], item)

    def _done(self, index: int, item: Json) -> bytes:
        self._items[index] = item
        return self._event("response.output_item.done", output_index=index, item=item)

    def _served(self, content: Json) -> Iterator[bytes]:
        """The item of a server tool's call and its result."""
        call_id = str(content.get("tool_use_id"))
        call, typed = self._asked.get(call_id, ({}, ""))
        arguments: Any = (
            msgspec.json.decode(typed) if typed else call.get("input") or {}
        )
        name = str(call.get("name", ""))
        item: Json = {"id": call_id, "status": "completed"}
        result: Any = content.get("content")
        if "server_name" in call:
            output = _encode(result).decode()
            item |= {"type": "mcp_call", "name": name, "output": output}
            item |= {"server_label": call["server_name"], "arguments": typed or "{}"}
            item["error"] = output if content.get("is_error") else None
        elif name in _SEARCHES:
            sources = cast("list[Any]", result) if isinstance(result, list) else []
            action: Json = {"type": "search", **arguments, "sources": sources}
            item |= {"type": "web_search_call", "action": action}
        elif name in _CODE:
            code = arguments.get("code", arguments.get("command", ""))
            logs = [{"type": "logs", "logs": _stdout(result)}]
            item |= {"type": "code_interpreter_call", "code": code, "outputs": logs}
        else:
            item |= {"type": "custom_tool_call", "name": name, "input": typed}
            item["call_id"] = call_id
        index = len(self._items)
        self._items.append(item)
        yield self._event("response.output_item.added", output_index=index, item=item)
        yield self._done(index, item)

    def _ends(self, stop_reason: str, usage: Json) -> bytes:
        counts, read, cached, cache_writes = _counts(self._message, usage)
        counted = {
            "input_tokens": read,
            "output_tokens": counts.get("output_tokens") or 0,
            "input_tokens_details": {
                "cached_tokens": cached,
                "cache_write_tokens": cache_writes,
            },
            "output_tokens_details": {"reasoning_tokens": _thought(counts)},
            "total_tokens": read + (counts.get("output_tokens") or 0),
        }
        reason = {
            "max_tokens": "max_output_tokens",
            "model_context_window_exceeded": "max_output_tokens",
            "refusal": "content_filter",
        }.get(stop_reason)
        status = "incomplete" if reason else "completed"
        details = {"reason": reason} if reason else None
        response = self._response(
            status=status,
            incomplete_details=details,
            output=self._items,
            usage=counted,
            error=None,
        )
        return self._event(f"response.{status}", response=response)


def _annotation(citation: JsonObject, text: str) -> Json:
    return {
        "type": "url_citation",
        "url": citation.get("url", ""),
        "title": citation.get("title", ""),
        "start_index": 0,
        "end_index": len(text),
    }


def _code(kind: str) -> str:
    return {
        "rate_limit_error": "rate_limit_exceeded",
        "api_error": "server_error",
    }.get(kind, kind)


class ChatWriter:
    """Chunks of a chat completion."""

    def __init__(self) -> None:
        self._message: Json = {}
        self._calls: dict[int, int] = {}
        self._thoughts: dict[int, int] = {}
        self._kinds: dict[int, str] = {}

    def _chunk(self, delta: Json, reason: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        head = {
            "id": f"chatcmpl-{self._message.get('id')}",
            "object": "chat.completion.chunk",
            "model": self._message.get("model"),
            "choices": [choice],
        }
        return _line({**head, **more})

    def error(self, error: HttpError) -> bytes:
        """Write an error amid the response."""
        error_fields = body_of(error)["error"]
        return _line({"error": {**error_fields, "code": _code(error_fields["type"])}})

    def events(self, move: Move) -> Iterator[bytes]:
        """Write a move."""
        match move:
            case MessageOpens(message):
                self._message = message
                yield self._chunk({"role": "assistant", "content": ""})
            case BlockOpens(block, content):
                yield from self._opens(block, content)
            case Deltas(block=block, kind=kind):
                yield from self._deltas(move, block, kind)
            case Sealed(block, signature):
                detail = {"type": "reasoning.text", "signature": signature}
                yield self._detail(block, detail)
            case Cited(_, citation):
                source = {"url": citation.get("url"), "title": citation.get("title")}
                note = {"type": "url_citation", "url_citation": source}
                yield self._chunk({"annotations": [note]})
            case MessageCloses(delta, usage):
                yield from self._ends(str(delta["stop_reason"]), usage)
            case Pinged():
                yield b": PROCESSING\n\n"
            case RawSent(text):
                yield text.encode()
            case _:
                return

    def _opens(self, block: int, content: Json) -> Iterator[bytes]:
        kind = self._kinds[block] = str(content["type"])
        if kind == "tool_use":
            index = self._calls[block] = len(self._calls)
            function = {"name": content["name"], "arguments": ""}
            call = {"index": index, "id": content["id"], "type": "function"}
            yield self._chunk({"tool_calls": [{**call, "function": function}]})
        elif kind == "redacted_thinking":
            detail = {"type": "reasoning.encrypted", "data": content.get("data")}
            yield self._detail(block, detail)
        elif kind == "text" and content.get("text"):
            yield self._chunk({"content": content["text"]})

    def _detail(self, block: int, detail: Json) -> bytes:
        index = self._thoughts.setdefault(block, len(self._thoughts))
        return self._chunk({"reasoning_details": [{**detail, "index": index}]})

    def _deltas(self, move: Deltas, block: int, kind: str) -> Iterator[bytes]:
        if kind == "text" and self._kinds.get(block) == "text":
            yield from _pieces(move, lambda p: self._chunk({"content": p}))
        elif kind == "thinking":
            yield from _pieces(
                move,
                lambda p: self._detail(block, {"type": "reasoning.text", "text": p}),
            )
        elif kind == "input" and block in self._calls:
            index = self._calls[block]
            yield from _pieces(
                move,
                lambda p: self._chunk(
                    {"tool_calls": [{"index": index, "function": {"arguments": p}}]}
                ),
            )

    def _ends(self, stop_reason: str, usage: Json) -> Iterator[bytes]:
        reason = {
            "tool_use": "tool_calls",
            "max_tokens": "length",
            "model_context_window_exceeded": "length",
            "refusal": "content_filter",
        }.get(stop_reason, "stop")
        yield self._chunk({}, reason)
        counts, read, cached, cache_writes = _counts(self._message, usage)
        output = counts.get("output_tokens") or 0
        counted = {
            "prompt_tokens": read,
            "completion_tokens": output,
            "total_tokens": read + output,
            "prompt_tokens_details": {
                "cached_tokens": cached,
                "cache_write_tokens": cache_writes,
            },
            "completion_tokens_details": {"reasoning_tokens": _thought(counts)},
        }
        yield self._chunk({}, choices=[], usage=counted)
        yield b"data: [DONE]\n\n"


class GeminiWriter:
    """Gemini's objects."""

    def __init__(self) -> None:
        self._message: Json = {}
        self._kinds: dict[int, str] = {}
        self._asked: dict[str, tuple[Json, str]] = {}
        self._grounding: list[Json] = []
        self._said_bytes = 0
        self._began: dict[int, int] = {}

    def _chunk(self, *parts: Json, **more: object) -> bytes:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
        return self._object(candidates=[candidate])

    def _object(self, **fields: object) -> bytes:
        head = {"modelVersion": self._message.get("model"), "responseId": "r1"}
        return b"data: %b\r\n\r\n" % _encode({**fields, **head})

    def error(self, error: HttpError) -> bytes:
        """Write an error amid the response: bare, outside any event."""
        status = {429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT"}
        named = status.get(error.status, "UNAVAILABLE")
        message = body_of(error)["error"]["message"]
        error_fields = {"code": error.status, "message": message, "status": named}
        return msgspec.json.format(_encode({"error": error_fields}), indent=2) + b"\n"

    def events(self, move: Move) -> Iterator[bytes]:
        """Write a move."""
        match move:
            case MessageOpens(message):
                self._message = message
                yield self._object(usageMetadata={"promptTokenCount": 1})
            case BlockOpens(block, content):
                kind = self._kinds[block] = str(content["type"])
                self._began[block] = self._said_bytes
                if kind == "redacted_thinking":
                    yield self._sealed(REDACTED + str(content.get("data")))
                elif kind == "text" and content.get("text"):
                    yield self._text(str(content["text"]))
            case Deltas(block=block, kind="text") if self._kinds.get(block) == "text":
                yield from _pieces(move, self._text)
            case Deltas(kind="thinking"):
                yield from _pieces(
                    move, lambda p: self._chunk({"text": p, "thought": True})
                )
            case Sealed(_, signature):
                yield self._sealed(signature)
            case Cited(block, citation):
                self._cite(block, citation)
            case BlockCloses():
                yield from self._closes(move)
            case MessageCloses(delta, usage):
                yield self._ends(str(delta["stop_reason"]), usage)
            case RawSent(text):
                yield text.encode()
            case _:
                return

    def _text(self, text: str) -> bytes:
        self._said_bytes += len(text.encode())
        return self._chunk({"text": text})

    def _sealed(self, signature: str) -> bytes:
        part: Json = {"text": "", "thought": True, "thoughtSignature": signature}
        return self._chunk(part)

    def _cite(self, block: int, citation: JsonObject) -> None:
        self._grounding.append(
            {
                "page": {"uri": citation.get("url"), "title": citation.get("title")},
                "segment": {
                    "startIndex": self._began.get(block, 0),
                    "endIndex": self._said_bytes,
                },
            }
        )

    def _closes(self, move: BlockCloses) -> Iterator[bytes]:
        content = move.content
        match self._kinds.get(move.block, ""):
            case "tool_use":
                call: Json = {"name": content["name"], "id": content["id"]}
                try:
                    call["args"] = msgspec.json.decode(move.typed or "{}")
                except msgspec.DecodeError:
                    yield self._chunk(finishReason="MALFORMED_FUNCTION_CALL")
                    return
                yield self._chunk({"functionCall": call})
            case "server_tool_use":
                self._asked[str(content["id"])] = (content, move.typed)
            case kind if kind.endswith("_result"):
                yield from self._served(content)
            case _:
                return

    def _served(self, content: Json) -> Iterator[bytes]:
        call_id = str(content.get("tool_use_id"))
        call, typed = self._asked.get(call_id, ({}, ""))
        arguments: Any = msgspec.json.decode(typed) if typed else {}
        name = str(call.get("name", ""))
        result: Any = content.get("content")
        if name in _CODE:
            code = arguments.get("code", arguments.get("command", ""))
            yield self._chunk({"executableCode": {"language": "PYTHON", "code": code}})
            ran = {"outcome": "OUTCOME_OK", "output": _stdout(result)}
            yield self._chunk({"codeExecutionResult": ran})
        elif name in _SEARCHES or name == "web_fetch":
            search = name in _SEARCHES
            kind = "GOOGLE_SEARCH_WEB" if search else "URL_CONTEXT"
            args = {"queries": [arguments.get("query", "")]} if search else arguments
            call_head = {"id": call_id, "toolType": kind}
            yield self._chunk({"toolCall": {**call_head, "args": args}})
            response = {"toolResponse": {**call_head, "response": {"results": result}}}
            yield self._chunk(response)

    def _ends(self, stop_reason: str, usage: Json) -> bytes:
        counts, read, cached, _ = _counts(self._message, usage)
        reason = {
            "max_tokens": "MAX_TOKENS",
            "model_context_window_exceeded": "MAX_TOKENS",
            "refusal": "SAFETY",
        }.get(stop_reason, "STOP")
        output, thought = counts.get("output_tokens") or 0, _thought(counts)
        counted = {
            "promptTokenCount": read,
            "candidatesTokenCount": output - thought,
            "thoughtsTokenCount": thought,
            "cachedContentTokenCount": cached,
            "totalTokenCount": read + output,
        }
        candidate: Json = {"content": {"parts": [{"text": ""}], "role": "model"}}
        candidate |= {"index": 0, "finishReason": reason}
        if self._grounding:
            candidate["groundingMetadata"] = {
                "groundingChunks": [{"web": each["page"]} for each in self._grounding],
                "groundingSupports": [
                    {"segment": each["segment"], "groundingChunkIndices": [place]}
                    for place, each in enumerate(self._grounding)
                ],
            }
        return self._object(candidates=[candidate], usageMetadata=counted)


def writer_for(dialect: Dialect) -> EventWriter:
    """The writer for a response in ``dialect``."""
    match dialect:
        case "messages":
            return MessagesWriter()
        case "responses":
            return ResponsesWriter()
        case "chat":
            return ChatWriter()
        case "gemini":
            return GeminiWriter()
