"""Kinds of agents in a MassGen configuration, and the backend of ours that each is.

Kinds, addresses and variables of keys are those of MassGen 0.1.97 (read 2026-11-30).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from agents.limits.model_makers import OPEN_MODELS, maker_of

Backend: TypeAlias = Literal["claude", "openai", "grok", "gemini", "compatible"]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of agent is asked here."""

    backend: Backend
    server: str | None = None
    """Of a compatible backend, where we know it by name."""
    base_url: str | None = None
    """Where we do not."""
    keys: tuple[str, ...] = ()
    """Variables that may hold its key, in MassGen's order; none: as the backend or the
    server says by itself."""
    provider: Literal["azure"] | None = None


def _compatible(address: str, *keys: str) -> Kind:
    return Kind(backend="compatible", base_url=address, keys=keys)


KINDS: dict[str, Kind] = {
    "claude": Kind(backend="claude"),
    "openai": Kind(backend="openai"),
    "gemini": Kind(backend="gemini", keys=("GOOGLE_API_KEY", "GEMINI_API_KEY")),
    "grok": Kind(backend="grok"),
    "azure_openai": Kind(
        backend="openai", provider="azure", keys=("AZURE_OPENAI_API_KEY",)
    ),
    "chatcompletion": Kind(backend="compatible"),
    "inference": Kind(backend="compatible"),
    "lmstudio": Kind(backend="compatible", server="lmstudio"),
    "vllm": Kind(backend="compatible", server="vllm"),
    "sglang": Kind(backend="compatible", server="sglang"),
    "zai": Kind(backend="compatible", server="zai"),
    "cerebras": Kind(backend="compatible", server="cerebras"),
    "together": Kind(backend="compatible", server="together"),
    "groq": Kind(backend="compatible", server="groq"),
    "openrouter": Kind(backend="compatible", server="openrouter"),
    "qwen": Kind(backend="compatible", server="qwen", keys=("QWEN_API_KEY",)),
    "fireworks": _compatible(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"
    ),
    "moonshot": _compatible(
        "https://api.moonshot.cn/v1", "MOONSHOT_API_KEY", "KIMI_API_KEY"
    ),
    "nvidia_nim": _compatible("https://integrate.api.nvidia.com/v1", "NGC_API_KEY"),
    "nebius": _compatible("https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    "poe": _compatible("https://api.poe.com/v1", "POE_API_KEY"),
}

_HOSTS: tuple[tuple[str, str], ...] = (
    ("cerebras.ai", "cerebras"),
    ("together.", "together"),
    ("fireworks.ai", "fireworks"),
    ("groq.com", "groq"),
    ("nebius.", "nebius"),
    ("openrouter.ai", "openrouter"),
    ("z.ai", "zai"),
    ("bigmodel.cn", "zai"),
    ("moonshot.", "moonshot"),
    ("nvidia.com", "nvidia_nim"),
    ("poe.com", "poe"),
    ("aliyuncs.com", "qwen"),
)
"""Part of the address of a ``chatcompletion`` agent → whose it is."""

LACKING: dict[str, str] = {
    "ag2": "AG2's agents run inside AG2",
    "codex": "Codex runs in a program of its own",
    "copilot": "Copilot runs in a program of its own",
    "gemini_cli": "the Gemini CLI is a program of its own",
    "antigravity_cli": "the Antigravity CLI is a program of its own",
    "claude_code": "Claude Code is a program of its own",
    "uitars": "UI-TARS sees and clicks a screen",
}
"""Kinds that nothing here is, and why."""


def kind_at(address: str) -> Kind:
    """The kind of a ``chatcompletion`` agent at ``address``."""
    for part, name in _HOSTS:
        if part in address:
            return KINDS[name]
    return KINDS["chatcompletion"]


def kind_of_model(model: object) -> Kind | None:
    """The kind of an agent that names a model alone, as MassGen guesses it."""
    if not isinstance(model, str) or model.startswith(OPEN_MODELS):
        return None
    return KINDS.get(_MAKERS.get(maker_of(model), ""))


_MAKERS = {
    "anthropic": "claude",
    "openai": "openai",
    "google": "gemini",
    "x-ai": "grok",
}
"""Makers → kinds of agents that ask them themselves."""
