"""Seconds of code in the API's containers, where they are charged for. Pure.

The API has no counter of it, so it is measured here, from a call's end to its result's
beginning. It is charged for by the hour and for five minutes at least, and free beside
web tools of 20260209 or later (docs.claude.com, pricing, read 2026-11-22).
"""

from __future__ import annotations

import re

from agents.backends.claude.server_tools import server_tool
from agents.backends.claude.settings import ClaudeSettings, runs_code

LEAST_S = 300.0
"""The shortest charge for a container that has run anything."""
FREE_FROM = 20260209
"""The first version of the web tools beside which code runs for free."""

_WEB = re.compile(r"web_(?:search|fetch)_(\d{8})")
_RESULT = "code_execution_tool_result"


class CodeTime:
    """Counts one response's time.

    A pause may part a call from its result: then the first response is charged to its
    end, and the next one from its beginning.

    Args:
        least_s: What the first call costs however short it is.
        at: When the response began.
    """

    def __init__(self, least_s: float, at: float = 0.0) -> None:
        self._least_s = least_s
        self._at = at
        self._ran_s: float | None = None
        self._began: dict[str, float] = {}

    def charged_s(self, at: float) -> float | None:
        """Until ``at``; ``None``: no code has run."""
        if self._ran_s is None and not self._began:
            return None
        running_s = sum(at - began for began in self._began.values())
        return max((self._ran_s or 0.0) + running_s, self._least_s)

    def called(self, name: str, call: str, at: float) -> None:
        """A tool of the API's was called, under the id ``call``."""
        if name.endswith("code_execution"):
            self._began[call] = at

    def returned(self, type_: str, call: str, at: float) -> None:
        """The block of a call's result has come."""
        began = self._began.pop(call, self._at)
        if type_.endswith(_RESULT):
            self._ran_s = (self._ran_s or 0.0) + at - began


def code_time(
    settings: ClaudeSettings, container: str | None, at: float = 0.0
) -> CodeTime | None:
    """The meter of code for one request; ``None`` where code is not charged for.

    Args:
        settings: Of the agent.
        container: The one that is used again, for which the least has been counted.
        at: When the response begins.
    """
    if not runs_code(settings):
        return None
    for tool in settings.server_tools:
        version = _WEB.fullmatch(server_tool(tool, settings.model)["type"])
        if version is not None and int(version[1]) >= FREE_FROM:
            return None
    return CodeTime(0.0 if container else LEAST_S, at)
