"""Which of our errors a refusal is, for APIs that refuse as OpenAI's does. Pure.

Bodies come in some ten shapes (75 recorded from 20 hosts, read 2026-11-30): an
``error`` object or text, the fields at the top, ``detail``, a page of HTML.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from agents.backends.dialects.json_values import Json, text_of
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
    QuotaExhausted,
    StreamMalformed,
)
from agents.protocol.chunks import Allowance
from agents.protocol.redaction import LEAST_CHARS

SAID_CHARS = 1_000
"""The most that is kept of a server's message: a gateway may answer with a page."""

_PASSING = frozenset({408, 409, 425, 429, 499})
"""Statuses that may pass, beside all of 500 and above."""
_TITLE = re.compile(r"<title>\s*([^<]{1,200}?)\s*</title>", re.IGNORECASE)

_SPENT = re.compile(
    r"insufficient_quota|billing_|insufficient[ _]balance|credit_balance|"
    r"(?:depleted|exceeded) your monthly included credits|out of credits|"
    r"insufficient credits|exceeded your current quota, please check your plan",
    re.IGNORECASE,
)
"""An account with nothing left; no waiting mends that."""
_TOO_LONG = re.compile(
    r"context_length_exceeded|string_above_max_length|too_many_prompt_tokens|"
    r"maximum context length|context (?:window|length|size|limit)|"
    r"(?:prompt|input|messages?) (?:is |are )?too (?:long|large)|"
    r"max(?:imum)? context|token count .{0,40}exceeds|"
    r"exceed\w* .{0,40}(?:input|prompt|model).{0,20}(?:tokens|limit|length)|"
    r"too many (?:input )?tokens|reduce the length",
    re.IGNORECASE,
)
"""How servers say that a prompt does not fit; OpenAI, vLLM, Ollama, llama.cpp,
Perplexity, Gemini (recorded or in their sources)."""
_DECLINED = re.compile(
    r"content_policy_violation|content_filter|moderation|violates usage guidelines|"
    r"SAFETY_CHECK|safety_check|prompt was flagged|invalid_prompt|flagged as "
    r"potentially|cyber_policy|bio_policy|ResponsibleAIPolicy",
    re.IGNORECASE,
)
"""The model, or what guards it, declines this content."""
_MODELS_FAULT = frozenset({"tool_use_failed", "json_validate_failed"})
"""The server could make nothing of what the model wrote; it may write better."""
_BUSY_WORDS = frozenset(
    {
        "server_error",
        "internal_server_error",
        "service_unavailable",
        "overloaded_error",
        "engine_overloaded",
        "slow_down",
        "timeout",
        "api_error",
        "vector_store_timeout",
        "image_download_failed",
    }
)
"""Types and codes of errors within a stream that may pass."""
_OVERLOADED = frozenset({502, 503, 504, 529})
_OVERLOADED_WORDS = frozenset(
    {"overloaded_error", "engine_overloaded", "service_unavailable", "slow_down"}
)
"""Too much to do, which passes."""
_LIMIT_WORDS = frozenset({"rate_limit_exceeded", "rate_limit_error", "rate_limit"})


class Told(NamedTuple):
    """The error in a body, whatever its shape."""

    message: str
    kind: str = ""
    code: str = ""

    def __str__(self) -> str:
        named = self.code or self.kind
        return f"{named}: {self.message}" if named else self.message


def told(body: object) -> Told:
    """Read a body: decoded JSON, or text."""
    if isinstance(body, str):
        title = _TITLE.search(body)
        return Told(title[1] if title else body.strip())
    if isinstance(body, list) and body:  # Gemini's layer for OpenAI's form
        return told(cast("list[object]", body)[0])
    if not isinstance(body, dict):
        return Told("")
    fields = cast("Json", body)
    error = fields.get("error")
    if isinstance(error, dict):
        return _fields(cast("Json", error))
    if isinstance(error, str) and error:
        return Told(error, code=_word(fields.get("code")))
    if "message" in fields:
        return _fields(fields)
    return Told(_detail(fields.get("detail") or fields.get("errors")))


def _fields(error: Json) -> Told:
    message = text_of(error.get("message")) or text_of(error.get("reason"))
    metadata: Any = error.get("metadata")
    if isinstance(metadata, dict):  # OpenRouter's: what the provider behind it said
        raw_message = text_of(cast("Json", metadata).get("raw"))
        message = f"{message}: {raw_message}" if raw_message else message
    return Told(message, _word(error.get("type")), _word(error.get("code")))


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _detail(each: object) -> str:
    """FastAPI's details: text, or a list of what is wrong where."""
    if isinstance(each, list):
        return "; ".join(_detail(one) for one in cast("list[object]", each)[:3])
    if isinstance(each, dict):
        fields = cast("Json", each)
        return text_of(fields.get("msg")) or text_of(fields.get("message"))
    return text_of(each)


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: object,
    secrets: Collection[str] = (),
) -> AgentError:
    """The error for a response that is no stream.

    Args:
        status: HTTP status.
        headers: Lower case.
        body: The decoded JSON, or the text that came.
        secrets: Keys that must not appear, should the server quote them.
    """
    problem = told(body)
    return of_told(problem, status, headers, secrets)


def of_told(
    problem: Told,
    status: int,
    headers: Mapping[str, str] | None = None,
    secrets: Collection[str] = (),
    retry_s: float | None = None,
) -> AgentError:
    """The error that ``problem`` amounts to.

    Args:
        problem: What the server said.
        status: HTTP status; 0 within a stream, whose own is 200.
        headers: Lower case.
        secrets: See :func:`error_for`.
        retry_s: How long the body asks us to wait.
    """
    headers = headers or {}
    text = str(problem)
    if status and not text.startswith(str(status)):
        text = f"{status} {text}".strip()
    for secret in secrets:  # before it is cut: a part of a key is none to be found
        if len(secret) >= LEAST_CHARS:
            text = text.replace(secret, "…")
    text = text[:SAID_CHARS] or "the server broke off and did not say why"
    words = f"{problem.kind} {problem.code} {problem.message}"
    if status == 402 or _SPENT.search(words):
        return QuotaExhausted(text)
    if problem.code in _MODELS_FAULT or problem.kind in _MODELS_FAULT:
        return StreamMalformed(text)
    is_refusal = status in {0, 400, 403, 413, 422}
    if status == 413 or (is_refusal and _TOO_LONG.search(words)):
        return ContextExceeded(text)
    if is_refusal and _DECLINED.search(words):
        return BackendRefused(text, is_declined=True)
    named = {problem.kind, problem.code}
    is_limit = status == 429 or (not status and bool(named & _LIMIT_WORDS))
    passes = is_limit or status in _PASSING or status >= 500
    if not status:
        passes = passes or bool(named & _BUSY_WORDS)
    should_retry = headers.get("x-should-retry")
    if should_retry in {"true", "false"}:
        passes = should_retry == "true"
    if not passes:
        return BackendRefused(text)
    wait_s = retry_s if retry_s is not None else retry_after_s(headers)
    return BackendUnavailable(
        text,
        retry_after_s=wait_s,
        is_rate_limit=is_limit,
        is_overload=status in _OVERLOADED or bool(named & _OVERLOADED_WORDS),
    )


def of_stream(error: object) -> AgentError:
    """The error for one that stands within a stream whose status was 200."""
    problem = told({"error": error})
    status = (
        int(problem.code) if problem.code.isdecimal() and len(problem.code) == 3 else 0
    )
    if isinstance(error, dict) and not status:
        own: Any = cast("Json", error).get("status_code")
        status = own if isinstance(own, int) else 0
    return of_told(problem, status)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server asks us to wait, in seconds; ``None`` if it does not say.

    Zero says nothing: a server that has just refused wants some time (Azure sends
    ``retry-after-ms: 0`` beside ``retry-after: 1``, recorded).
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _until(value, headers.get("date", ""))
        if math.isfinite(seconds) and seconds > 0:
            return seconds
    return None


def _until(then: str, now: str) -> float:
    """Seconds between two dates of HTTP; not a number where either is none."""
    try:
        wait = parsedate_to_datetime(then) - parsedate_to_datetime(now)
    except (ValueError, TypeError, IndexError):
        return math.nan
    return wait.total_seconds()


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_s(text: str) -> float | None:
    """Seconds of ``6m0s``, ``12ms``, ``2m59.56s`` or plain ``1.5``."""
    text = text.strip()
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 1e6 else None


def allowances(headers: Mapping[str, str]) -> tuple[Allowance, ...]:
    """The limits on requests and tokens in ``x-ratelimit-*``, a minute's or a day's."""
    listed: list[Allowance] = []
    for of in ("requests", "tokens"):
        size = _number(headers.get(f"x-ratelimit-limit-{of}"))
        left = _number(headers.get(f"x-ratelimit-remaining-{of}"))
        if size is None or size <= 0:  # Azure may say -1
            continue
        left = left if left is not None and left >= 0 else None
        rate = size / 60
        reset = duration_s(headers.get(f"x-ratelimit-reset-{of}", ""))
        if reset and left is not None and left < size:
            rate = (size - left) / reset
        listed.append(Allowance(of=of, size=size, left=left, a_second=rate))
    return tuple(listed)


def limits_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say how much more may be asked, and when."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith(("x-ratelimit-", "retry-after"))
    }


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
