"""Models of every maker in a team file: what a name means, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.grok.backend import GrokBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.protocol.chunks import Usage
from coordinator.cli.run import team_of_models
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.makers import split_model
from coordinator.team.reader import parse_team

KEYS = {
    "OPENAI_API_KEY": "sk-1",
    "XAI_API_KEY": "xai-1",
    "GEMINI_API_KEY": "g-1",
    "OPENROUTER_API_KEY": "or-1",
    "ANTHROPIC_API_KEY": "sk-ant-1",
}


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("openai/gpt-5.6", ("openai", None, "gpt-5.6")),
        ("xai/grok-4.3", ("grok", None, "grok-4.3")),
        ("google/gemini-3.5-flash", ("gemini", None, "gemini-3.5-flash")),
        ("anthropic/claude-sonnet-5-5", ("claude", None, "claude-sonnet-5-5")),
        ("ollama/qwen3:8b", ("compatible", "ollama", "qwen3:8b")),
        (
            "openrouter/anthropic/claude-sonnet-5-5",
            ("compatible", "openrouter", "anthropic/claude-sonnet-5-5"),
        ),
        ("claude-sonnet-5-5", (None, None, "claude-sonnet-5-5")),
        ("meta-llama/Llama-3.3-70B", (None, None, "meta-llama/Llama-3.3-70B")),
    ],
)
def test_a_name_says_who_is_asked(
    model: str, meant: tuple[str | None, str | None, str]
) -> None:
    assert split_model(model) == meant


def _team(text: str) -> list[object]:
    config = parse_team(text, Path("team.yaml"))
    agents = assemble(config, environment=KEYS).with_models
    return [b for agent in agents for b in (agent.backend, *agent.fallbacks)]


def test_a_team_of_all_makers_is_made_of_one_file() -> None:
    backends = _team(
        """
agents:
  - {id: a, model: openai/gpt-5.6, effort: minimal, tools: [web_search]}
  - {id: b, model: grok/grok-4.3, tools: [x_search]}
  - {id: c, model: gemini/gemini-3.5-flash, thinking: 2048}
  - {id: d, model: vllm/qwen3}
  - {id: e, backend: compatible, base_url: "http://127.0.0.1:9/v1", model: a/b}
"""
    )
    kinds = [type(backend) for backend in backends]
    assert kinds == [
        OpenAIBackend,
        GrokBackend,
        GeminiBackend,
        CompatibleBackend,
        CompatibleBackend,
    ]


def test_a_fallback_of_another_maker_leaves_the_firsts_own_settings_behind() -> None:
    backends = _team(
        """
agents:
  - id: a
    model: openai/gpt-5.6
    base_url: http://127.0.0.1:9/v1
    fallback: [gemini/gemini-3.5-flash, openrouter/moonshotai/kimi-k2]
"""
    )
    shown = [repr(backend) for backend in backends]
    assert "127.0.0.1" in shown[0]
    assert "generativelanguage.googleapis.com" in shown[1]
    assert "openrouter.ai" in shown[2]


def test_models_of_several_makers_take_turns_on_the_command_line() -> None:
    config = team_of_models(("openai/gpt-5.6", "gemini/gemini-3.5-flash"), 3)
    assert [entry.backend for entry in config.agents] == ["openai", "gemini", "openai"]


def test_a_price_may_stand_in_the_file_or_be_free() -> None:
    priced, free, listed = _team(
        """
agents:
  - {id: a, model: openrouter/x/y, price: {input: 1, output: 2, cached: 0.5}}
  - {id: b, model: ollama/qwen3}
  - {id: c, model: openai/gpt-5}
"""
    )
    usage = Usage(
        input_tokens=1_000_000,
        output_tokens=1_000_000,
        cache_read_input_tokens=1_000_000,
    )
    assert isinstance(priced, CompatibleBackend)
    assert priced.cost_usd(usage) == pytest.approx(3.5)
    assert isinstance(free, CompatibleBackend)
    assert free.cost_usd(usage) == 0.0
    assert isinstance(listed, OpenAIBackend)
    assert (listed.cost_usd(Usage(output_tokens=1_000)) or 0) > 0


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("model: ollama/qwen3, tools: [web_search]", "no tools of common names"),
        (
            "model: gemini/g, mcp_servers: [{name: a, url: b}]",
            "Gemini connects",
        ),
        ("model: openai/gpt-5, betas: [x]", "betas is Claude's alone"),
        ("model: openai/gpt-5, thinking: 2048", "adaptive or disabled"),
        ("model: grok/grok-4, tools: [web_fetch]", "no tool of xAI"),
        ("model: openai/gpt-5, api: chat, tools: [web_search]", "no server tools"),
        ("model: claude-sonnet-5-5, effort: none", "takes no effort"),
        ("backend: compatible, model: m", "there is no base_url"),
        ("model: claude-sonnet-5-5, server: groq, backend: claude", "other makers"),
        ("model: openai/gpt-5, fallback: [ollama/q], tools: [web_search]", "take over"),
    ],
)
def test_what_a_maker_lacks_is_said_when_the_file_is_read(
    agent: str, said: str
) -> None:
    with pytest.raises(ConfigInvalid, match=said) as caught:
        parse_team(f"agents: [{{id: a, {agent}}}]", Path("team.yaml"))
    assert "team.yaml:1" in str(caught.value)


def test_a_missing_key_is_named() -> None:
    config = parse_team("agents: [{id: a, model: grok/grok-4}]", Path("team.yaml"))
    with pytest.raises(ConfigInvalid, match="XAI_API_KEY is not set"):
        assemble(config, environment={})


SIGNED = """
agents:
  - id: ada
    model: openai/gpt-5.6
    provider: azure
    resource: ours
    sign_in: tokens.py:token
  - id: ben
    model: openai/gpt-5.6
    sign_in:
      identity_provider_id: idp_1
      service_account_id: sa_1
      token_file: /var/run/secrets/token
"""


def test_a_file_has_agents_sign_in_where_there_is_no_key(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="needs the extra [openai]: pip install openai")
    (tmp_path / "tokens.py").write_text("def token():\n    return 'aad-1'\n")
    config = parse_team(SIGNED, tmp_path / "team.yaml")
    ada, ben = assemble(config, environment={}).with_models
    assert "ours.openai.azure.com" in repr(ada.backend)
    assert "api.openai.com" in repr(ben.backend)


def test_a_function_that_gives_no_tokens_is_named(tmp_path: Path) -> None:
    alone = SIGNED.partition("  - id: ben")[0]
    config = parse_team(alone, tmp_path / "team.yaml")
    with pytest.raises(ConfigInvalid, match=r"'ada' signs in by 'tokens.py:token'"):
        assemble(config, environment={})
    (tmp_path / "tokens.py").write_text("token = 'aad-1'\n")
    with pytest.raises(ConfigInvalid, match="which is no function"):
        assemble(config, environment={})


@pytest.mark.parametrize(
    ("agent", "problem"),
    [
        ("model: grok/grok-4.3, sign_in: 'a:b'", "sign_in is for OpenAI's"),
        ("model: claude-sonnet-5-5, sign_in: 'a:b'", "sign_in is for other makers'"),
        ("model: openai/gpt-5.6, sign_in: token", "names no function"),
        ("model: openai/gpt-5.6, sign_in: 'a:b', api_key_env: K", "instead of a key"),
        ("model: openai/gpt-5.6, sign_in: {token_file: x}", "identity_provider_id"),
    ],
)
def test_sign_in_that_cannot_be_is_refused_as_the_file_is_read(
    agent: str, problem: str
) -> None:
    with pytest.raises(ConfigInvalid, match=problem):
        parse_team(f"agents: [{{id: a, {agent}}}]", Path("team.yaml"))
