"""From Gemini's objects to chunks: one response, stamped by a pen. Pure.

Nothing marks the end of a body, so a response is whole where a finish reason came and
the body ended. Parts go back as they came and in their order: a signature belongs to
the part it stands beside. Runs of text without one are joined, which the API allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from agents.backends.dialects.chunk_writer import Price, no_price
from agents.backends.dialects.errors import SAID_CHARS
from agents.backends.dialects.event_reader import EventReader
from agents.backends.dialects.gemini import event_types as wire
from agents.backends.dialects.gemini.cited_sources import citations
from agents.backends.dialects.gemini.errors import of_stream
from agents.backends.dialects.gemini.partial_args import put
from agents.backends.dialects.json_values import (
    Json,
    count_of,
    is_said,
    object_of,
    raw,
    text_of,
)
from agents.errors import StreamMalformed
from agents.protocol.chunks import Usage
from agents.protocol.endings import Ending
from agents.protocol.stamper import Pen

_ENDINGS: dict[str, Ending] = {
    "STOP": "finished",
    "MAX_TOKENS": "cut",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
    "MODEL_ARMOR": "refused",
    "CONTINUATION": "paused",
}
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
    }
)
"""The model wrote what its server could not read; it may do better when asked again."""

_TOOLS = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH": "web_search",
    "URL_CONTEXT": "web_fetch",
    "CODE_EXECUTION": "code_execution",
}
"""The API's names of its tools, as displays know them."""


class Translator(EventReader):
    """Translates one response; see :class:`EventReader`."""

    def __init__(
        self,
        pen: Pen,
        price: Price = no_price,
        by: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pen, price, by, names)
        self._open_kind = ""
        self._open_block = -1
        self._run: list[str] = []
        """Text since the last item, of one kind and without a signature."""
        self._run_is_thought = False
        self._texts: list[tuple[int, list[str]]] = []
        """Blocks of visible text and what stands in them."""
        self._partial: Json | None = None
        """A call whose input comes in pieces: the part as it goes back."""
        self._call_id = ""
        self._code_id = ""
        self._calls = 0
        self._searches = 0
        self._grounding: list[Json] = []
        self._usage = msgspec.Raw()
        self._finish: str | None = None
        self._finish_message = ""
        self._blocked: wire.PromptFeedback | None = None

    def _on(self, name: bytes, data: bytes) -> None:
        chunk, line = wire.chunks.decode(data)
        if chunk is None:
            self._out.unrecognized(name, line)
            return
        if chunk.error:
            raise of_stream(chunk.error)
        if not self._out.has_started:
            model = chunk.model_version or ""
            self._out.start(model, {"id": chunk.response_id or "", "model": model})
        if is_said(chunk.usage_metadata):
            self._on_usage(chunk.usage_metadata)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason:
            self._blocked = feedback
        for candidate in chunk.candidates or ():
            if not candidate.index:  # nobody asked for more than one
                self._on_candidate(candidate)

    def _on_usage(self, counted: msgspec.Raw) -> None:
        """The last one counts; Vertex' chunks but the last have no numbers."""
        if b"TokenCount" in bytes(counted):
            self._usage = counted

    def _on_candidate(self, candidate: wire.Candidate) -> None:
        content = candidate.content
        for part in (content.parts if content is not None else None) or ():
            self._on_part(part)
        for metadata in (candidate.grounding_metadata, candidate.citation_metadata):
            if metadata:
                self._grounding.append(metadata)
        if candidate.url_context_metadata:
            self._on_fetched(candidate.url_context_metadata)
        if candidate.finish_reason:
            self._finish = candidate.finish_reason
            self._finish_message = candidate.finish_message or ""

    def _on_part(self, line: msgspec.Raw) -> None:
        try:
            part = wire.parts.decode(line)
        except msgspec.ValidationError as exc:
            raise StreamMalformed(f"a part is not understood: {exc}") from exc
        if part.function_call is not None:
            self._on_call(part.function_call, line)
            return
        if self._partial is not None:
            raise StreamMalformed("a call's input broke off")
        if part.text is not None:
            self._on_text(part, part.text, line)
            return
        self._end_run()
        self._out.item(line)
        if part.executable_code is not None:
            self._on_code(part.executable_code)
        elif part.code_execution_result is not None:
            self._on_ran(part.code_execution_result)
        elif part.tool_call is not None:
            self._on_tool_call(part.tool_call)
        elif part.tool_response is not None:
            self._on_tool_response(part.tool_response)

    def _on_text(self, part: wire.Part, text: str, line: msgspec.Raw) -> None:
        is_thought = bool(part.thought)
        if text:
            self._grow("thinking" if is_thought else "text", text)
        if part.thought_signature:
            self._end_run()
            self._out.item(line)
        elif text:
            if self._run and self._run_is_thought != is_thought:
                self._end_run()
            self._run_is_thought = is_thought
            self._run.append(text)

    def _end_run(self) -> None:
        """Keep the text since the last item as one."""
        if self._run:
            item: Json = {"text": "".join(self._run)}
            if self._run_is_thought:
                item["thought"] = True
            self._out.item(raw(item))
            self._run = []

    def _grow(self, kind: str, text: str) -> None:
        if kind != self._open_kind:
            self._close_open()
            self._open_kind, self._open_block = kind, self._out.open(kind)
            if kind == "text":
                self._texts.append((self._open_block, []))
        if kind == "thinking":
            self._out.think(self._open_block, text)
        else:
            self._texts[-1][1].append(text)
            self._out.text(self._open_block, text)

    def _close_open(self) -> None:
        if self._open_kind:
            self._out.close(self._open_block)
            self._open_kind = ""

    def _on_call(self, call: wire.FunctionCall, line: msgspec.Raw) -> None:
        if self._partial is None:
            self._end_run()
            self._close_open()
            self._call_id = call.id or self._new_id()
            self._open_block = self._out.open_call(self._call_id, call.name or "")
            is_whole = not call.will_continue and not call.partial_args
            if is_whole:
                self._end_call(call.name or "", call.args or {}, line)
                return
            self._partial = object_of(line)
            own: Json = {"name": call.name or "", "args": dict(call.args or {})}
            if call.id:
                own["id"] = call.id
            self._partial["functionCall"] = own
        inner = cast("Json", self._partial["functionCall"])
        for piece in call.partial_args or ():
            put(inner["args"], piece)
        if not call.will_continue:
            part, self._partial = self._partial, None
            self._end_call(inner["name"], inner["args"], raw(part))

    def _new_id(self) -> str:
        self._calls += 1
        return f"{self._out.new_id()}_{self._calls}"

    def _end_call(self, name: str, args: Json, item: msgspec.Raw) -> None:
        typed = msgspec.json.encode(args).decode()
        self._out.item(item)
        self._out.type_input(self._open_block, typed)
        self._out.close(self._open_block)
        self._out.call(self._open_block, self._call_id, name, typed)

    def _on_code(self, fields: Json) -> None:
        self._code_id = text_of(fields.get("id")) or self._new_id()
        arguments = {"code": text_of(fields.get("code"))}
        self._server_call(self._code_id, "code_execution", arguments)

    def _server_call(self, call_id: str, name: str, arguments: object) -> None:
        self._close_open()
        block = self._out.open_call(call_id, name, "server_tool_use")
        self._out.close(block)
        self._out.server_call(block, call_id, name, arguments)

    def _on_ran(self, fields: Json) -> None:
        self._close_open()
        is_error = fields.get("outcome") not in ("OUTCOME_OK", None)
        output = text_of(fields.get("output"))
        content: Json = {"stdout": output, "stderr": "", "return_code": int(is_error)}
        call_id = text_of(fields.get("id")) or self._code_id
        self._out.server_return(
            call_id, "code_execution_tool_result", content, is_error=is_error
        )

    def _on_tool_call(self, fields: Json) -> None:
        kind = text_of(fields.get("toolType"))
        self._searches += kind.startswith("GOOGLE_SEARCH")
        name = _TOOLS.get(kind, kind.lower())
        self._server_call(text_of(fields.get("id")), name, _query(fields.get("args")))

    def _on_tool_response(self, fields: Json) -> None:
        self._close_open()
        kind = text_of(fields.get("toolType"))
        name = _TOOLS.get(kind, kind.lower())
        response = fields.get("response")
        content = cast("Json", response) if isinstance(response, dict) else {}
        self._out.server_return(
            text_of(fields.get("id")), f"{name}_tool_result", content
        )

    def _on_fetched(self, fields: Json) -> None:
        """Pages that were read; there is no call to be seen."""
        pages = fields.get("urlMetadata")
        for page in cast("list[Any]", pages) if isinstance(pages, list) else ():
            url = text_of(cast("Json", page).get("retrievedUrl"))
            status = text_of(cast("Json", page).get("urlRetrievalStatus"))
            is_error = not status.endswith("SUCCESS")
            call_id = self._new_id()
            self._server_call(call_id, "web_fetch", {"url": url})
            content: Json = {"type": "web_fetch_result", "url": url}
            if is_error:
                content = {"error_code": status}
            self._out.server_return(
                call_id, "web_fetch_tool_result", content, is_error=is_error
            )

    def _on_body_end(self) -> None:
        if not self._out.has_started:
            raise StreamMalformed("the body ended before the response began")
        if self._finish in _BROKEN:
            why = f"{self._finish}: {self._finish_message}".rstrip(": ")[:SAID_CHARS]
            raise StreamMalformed(f"the model's call cannot be read: {why}")
        if self._finish is None and self._blocked is None:
            raise StreamMalformed("the body ended without a finish reason")
        if self._partial is not None and self._finish != "MAX_TOKENS":
            raise StreamMalformed("a call's input broke off")
        self._end_run()
        self._close_open()
        for block, citation in citations(self._grounding, self._texts):
            self._out.cite(block, citation)
        self._out.report(usage_of(self._usage, self._searches or self._queries()))
        reason, why, category = self._why()
        fields: Json = {"finishReason": reason, "finishMessage": self._finish_message}
        fields["usage"] = object_of(self._usage)
        self._has_ended = True
        self._out.end(reason, why, fields, category=category)

    def _queries(self) -> int:
        """Whether it has searched, where no call says so."""
        return int(
            any(metadata.get("webSearchQueries") for metadata in self._grounding)
        )

    def _why(self) -> tuple[str, Ending, str]:
        if self._blocked is not None and self._finish is None:
            reason = self._blocked.block_reason or ""
            return reason, "refused", reason
        reason = self._finish or ""
        why = _ENDINGS.get(reason, "other")
        if why == "refused":
            return reason, why, reason
        if why in {"finished", "other"} and self._out.has_called:
            return reason, "calls", ""
        return reason, why, ""


def usage_of(counted: msgspec.Raw, searches: int = 0) -> Usage:
    """Usage in our meaning: what was thought is output, what was cached no input."""
    try:
        usage = wire.usages.decode(counted)
    except msgspec.DecodeError:
        usage = None
    if usage is None:
        return Usage(web_search_requests=searches or None)
    cached, thought = usage.cached_content_token_count, usage.thoughts_token_count
    prompt = count_of(usage.prompt_token_count)
    read = prompt + count_of(usage.tool_use_prompt_token_count)
    written = count_of(usage.candidates_token_count) + count_of(thought)
    return Usage(
        input_tokens=max(0, read - count_of(cached)),
        output_tokens=written,
        cache_read_input_tokens=None if cached is None else count_of(cached),
        thinking_tokens=None if thought is None else count_of(thought),
        web_search_requests=searches or None,
    )


def _query(args: object) -> Json:
    """The query of a search, in the form that displays read."""
    fields = cast("Json", args) if isinstance(args, dict) else {}
    queries = fields.get("queries")
    if isinstance(queries, list):
        return {"query": "; ".join(map(str, cast("list[Any]", queries)))}
    return fields
