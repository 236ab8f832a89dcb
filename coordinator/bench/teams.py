"""Teams that are made to be measured: much text, little thought."""

from __future__ import annotations

from typing import Any

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import Script, parse_script
from agents.protocol.chunks import AgentId
from coordinator.consensus.rules import Rules
from coordinator.team.team import Team

QUESTION = "What is worth measuring?"
WORD = "word "
"""One delta's text; a real one has three to thirty characters."""


def talkative(chunks: int, *, batch: int = 0) -> Script:
    """A script that drafts in ``chunks`` deltas, votes for the first it sees, presents.

    Args:
        chunks: Text deltas of the draft.
        batch: Deltas in one read; 0: as many as the backend likes.
    """
    repeated: dict[str, Any] = {"text": WORD, "times": chunks}
    if batch:
        repeated["batch"] = batch
    return parse_script(
        {
            "turns": [
                {
                    "when": {"task": "draft"},
                    "lines": [{"repeat_text": repeated}, {"answer": "an answer"}],
                },
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"vote": {"first": True}, "reason": "it is first"}],
                },
                {"when": {"task": "present"}, "lines": [{"text": "It is settled."}]},
            ]
        }
    )


def talkative_team(agents: int, chunks: int, *, batch: int = 0) -> Team:
    """A team of ``agents`` that share one backend and that script."""
    backend = ScriptedBackend(talkative(chunks, batch=batch))
    members = tuple(
        Agent(id=AgentId(f"agent{number}"), backend=backend)
        for number in range(1, agents + 1)
    )
    return Team(agents=members, rules=Rules("slate"), seed=1)
