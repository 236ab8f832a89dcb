"""Servers by name: their address, their key, and how they want to be asked. Data.

From their documentation and from recorded streams (read 2026-11-30). Any other server
is asked by its address, in the plainest words.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Api: TypeAlias = Literal["chat", "messages"]


class ServerProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The needs, abilities and gaps of one server."""

    base_url: str
    key: str | None
    """The variable that holds its key; ``None``: it asks for none."""
    prices: tuple[str, ...] = ()
    """The providers that are paid, as ``genai-prices`` calls them."""
    api: Api = "chat"
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    effort_form: Literal[
        "reasoning_effort",
        "reasoning",
        "thinking",
        "enable_thinking",
        "chat_template_kwargs",
        "none",
    ] = "reasoning_effort"
    usage_asked: bool = True
    """Whether ``stream_options`` is taken; where not, usage comes unasked."""
    takes_strict: bool = True
    takes_images: bool = True
    gives_thinking_back: bool = True
    wants_thinking: bool = False
    nine_letter_ids: bool = False
    answers_tools: bool = False
    """These three are told in :mod:`agents.backends.dialects.chat.settings`."""
    is_local: bool = False
    maker: str = ""
    """Where all its models are of one."""
    lacks: str = ""
    """A warning for the user."""


PLAIN = ServerProfile(base_url="", key=None, takes_strict=False)
"""A server that nobody here knows."""

SERVERS: dict[str, ServerProfile] = {
    "openrouter": ServerProfile(
        base_url="https://openrouter.ai/api/v1",
        key="OPENROUTER_API_KEY",
        prices=("openrouter",),
        effort_form="reasoning",
    ),
    "groq": ServerProfile(
        base_url="https://api.groq.com/openai/v1",
        key="GROQ_API_KEY",
        prices=("groq",),
        limit_field="max_completion_tokens",
        takes_strict=False,
    ),
    "mistral": ServerProfile(
        base_url="https://api.mistral.ai/v1",
        key="MISTRAL_API_KEY",
        prices=("mistral",),
        usage_asked=False,
        nine_letter_ids=True,
        answers_tools=True,
        maker="mistral",
    ),
    "deepseek": ServerProfile(
        base_url="https://api.deepseek.com",
        key="DEEPSEEK_API_KEY",
        prices=("deepseek",),
        takes_strict=False,
        takes_images=False,
        wants_thinking=True,
        maker="deepseek",
        lacks="images; thinking must go back in tool loops, and does",
    ),
    "together": ServerProfile(
        base_url="https://api.together.xyz/v1",
        key="TOGETHER_API_KEY",
        prices=("together",),
        takes_strict=False,
    ),
    "cerebras": ServerProfile(
        base_url="https://api.cerebras.ai/v1",
        key="CEREBRAS_API_KEY",
        prices=("cerebras",),
        limit_field="max_completion_tokens",
        takes_images=False,
    ),
    "qwen": ServerProfile(
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        key="DASHSCOPE_API_KEY",
        effort_form="enable_thinking",
        takes_strict=False,
        maker="qwen",
    ),
    "zai": ServerProfile(
        base_url="https://api.z.ai/api/paas/v4",
        key="ZAI_API_KEY",
        prices=("zai",),
        effort_form="thinking",
        takes_strict=False,
        maker="zai",
    ),
    "ollama": ServerProfile(
        base_url="http://127.0.0.1:11434/v1",
        key=None,
        takes_strict=False,
        is_local=True,
        lacks="limit headers; a call comes whole, without an index",
    ),
    "lmstudio": ServerProfile(
        base_url="http://127.0.0.1:1234/v1",
        key=None,
        takes_strict=False,
        is_local=True,
        lacks="limit headers",
    ),
    "vllm": ServerProfile(
        base_url="http://127.0.0.1:8000/v1",
        key=None,
        effort_form="chat_template_kwargs",
        takes_strict=False,
        is_local=True,
        lacks="limit headers; calls need --enable-auto-tool-choice",
    ),
    "sglang": ServerProfile(
        base_url="http://127.0.0.1:30000/v1",
        key=None,
        effort_form="chat_template_kwargs",
        takes_strict=False,
        is_local=True,
        lacks="limit headers; calls need --tool-call-parser",
    ),
    "llamacpp": ServerProfile(
        base_url="http://127.0.0.1:8080/v1",
        key=None,
        effort_form="chat_template_kwargs",
        takes_strict=False,
        is_local=True,
        lacks="limit headers; calls need --jinja",
    ),
}
