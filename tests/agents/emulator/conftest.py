from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import httpx2
import pytest
from llmock.scenarios import Match, Reply, ToolCall
from llmock.testing import LLMockServer

from agents.backends.scripted.script import Script, parse_script

ScriptOf: TypeAlias = Callable[..., Script]


@pytest.fixture
def script_of() -> ScriptOf:
    """Makes a script whose only response, said again and again, has these lines."""

    def make(*lines: str | Mapping[str, Any], **entry: Any) -> Script:
        return parse_script(
            {
                "model": "claude-haiku-5-5",
                "turns": [{"repeat": True, "lines": list(lines), **entry}],
            }
        )

    return make


Asked: TypeAlias = dict[str, Any]


@pytest.fixture
def body_of() -> Callable[..., Asked]:
    """Makes a body for ``/v1/messages`` of the messages given, or of one question."""

    def make(messages: Sequence[Any] | None = None, **more: Any) -> Asked:
        asked = messages or [{"role": "user", "content": "Which city?"}]
        return {
            "model": "claude-haiku-5-5",
            "max_tokens": 1000,
            "messages": list(asked),
            **more,
        }

    return make


class LlmockTeam:
    """A third party's server, told what each model of a team shall say.

    It knows no agents, so each agent of a team needs a model name of its own.

    Attributes:
        base_url: For a ``ClaudeBackend``.
        server: The server, for its own kinds of trouble.
    """

    def __init__(self, server: LLMockServer) -> None:
        self.server = server
        self.base_url = server.base_url("anthropic")

    def plays(self, model: str, answer: str, vote_for: str) -> None:
        """Let a model answer once, then vote for a label, and present the answer.

        Args:
            model: Its name, exactly.
            answer: What it hands in first, and presents where no tools are offered.
            vote_for: A label, e.g. ``agent1.1``; as often as it is asked.
        """
        # In every form of ballot at once: the voting rule decides which one is read.
        told = {
            "reason": "It is right.",
            "label": vote_for,
            "labels": [vote_for],
            "tiers": [[vote_for]],
            "scores": {vote_for: 10},
        }
        self.server.state.scenarios.add(
            Reply(text=answer, times=None, match=Match(model=model, tools=False)),
            Reply(
                tool_calls=(ToolCall("new_answer", {"content": answer}),),
                match=Match(model=model),
            ),
            Reply(
                tool_calls=(ToolCall("vote", told),),
                times=None,
                match=Match(model=model),
            ),
        )


@contextmanager
def llmock() -> Generator[LLMockServer]:
    """Runs llmock in a thread, on a real socket."""
    # Its framework warns of its own doing as it is made and at its first request, in a
    # thread; the filters are the process's, and a client may be changing them then.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = LLMockServer().start()
        httpx2.get(server.base_url("anthropic") + "/v1/models")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def llmock_team() -> Generator[LlmockTeam]:
    """A server of llmock's for a team."""
    with llmock() as server:
        yield LlmockTeam(server)
