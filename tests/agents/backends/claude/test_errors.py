"""What a refusal amounts to, and what of the server's words is kept."""

from __future__ import annotations

from agents.backends.claude.errors import SAID_CHARS, error_for


def test_no_part_of_a_key_is_left_where_a_long_answer_is_cut() -> None:
    page = "x" * (SAID_CHARS - 10) + "sk-canary-4711" * 3
    said = str(error_for(403, {}, page, ["sk-canary-4711"]))
    assert len(said) <= SAID_CHARS
    assert "sk-" not in said


def test_a_servers_words_are_kept_to_a_length() -> None:
    body = {"error": {"type": "invalid_request_error", "message": "m" * 100_000}}
    assert len(str(error_for(400, {}, body))) == SAID_CHARS
