"""Keys: given or found in the environment, and one sentence where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agents.backends.claude_code.backend import ClaudeCodeBackend
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.grok.backend import GrokBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.backends.transport.api_keys import found_key

MAKERS: list[tuple[Callable[..., Any], str]] = [
    (OpenAIBackend, "OPENAI_API_KEY"),
    (partial(OpenAIBackend, resource="mine"), "AZURE_OPENAI_API_KEY"),
    (GrokBackend, "XAI_API_KEY"),
    (GeminiBackend, "GOOGLE_API_KEY"),
    (partial(ClaudeCodeBackend, folder=Path.cwd()), "ANTHROPIC_API_KEY"),
]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*(variable for _, variable in MAKERS), "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_that_is_given_goes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONE", "")
    monkeypatch.setenv("TWO", " two\n")
    assert found_key(" mine ", "ONE", "TWO") == "mine"
    assert found_key("", "ONE", "TWO") == "two"


@pytest.mark.parametrize(("make", "variable"), MAKERS)
def test_where_there_is_no_key_the_variable_and_the_way_out_are_named(
    make: Callable[..., Any], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ValueError, match=rf"there is no key; set .*{variable}.*api_key="
    ):
        make("m")
    monkeypatch.setenv(variable, "sk\nsecret-line")
    with pytest.raises(ValueError, match="control character") as raised:
        make("m")
    assert "secret-line" not in str(raised.value)
    monkeypatch.setenv(variable, "sk-fine")
    assert "sk-fine" in make("m").secrets
