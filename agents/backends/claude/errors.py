"""Which of our errors a refusal of the API's is, by its status, type or words. Pure.

Words count, because gateways and other makers' servers send the same refusals under
other statuses and types. Each expression below says where its wordings were seen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

import msgspec

from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
)
from agents.protocol.redaction import LEAST_CHARS

SAID_CHARS = 1_000
"""The most that is kept of a server's message: a gateway may answer with a page."""

_PASSING = frozenset({408, 409, 425, 429})
"""Statuses that may pass, beside all of 500 and above."""
_OVERLOADED = frozenset({502, 503, 504, 529})
"""Statuses of a server that has too much to do, or that a gateway cannot reach."""
_OVERLOADED_TYPES = re.compile(
    r"overloaded|timeout_error|service_?unavailable|bad_gateway", re.IGNORECASE
)

_FINAL_TYPES = re.compile(
    r"invalid_request|authentication|permission|not_found|billing|request_too_large"
    r"|invalid_api_key|insufficient_quota|validation_?exception|access_?denied",
    re.IGNORECASE,
)
"""Types of errors that are final. The vendor says that types are added; one that is
unknown may pass (docs.claude.com, errors, read 2026-11-30)."""

_TOO_LONG = re.compile(
    r"(?:prompt|input|request|messages?|conversation|content|payload|body|entity)"
    r"(?: \w+)? (?:is|are) too (?:long|large)"
    r"|(?:prompt|input|entity|payload|request|conversation) too (?:long|large)"
    r"|reached (?:its|the) context|context window limit"
    r"|request_too_large|too many total text bytes|too much media"
    r"|many-image requests|too many images|maximum of \d+ pdf pages"
    r"|exceed\w*[^.]{0,60}(?:context|maximum (?:input|prompt|request|length|size))"
    r"|(?:context|input|prompt)[\w ,`']{0,60}(?:exceed|maximum length)"
    r"|maximum context length|context[_ ](?:length|window|limit)[\w ]{0,20}exceeded"
    r"|token count[^.]{0,40}exceed|exceeds? the maximum number of (?:input )?tokens"
    r"|number of input tokens exceeds|extra usage[^.]*long context",
    re.IGNORECASE,
)
"""How servers say that a request is more than a model can read: the API, Bedrock,
Vertex, OpenRouter and llama.cpp, as public reports quote them (read 2026-11-30)."""

_ACCOUNT_GATE = re.compile(
    r"extra usage|insufficient_quota|exceeded your current quota|credit balance"
    r"|usage limit[^.]*regain|billing",
    re.IGNORECASE,
)
"""A 429 that waiting does not mend (public reports, read 2026-11-30)."""

_FILTERED = re.compile(
    r"content[ _-]?(?:filter|management)|(?:usage|acceptable use|safety|content)"
    r" polic(?:y|ies)|responsible ai|blocked by [^.]{0,60}(?:polic|guardrail|filter)"
    r"|prohibited[ _]content|guardrail",
    re.IGNORECASE,
)
"""How a refusal of this model's to answer comes as an error: "Output blocked by content
filtering policy" of the API, and those of Azure, Bedrock and Vertex."""

_NO_MODEL = re.compile(
    r"\bmodels?\b.{0,160}?(?:not[ _](?:be )?found|(?:does|do|did) not exist|is invalid"
    r"|isn't|not (?:available|enabled|allowed|authorized)|deprecated|retired"
    r"|no longer|end[ -]of[ -](?:its )?life|access denied)"
    r"|(?:unknown|invalid|unsupported|retired|deprecated|no such) model"
    r"|(?:access|authorized|permission|permitted|allowed)\b.{0,80}\bmodel"
    r"|^404 (?:\w*:? )?model\b|not_found_error: ?model\b",
    re.IGNORECASE | re.DOTALL,
)
"""How servers say that a model is retired or not this account's."""

_CONTAINER = re.compile(
    r"container(?:\b|_).{0,200}?(?:expired|not[ _](?:be )?found|(?:does|did) not exist"
    r"|no longer|invalid|unknown|terminated|deleted|gone)"
    r"|(?:expired|unknown|invalid|no such) container|container_id is required",
    re.IGNORECASE | re.DOTALL,
)

_THOUGHTS = re.compile(
    r"\bsignature\b.{0,40}thinking|thinking.{0,60}\bsignature\b|invalid `?signature"
    r"|thinking.{0,160}(?:cannot be modified|bound to"
    r"|different (?:conversation|prefix))"
    r"|expected `?(?:redacted_)?thinking|assistant message cannot be `?thinking",
    re.IGNORECASE | re.DOTALL,
)
"""How thoughts that come back are refused: "Invalid `signature` in `thinking` block.
The block is bound to a different conversation" (docs.claude.com, preserved thinking;
anthropics/anthropic-sdk-python#1598, openclaw/openclaw#84430; read 2026-11-30)."""


_BETA = re.compile(
    r"beta[ _-]?(?:flag|header|value)|anthropic[-_]beta|block_binding\W+extra inputs"
    r"|tool_(?:addition|removal)|unexpected role \W{0,2}system"
    r"|role\W.{0,40}'assistant'",
    re.IGNORECASE,
)
"""How gateways and platforms refuse a beta that they do not know: "invalid beta flag"
of Bedrock, "Unexpected value(s) … for the `anthropic-beta` header" of Vertex, and
"block_binding: Extra inputs are not permitted" where the header was dropped on the way;
so are a message of the system's, and what it tells of tools
(BerriAI/litellm#41203, QuantumNous/new-api#2975, anthropics/claude-code#46105; read
2026-12-01)."""
_NAMED = re.compile(r"[\w-]+-20\d\d-\d\d-\d\d")


def refuses_beta(refused: BackendRefused, betas: Collection[str]) -> bool:
    """Whether a request was refused for one of ``betas``, as far as its error tells."""
    message = str(refused)
    named = _NAMED.findall(message)
    is_of_these = not named or not frozenset(betas).isdisjoint(named)
    return (
        message[:4] in {"400 ", "422 "} and is_of_these and bool(_BETA.search(message))
    )


_MOST = re.compile(r"max_tokens`?: \d+ > (\d+)")
_ROOM = re.compile(r"exceed context limit: (\d+) \+ \d+ > (\d+)")
LEAST_ROOM = 1_024
"""Tokens that a response may be squeezed into; with less, the conversation is full."""


class FewerTokens(NamedTuple):
    """How many tokens a response may have, as a refusal tells."""

    most: int
    is_for_all: bool
    """Of the model, and not of this request alone."""


def fewer_tokens(refused: BackendRefused) -> FewerTokens | None:
    """How many tokens would have been granted, if that is what was refused.

    "max_tokens: 16000 > 8192, which is the maximum allowed number of output tokens" of
    older models and of gateways that ask another model (anthropics/claude-code#11302);
    "input length and `max_tokens` exceed context limit: 190000 + 16000 > 200000".
    """
    message = str(refused)
    if (match := _MOST.search(message)) is not None:
        return FewerTokens(max(1, int(match[1])), is_for_all=True)
    if (match := _ROOM.search(message)) is not None:
        room = int(match[2]) - int(match[1])
        return FewerTokens(room, is_for_all=False) if room >= LEAST_ROOM else None
    return None


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: object,
    secrets: Collection[str] = (),
    *,
    now: datetime | None = None,
) -> AgentError:
    """The error for a response that is no stream.

    Args:
        status: HTTP status.
        headers: Lower case; ``retry-after`` and ``x-should-retry`` are looked at.
        body: The decoded JSON, or whatever came.
        secrets: Keys that must not appear, should the server quote them.
        now: What a date in ``retry-after`` is counted from; ``None``: the response's
            own date, or this machine's.
    """
    message = without_secrets(f"{status} {words_of(body)}".strip(), secrets)
    should_retry = headers.get("x-should-retry")
    passes = status in _PASSING or status >= 500
    if should_retry in {"true", "false"}:
        passes = should_retry == "true"
    final = _final(status, message)
    if final is not None:
        return final
    if not passes:
        return BackendRefused(message)
    return BackendUnavailable(
        message,
        retry_after_s=retry_after_s(headers, now),
        is_rate_limit=status == 429,
        is_overload=status in _OVERLOADED,
    )


def error_of(type_: str, message: str, secrets: Collection[str] = ()) -> AgentError:
    """The error for one that the API reports within a stream, by its type.

    The status of such a response is 200, so type and words are all there is to go by.
    """
    text = without_secrets(": ".join(filter(None, (type_, message))), secrets)
    text = text or "an error that says nothing"
    if "rate_limit" in type_ or "throttling" in type_.lower():
        if _ACCOUNT_GATE.search(text):
            return _final(429, text) or BackendRefused(text)
        return BackendUnavailable(text, is_rate_limit=True)
    is_final = _FINAL_TYPES.search(type_) is not None
    final = _final(400 if is_final else 500, text)
    if final is not None:
        return final
    if is_final:
        return BackendRefused(text)
    is_overload = _OVERLOADED_TYPES.search(type_) is not None
    return BackendUnavailable(text, is_overload=is_overload)


def error_told(error: object, secrets: Collection[str] = ()) -> AgentError:
    """The error for what stands in the place of one, whatever its shape.

    Args:
        error: What a stream's ``error`` event or a body has: an object with a type and
            a message, as documented; one of a gateway's own; or plain text.
        secrets: See :func:`error_for`.
    """
    if not isinstance(error, dict):
        return error_of("", words_of(error), secrets)
    fields = cast("dict[str, Any]", error)
    inner = fields.get("error")
    if isinstance(inner, dict):
        fields = cast("dict[str, Any]", inner)
    for name in ("code", "status", "status_code"):
        status: Any = fields.get(name)
        if isinstance(status, str) and status.isdecimal():
            status = int(status)
        if isinstance(status, int) and 400 <= status <= 599:
            return error_for(status, {}, fields, secrets)
    type_ = fields.get("type")
    kind = type_ if isinstance(type_, str) and type_ != "error" else ""
    message = _words({name: value for name, value in fields.items() if name != "type"})
    return error_of(kind, message, secrets)


def _final(status: int, message: str) -> AgentError | None:
    """The error of a refusal that waiting does not help, by its message."""
    if status == 429:
        if not _ACCOUNT_GATE.search(message):
            return None
        return (
            ContextExceeded(message)
            if _TOO_LONG.search(message)
            else BackendRefused(message)
        )
    if status == 413:
        return ContextExceeded(message)
    if status in {401, 402}:
        return None
    if _TOO_LONG.search(message):
        return ContextExceeded(message)
    if _FILTERED.search(message):
        return BackendRefused(message, is_declined=True)
    if status >= 500:
        return None
    if status in {400, 422} and _THOUGHTS.search(message):
        return BackendRefused(message, lost_thoughts=True)
    return _final_of_place(status, message)


def _final_of_place(status: int, message: str) -> AgentError | None:
    """The error where something does not exist: a container, a model."""
    if _CONTAINER.search(message):
        return BackendRefused(message, lost_container=True)
    is_of_model = status == 403 and "model" in message.lower()
    if is_of_model or _NO_MODEL.search(message):
        return BackendRefused(message, is_declined=True)
    return None


def without_secrets(message: str, secrets: Collection[str]) -> str:
    """``message`` without keys, cut: a part of a key is none to be found.

    Servers of one's own take any key; a short one is no secret, and without its letters
    no error would be told by its words.
    """
    for secret in secrets:
        if len(secret) >= LEAST_CHARS:
            message = message.replace(secret, "…")
    return message[:SAID_CHARS]


def retry_after_s(
    headers: Mapping[str, str], now: datetime | None = None
) -> float | None:
    """How long the server asks us to wait, in seconds; ``None`` if it does not say.

    Seconds, as the API sends them, or a date, as RFC 9110 (10.2.3) allows and gateways
    send. A date counts from the response's own, so that clocks may differ.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value.removesuffix("s")) * unit
        except ValueError:
            moment = _moment(value)
            if moment is None:
                continue
            now = now or _moment(headers.get("date", "")) or datetime.now(UTC)
            seconds = max(0.0, (moment - now).total_seconds())
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _moment(value: str) -> datetime | None:
    """A date as HTTP writes it, or ISO 8601."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


_SAYING = (
    "message",
    "Message",
    "error_description",
    "detail",
    "details",
    "errorMessage",
    "msg",
    "error",
    "errors",
    "reason",
    "title",
    "description",
)
"""Where bodies of errors have their words, the likeliest first."""


def words_of(body: object) -> str:
    """The server's words: ``type: message`` where the body is as documented.

    Else the first text found where words usually are, else anywhere, else the JSON.
    """
    match body:
        case {"error": {"type": str(kind), "message": str(message)}}:
            return _coded(f"{kind}: {message}", body)
        case str(text):
            return _page(text)
        case None:
            return ""
        case _:
            return _words(body)


def _words(body: object) -> str:
    text = _first_text(body, 0)
    if text is not None:
        return _coded(_page(text), body)
    try:
        return msgspec.json.encode(body).decode() if body else ""
    except (TypeError, ValueError, RecursionError):
        return ""


def _coded(message: str, body: object) -> str:
    """``message`` with the code in words that stands beside it, if it says more."""
    level: Any = body
    while isinstance(level, dict):
        fields = cast("dict[str, Any]", level)
        code: Any = fields.get("code")
        if isinstance(code, str) and re.fullmatch(r"[A-Za-z][\w.-]{3,60}", code):
            return message if code in message else f"{code}: {message}"
        level = fields.get("error")
    return message


def _first_text(value: object, depth: int) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if depth > 8:
        return None
    if isinstance(value, dict):
        named = cast("dict[str, object]", value)
        likely = [name for name in _SAYING if name in named]
        others = [name for name in named if name not in _SAYING and name != "type"]
        parts = [named[name] for name in (*likely, *others)]
    elif isinstance(value, list):
        parts = cast("list[object]", value)
    else:
        return None
    for part in parts:
        text = _first_text(part, depth + 1)
        if text is not None:
            return text
    return None


_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def _page(text: str) -> str:
    """``text``, without its mark-up where it is a page."""
    if text.lstrip()[:1] != "<":
        return text
    return " ".join(_TAG.sub(" ", text[:50_000]).split()) or text


def limits_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say how much more may be asked, and when."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("anthropic-ratelimit-") or name == "retry-after"
    }
