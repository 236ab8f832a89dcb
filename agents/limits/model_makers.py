"""Makers of models, as far as a model's name tells. Pure data.

Models of one maker are right and wrong together more often than others, so whoever
draws voters wants to know. Names as makers, routers and clouds write them (read
2026-12-01).
"""

from __future__ import annotations

import re

_MAKERS: tuple[tuple[str, str], ...] = (
    ("claude", "anthropic"),
    ("gpt-oss", "openai"),
    ("gpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("grok", "x-ai"),
    ("llama", "meta"),
    ("mistral", "mistral"),
    ("ministral", "mistral"),
    ("magistral", "mistral"),
    ("codestral", "mistral"),
    ("mixtral", "mistral"),
    ("deepseek", "deepseek"),
    ("qwen", "qwen"),
    ("qwq", "qwen"),
    ("glm", "zai"),
    ("kimi", "moonshotai"),
    ("phi", "microsoft"),
    ("command", "cohere"),
    ("nemotron", "nvidia"),
    ("minimax", "minimax"),
)
"""How a model's name begins → who made it."""


_PARTS = re.compile(r"[/.:]")
"""Between a router's, a region's or a cloud's part of a name and the model's own."""


OPEN_MODELS = ("gpt-oss", "gemma")
"""Beginnings of models that others serve, and their maker's own API does not."""


def maker_of(model: str) -> str:
    """The maker of a model; empty where its name does not tell.

    A router's name for it (``anthropic/claude-…``, ``us.anthropic.claude-…``) says more
    than the router's own.
    """
    for part in reversed(_PARTS.split(model.lower())):
        for beginning, maker in _MAKERS:
            if part.startswith(beginning):
                return maker
    return ""
