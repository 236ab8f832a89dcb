"""The errors that refusals become, and the part of the server's words that is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest

from agents.backends.claude.errors import (
    SAID_CHARS,
    error_for,
    error_of,
    error_told,
    retry_after_s,
)
from agents.backends.transport.connection_errors import timed_out
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
)


def test_no_part_of_a_key_is_left_where_a_long_answer_is_cut() -> None:
    page = "x" * (SAID_CHARS - 10) + "sk-canary-4711" * 3
    said = str(error_for(403, {}, page, ["sk-canary-4711"]))
    assert len(said) <= SAID_CHARS
    assert "sk-" not in said


def test_a_servers_words_are_kept_to_a_length() -> None:
    body = {"error": {"type": "invalid_request_error", "message": "m" * 100_000}}
    assert len(str(error_for(400, {}, body))) == SAID_CHARS


TOO_LONG = (
    "prompt is too long: 208310 tokens > 200000 maximum",
    "Prompt is too long",
    "Input is too long for requested model.",
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
    "messages: Too many total text bytes: 9500000 > 9000000",
    "Request exceeds the maximum size",
    "Your input exceeds the context window of this model",
    "This endpoint's maximum context length is 200000 tokens",
    "the request exceeds the available context size",
    "context_length_exceeded",
    "The input token count (1196265) exceeds the maximum number of tokens allowed",
    "Too much media: 0 document pages + 101 images > 100",
    "The model has reached its context window limit.",
    "Conversation too long",
    "too many images and documents: 104 + 1 > 100",
    "messages.0.content: A maximum of 100 PDF pages may be provided.",
    "Input Tokens Exceeded: Number of input tokens exceeds maximum length",
)


@pytest.mark.parametrize("words", TOO_LONG)
def test_a_full_window_is_known_in_every_wording(words: str) -> None:
    body = {"error": {"type": "invalid_request_error", "message": words}}
    bedrock = {"message": words}
    assert type(error_for(400, {}, body)) is ContextExceeded
    assert type(error_for(400, {}, bedrock)) is ContextExceeded
    assert type(error_for(500, {}, words.upper())) is ContextExceeded
    assert type(error_of("invalid_request_error", words)) is ContextExceeded
    assert type(error_of("upstream_error", words)) is ContextExceeded


@pytest.mark.parametrize(
    "body",
    [
        {"type": "error", "error": {"type": "request_too_large", "message": "x"}},
        "<html><head><title>413 Request Entity Too Large</title></head></html>",
        None,
        b"",
    ],
)
def test_413_is_a_full_window_whatever_it_says(body: object) -> None:
    assert type(error_for(413, {}, body)) is ContextExceeded


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens: 200000 > 64000, which is the maximum allowed number of output",
        "tools.0.custom.name: String should have at most 128 characters",
        "messages.1.content.0.image.source: image exceeds 5 MB maximum: 7 > 5",
        "This model does not support assistant message prefill.",
        '"thinking.type.enabled" is not supported for this model.',
        "messages: final assistant content cannot end with trailing whitespace",
        "tool_choice: `any` is not supported for this model.",
        "Your credit balance is too low to access the Anthropic API.",
    ],
)
def test_other_refusals_are_just_refusals(words: str) -> None:
    body = {"error": {"type": "invalid_request_error", "message": words}}
    assert type(error_for(400, {}, body)) is BackendRefused
    assert not is_declined(error_for(400, {}, body))


@pytest.mark.parametrize(
    "body",
    [
        {"message": "words"},
        {"Message": "words"},
        {"detail": "words"},
        {"detail": [{"loc": ["body"], "msg": "words"}]},
        [{"error": {"code": 400, "message": "words", "status": "INVALID"}}],
        {"error": "words"},
        {"error": {"message": "words"}},
        {"error": {"type": None, "message": "words"}},
        {"error": {"type": "invalid_request_error", "message": None, "x": "words"}},
        {"errors": [{"title": "words"}]},
        {"__type": None, "error": {"details": {"reason": "words"}}},
        {"ok": False, "trace": {"deep": ["words"]}},
        "words",
        "<html><style>p {}</style><p>words</p></html>",
        {"unheard": 7, "of": [], "words": True},
    ],
)
def test_an_error_of_any_shape_keeps_its_words(body: object) -> None:
    assert "words" in str(error_for(400, {}, body))


@pytest.mark.parametrize(
    "type_", ["upstream_error", "gateway_error", "internal_server_error", "", "x"]
)
def test_an_unknown_error_amid_a_stream_may_pass(type_: str) -> None:
    assert type(error_of(type_, "what")) is BackendUnavailable


@pytest.mark.parametrize(
    "type_",
    [
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "billing_error",
    ],
)
def test_a_known_refusal_amid_a_stream_is_final(type_: str) -> None:
    assert type(error_of(type_, "what")) is BackendRefused


def test_an_overloaded_server_is_told_from_a_broken_one() -> None:
    for status in (502, 503, 504, 529):
        assert is_overload(error_for(status, {}, None))
    assert not is_overload(error_for(500, {}, None))
    assert is_overload(error_of("overloaded_error", "Overloaded"))
    assert not is_overload(error_of("upstream_error", "what"))


def is_overload(error: AgentError) -> bool:
    assert isinstance(error, BackendUnavailable)
    return error.is_overload


def is_declined(error: AgentError) -> bool:
    return isinstance(error, BackendRefused) and error.is_declined


def test_a_numeric_code_amid_a_stream_is_taken_for_the_status() -> None:
    for code in (401, "401"):
        error = error_told({"error": {"code": code, "message": "w"}})
        assert type(error) is BackendRefused
    told = error_told({"error": {"code": 429, "message": "slow down"}})
    assert isinstance(told, BackendUnavailable)
    assert told.is_rate_limit


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Output blocked by content filtering policy"),
        (400, "The response was filtered due to content management policy."),
        (403, "blocked by our Acceptable Use Policy"),
        (404, "model: claude-3-opus-20240229"),
        (404, "The model `claude-2` does not exist or you do not have access to it."),
        (404, "This model version has reached the end of its life."),
        (400, "The provided model identifier is invalid."),
        (403, "You don't have access to the model with the specified model ID."),
        (410, "model claude-3 was retired"),
    ],
)
def test_what_another_model_may_do_is_declined(status: int, words: str) -> None:
    assert is_declined(error_for(status, {}, {"error": {"message": words}}))


def test_a_filtered_response_is_declined_amid_the_stream_too() -> None:
    words = "Output blocked by content filtering policy"
    assert is_declined(error_of("api_error", words))
    assert is_declined(error_of("invalid_request_error", words))
    assert is_declined(error_of("not_found_error", "model: x"))


@pytest.mark.parametrize(
    "words",
    [
        "container: container_1 has expired",
        "Container container_011 not found",
        "The container is expired; create a new one",
        "Unknown container: container_011",
        "container_expired",
    ],
)
def test_a_container_that_is_gone_is_named_as_such(words: str) -> None:
    for status in (400, 404):
        error = error_for(status, {}, {"error": {"message": words}})
        assert isinstance(error, BackendRefused)
        assert error.lost_container


@pytest.mark.parametrize(
    "words",
    [
        "Extra usage is required for long context requests.",
        "You exceeded your current quota, please check your plan and billing details.",
    ],
)
def test_a_gate_of_the_account_is_not_waited_for(words: str) -> None:
    body = {"error": {"type": "rate_limit_error", "message": words}}
    assert isinstance(error_for(429, {}, body), BackendRefused)
    assert isinstance(error_of("rate_limit_error", words), BackendRefused)


def test_a_rate_limit_in_tokens_is_no_full_window() -> None:
    words = "This request would exceed the rate limit of 30,000 input tokens per minute"
    error = error_for(429, {}, {"error": {"message": words}})
    assert isinstance(error, BackendUnavailable)
    assert error.is_rate_limit


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("7s", 7.0),
        ("Mon, 30 Nov 2026 12:00:05 GMT", 5.0),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0.0),
        ("2026-11-30T12:00:09Z", 9.0),
        ("soon", None),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("", None),
    ],
)
def test_how_long_to_wait_is_read_as_seconds_or_as_a_date(
    told: str, seconds: float | None
) -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert retry_after_s({"retry-after": told}, now) == seconds


def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    headers = {
        "retry-after": "Tue, 01 Jan 2030 00:00:30 GMT",
        "date": "Tue, 01 Jan 2030 00:00:00 GMT",
    }
    error = error_for(503, headers, None)
    assert isinstance(error, BackendUnavailable)
    assert error.retry_after_s == 30.0


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (httpx2.ConnectTimeout("x"), "no connection to https://h within 10 s"),
        (httpx2.PoolTimeout("x"), "became free"),
        (httpx2.WriteTimeout("x"), "did not take the request within 120 s"),
        (httpx2.ReadTimeout("x"), "nothing came for 120 s: the stream stalled"),
    ],
)
def test_a_wait_that_was_too_long_says_what_was_waited_for(
    cause: Exception, words: str
) -> None:
    error: AgentError = timed_out("https://h", cause, 120.0)
    assert isinstance(error, BackendUnavailable)
    assert words in str(error)


@pytest.mark.parametrize(
    "said",
    [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1.content.0: Invalid signature in thinking block",
        "messages.3.content.0: Invalid signature",
        (
            "Invalid `signature` in `thinking` block. The block is bound to a "
            "different conversation. Remove the block, or set `thinking.block_binding."
            'prefix_mismatch_behavior` to "drop_block".'
        ),
        (
            "`thinking` or `redacted_thinking` blocks in the latest assistant message "
            "cannot be modified. These blocks must remain as they were"
        ),
        (
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, "
            "but found `tool_use`"
        ),
        (
            "The model returned the following errors: messages.39.content.0: Invalid "
            "signature in thinking block"
        ),
    ],
)
def test_thoughts_that_are_not_taken_back_are_named_as_such(said: str) -> None:
    error = error_for(400, {}, {"type": "error", "error": {"message": said}})
    assert isinstance(error, BackendRefused)
    assert error.lost_thoughts
    error = error_of("invalid_request_error", said)
    assert isinstance(error, BackendRefused)
    assert error.lost_thoughts


@pytest.mark.parametrize(
    "said",
    [
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
        '"thinking.type.enabled" is not supported for this model.',
        "thinking.block_binding: Extra inputs are not permitted",
        "messages.0.content.0.image: Could not process image",
    ],
)
def test_other_refusals_of_thinking_lose_no_thoughts(said: str) -> None:
    error = error_for(400, {}, {"type": "error", "error": {"message": said}})
    assert isinstance(error, BackendRefused)
    assert not error.lost_thoughts


def test_a_code_in_words_is_one_of_the_servers_words() -> None:
    filtered = {"error": {"code": "content_filter", "message": "It was filtered"}}
    error = error_for(400, {}, filtered)
    assert isinstance(error, BackendRefused)
    assert (error.is_declined, str(error)) == (
        True,
        "400 content_filter: It was filtered",
    )
    full = {"code": "context_length_exceeded", "message": "too big"}
    assert isinstance(error_for(400, {}, full), ContextExceeded)


@pytest.mark.parametrize("key", ["x", "t", "none", "EMPTY"])
def test_a_short_key_hides_no_error_words(key: str) -> None:
    said = {"error": {"message": "none: the prompt is too long for the EMPTY context"}}
    assert isinstance(error_for(400, {}, said, [key]), ContextExceeded)
