"""75 real refusals become the errors that somebody can act on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.backends.dialects import errors
from agents.backends.dialects.gemini.errors import error_for as gemini_error
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
    QuotaExhausted,
    StreamMalformed,
)
from tests.agents.backends.dialects.provider_recordings import REASON, error_bodies

BODIES = error_bodies()


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _error(entry: dict[str, Any], data: bytes) -> AgentError:
    given: dict[str, str] = entry.get("response_headers") or {}
    headers = {name.lower(): said for name, said in given.items()}
    is_google = "googleapis" in entry["provider"]
    read = gemini_error if is_google else errors.error_for
    return read(entry.get("status") or 400, headers, _body(data))


@pytest.mark.skipif(not BODIES, reason=REASON)
def test_every_recorded_refusal_is_an_error_that_says_why() -> None:
    assert len(BODIES) == 75
    found: dict[str, int] = {}
    for name, entry, data in BODIES:
        error = _error(entry, data)
        is_declined = isinstance(error, BackendRefused) and error.is_declined
        kind = "declined" if is_declined else type(error).__name__
        found[kind] = found.get(kind, 0) + 1
        said = str(error)
        assert said
        assert len(said) <= errors.SAID_CHARS + 40
        assert "<html" not in said, name
        # A refusal with nothing but its status would help nobody.
        assert said.strip() != str(entry.get("status")), (name, data[:200])
    assert found == {
        "BackendRefused": found["BackendRefused"],
        "BackendUnavailable": 5,
        "declined": 3,
        "ContextExceeded": 2,
        "StreamMalformed": 1,
    }


@pytest.mark.skipif(not BODIES, reason=REASON)
def test_a_recorded_429_waits_for_what_its_headers_say() -> None:
    waits = [
        _error(entry, data)
        for _name, entry, data in BODIES
        if entry.get("status") == 429
    ]
    assert len(waits) == 2
    for error in waits:
        assert isinstance(error, BackendUnavailable)
        assert error.is_rate_limit
    # Azure: ``retry-after-ms: 0`` beside ``retry-after: 1``.
    assert 1.0 in [getattr(error, "retry_after_s", None) for error in waits]


OPENAI = {
    "message": "You exceeded your current quota, please check your plan and billing.",
    "type": "insufficient_quota",
    "param": None,
    "code": "insufficient_quota",
}
TOO_LONG = {
    "message": "Your input exceeds the context window of this model.",
    "type": "invalid_request_error",
    "code": "context_length_exceeded",
}


def test_an_empty_account_is_final_though_it_is_a_429() -> None:
    error = errors.error_for(429, {"retry-after": "1"}, {"error": OPENAI})
    assert isinstance(error, QuotaExhausted)
    assert isinstance(errors.of_stream(OPENAI), QuotaExhausted)


def test_an_overlong_prompt_is_told_from_other_refusals() -> None:
    assert isinstance(errors.error_for(400, {}, {"error": TOO_LONG}), ContextExceeded)
    for said in (
        "This model's maximum context length is 8192 tokens. However, you requested",
        "the request exceeds the available context size, try increasing it",
        "The input token count (1200000) exceeds the maximum number of tokens allowed",
        "prompt too long; exceeded max context length by 1119046 tokens",
    ):
        body = {"error": {"message": said, "code": 400}}
        assert isinstance(errors.error_for(400, {}, body), ContextExceeded), said


def test_declined_content_lets_another_model_have_its_turn() -> None:
    body = {"error": {"code": "content_filter", "message": "filtered"}}
    error = errors.error_for(400, {}, body)
    assert isinstance(error, BackendRefused)
    assert error.is_declined


def test_a_call_that_the_server_could_not_read_is_asked_for_again() -> None:
    error = errors.of_stream({"code": "tool_use_failed", "message": "no"})
    assert isinstance(error, StreamMalformed)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, None),
        ({"retry-after": "nan"}, None),
        (
            {
                "retry-after": "Mon, 30 Nov 2026 12:00:30 GMT",
                "date": "Mon, 30 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_waits_are_read_in_every_form(
    headers: dict[str, str], wait_s: float | None
) -> None:
    assert errors.retry_after_s(headers) == wait_s


def test_durations_are_read_as_openai_writes_them() -> None:
    told = {"6m0s": 360.0, "12ms": 0.012, "1s": 1.0, "2m59.56s": 179.56, "1h2m": 3720.0}
    for text, seconds in told.items():
        assert errors.duration_s(text) == pytest.approx(seconds)
    assert errors.duration_s("7") == 7.0
    assert errors.duration_s("tomorrow") is None


def test_allowances_fill_as_fast_as_the_headers_say() -> None:
    headers = {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14399",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "6000",
    }
    requests, tokens = errors.allowances(headers)
    assert requests.a_second == pytest.approx(1 / 6)  # Groq's is a day's
    assert tokens.a_second == pytest.approx(100.0)
    assert errors.allowances({"x-ratelimit-limit-requests": "-1"}) == ()


def test_keys_that_a_server_quotes_are_not_repeated() -> None:
    body = {"error": {"message": "Incorrect API key provided: sk-secret"}}
    assert "sk-secret" not in str(errors.error_for(401, {}, body, ["sk-secret"]))


def _google(status: str, code: int, *details: dict[str, Any]) -> dict[str, Any]:
    error = {"code": code, "message": "m", "status": status, "details": [*details]}
    return {"error": error}


def _quota(quota_id: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": quota_id}],
    }


def test_google_says_in_the_body_how_long_to_wait() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    minute = _quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
    error = gemini_error(429, {}, _google("RESOURCE_EXHAUSTED", 429, minute, retry))
    assert isinstance(error, BackendUnavailable)
    assert error.is_rate_limit
    assert error.retry_after_s == 34.5


def test_a_days_quota_at_google_is_final() -> None:
    day = _quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    error = gemini_error(429, {}, _google("RESOURCE_EXHAUSTED", 429, day))
    assert isinstance(error, QuotaExhausted)


def test_google_is_asked_again_where_it_broke_down() -> None:
    for status, code in (("UNAVAILABLE", 503), ("INTERNAL", 500)):
        assert isinstance(
            gemini_error(code, {}, _google(status, code)), BackendUnavailable
        )
    refused = gemini_error(400, {}, _google("INVALID_ARGUMENT", 400))
    assert type(refused) is BackendRefused


def test_a_status_that_the_body_repeats_is_said_once() -> None:
    body = {"error": {"message": "overloaded", "code": 529}}
    assert str(errors.error_for(529, {}, body)) == "529: overloaded"
