from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pytest

from agents.script import Script, parse_script

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
