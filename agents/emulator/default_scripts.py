"""What the emulator says to whoever brings no script."""

from __future__ import annotations

from agents.backends.scripted.script import Script, parse_script


def sample_script() -> Script:
    """Make a script that any client, team or single, can talk to for ever."""
    return parse_script(
        {
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
            ]
        }
    )
