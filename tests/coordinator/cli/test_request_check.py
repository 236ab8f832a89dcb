"""``coordinator emulate --check``: recorded requests, and what the API says to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Which city?"}],
}
BLANK: dict[str, Any] = {"type": "text", "text": ""}
EMPTY: dict[str, Any] = {**GOOD, "messages": [{"role": "user", "content": [BLANK]}]}
MANAGED: dict[str, Any] = {**GOOD, "context_management": {"edits": []}}

NO_HEADERS: list[Any] = [None, 7, "x", [], [7, ["anthropic-beta"]], {"a": {}}]
SEALED = {"type": "thinking", "thinking": "x", "signature": "theirs"}


CASES: list[tuple[Any, int, str]] = [
    (GOOD, 0, "nothing would be refused"),
    (EMPTY, 1, "text content blocks must be non-empty"),
    ([GOOD, EMPTY], 1, "request 2: 400"),
    (MANAGED, 1, "context_management: Extra inputs are not permitted"),
    (
        {
            "body": MANAGED,
            "headers": {"Anthropic-Beta": "a, context-management-2025-06-27"},
        },
        0,
        "nothing",
    ),
    *(
        ({"body": MANAGED, "headers": headers}, 0, "nothing")
        for headers in (
            {"anthropic-beta": ["a", "context-management-2025-06-27"]},
            [["a", "b"], ["Anthropic-Beta", "context-management-2025-06-27"]],
            [{"name": "anthropic-beta", "value": "context-management-2025-06-27"}],
        )
    ),
    *(
        ({"body": MANAGED, "headers": headers}, 1, "context_management: Extra")
        for headers in NO_HEADERS
    ),
    ({"messages": [[[]]]}, 1, "should be an object"),
    (
        {
            **GOOD,
            "messages": [
                *GOOD["messages"],
                {
                    "role": "assistant",
                    "content": [
                        {
                            "type": "thinking",
                            "thinking": "x",
                            "signature": "theirs",
                        },
                        {"type": "text", "text": "y"},
                    ],
                },
                {"role": "user", "content": "z"},
            ],
        },
        0,
        "nothing",
    ),
]


@pytest.mark.parametrize(("told", "code", "words"), CASES)
def test_what_the_api_would_refuse_is_said(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    told: Any,
    code: int,
    words: str,
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(told))
    exit_code, out, _ = run("emulate", "--check", str(file))
    assert exit_code == code
    assert words in out


@pytest.mark.parametrize("before", ["", "\ufeff", "\n "])
def test_a_file_may_have_a_request_on_each_line(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, before: str
) -> None:
    file = tmp_path / "requests.jsonl"
    lines = (json.dumps(GOOD), "", json.dumps(EMPTY), "")
    file.write_text(before + "\n".join(lines), "utf-8")
    exit_code, out, _ = run("emulate", "--check", str(file))
    assert exit_code == 1
    assert "request 2: 400 messages: text content blocks must be non-empty" in out
    assert "1 of 2 would be refused" in out


@pytest.mark.parametrize(
    "content",
    [b"{", b"[1]", b"\xff", b"[" * 100_000, b"", b"[]", b"{}\n{", b"\n\n", None],
)
def test_a_file_that_is_no_request_is_refused_in_a_sentence(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "request.json"
    if content is not None:
        file.write_bytes(content)
    code, _, err = run("emulate", "--check", str(file))
    assert code == 1
    assert "request.json" in err
