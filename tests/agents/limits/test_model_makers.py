"""The maker of a model, as far as its name tells."""

from __future__ import annotations

import pytest

from agents.limits.model_makers import maker_of


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("claude-opus-5-5", "anthropic"),
        ("anthropic.claude-opus-5-5-v1:0", "anthropic"),
        ("us.anthropic.claude-opus-5-5-v1:0", "anthropic"),
        ("anthropic/claude-sonnet-5-5", "anthropic"),
        ("gpt-5.6", "openai"),
        ("openai/gpt-oss-120b", "openai"),
        ("gemini-3.5-flash", "google"),
        ("models/gemini-3.5-flash", "google"),
        ("grok-4.3", "x-ai"),
        ("qwen3:8b", "qwen"),
        ("Qwen/Qwen3-0.6B", "qwen"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta"),
        ("accounts/fireworks/models/deepseek-v4", "deepseek"),
        ("moonshotai/kimi-k2", "moonshotai"),
        ("my-model", ""),
        ("", ""),
        ("?", ""),
    ],
)
def test_a_models_name_tells_its_maker(model: str, maker: str) -> None:
    assert maker_of(model) == maker
