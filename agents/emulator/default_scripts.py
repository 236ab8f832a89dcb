"""The emulator's script for whoever brings none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.backends.scripted.script import Script, parse_script
from agents.emulator.schema_examples import example

_SAID = (
    "No model was asked: this sentence stands in for a first answer.",
    "With a key, a real opinion would be written here instead of placeholder words.",
    "Emulated reply; imagine somebody disagreeing politely and giving reasons.",
    "A pretended API on this computer made up these lines without reading anything.",
    "Nobody thought about it, yet every request travelled over genuine HTTP.",
)
"""Drafts that no measure takes for the same."""
_PRESENTED = (
    "This answer was made up on this machine: no model was asked. Set "
    "ANTHROPIC_API_KEY and leave --emulate out to ask real ones."
)


def team_scripts(
    agents: Sequence[str], schema: Mapping[str, Any] | None = None
) -> dict[str, Script]:
    """Scripts with which a team drafts, disagrees, votes and presents.

    Args:
        agents: Their names.
        schema: The JSON Schema of structured answers, of which each gives a sample.

    Raises:
        Unfit: No sample can be made of it.
    """
    value = {} if schema is None else {"value": example({**schema}, is_full=True)}
    return {
        name: _member(_SAID[number % len(_SAID)], value)
        for number, name in enumerate(agents)
    }


def _member(answer: str, value: Mapping[str, Any]) -> Script:
    thought = {"thinking": "A made-up thought about the question.", "rate": 120}
    return parse_script(
        {
            "turns": [
                {
                    "when": {"task": "draft"},
                    "repeat": True,
                    "lines": [thought, {"answer": answer, "rate": 80, **value}],
                },
                {
                    "when": {"task": "review", "offered": "vote"},
                    "repeat": True,
                    "lines": [
                        {"text": "Reading the answers.", "rate": 120, "delay_s": 0.4},
                        {"vote": {"first": True}, "reason": "A made-up reason."},
                    ],
                },
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"answer": answer, **value}],
                },
                {"repeat": True, "lines": [{"text": _PRESENTED, "rate": 120}]},
            ],
        }
    )


def sample_script() -> Script:
    """Make a script that any client, team or single, can talk to for ever."""
    return parse_script(
        {
            "improvises": True,
            "turns": [
                {
                    "when": {"task": "draft"},
                    "repeat": True,
                    "lines": [
                        {"thinking": "The question asks for an answer.", "rate": 200},
                        {"answer": "This is an emulated answer.", "rate": 200},
                    ],
                },
                {
                    "when": {"task": "review", "offered": "vote"},
                    "repeat": True,
                    "lines": [
                        {"text": "Reading the answers.", "rate": 200, "delay_s": 0.2},
                        {"vote": {"first": True}, "reason": "It came first."},
                    ],
                },
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"answer": "This is another emulated answer."}],
                },
                {
                    "repeat": True,
                    "lines": [
                        {"text": "This is an emulated response.", "rate": 120},
                    ],
                },
            ],
        }
    )
