"""A small scenario to change, as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from coordinator.scenarios.reader import Scenario, parse_scenario

FILE = Path("tie.yaml")

SMALL = """\
# Paris beats Lyon.
question: The capital of France?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Paris, delay_s: 1}]}
        - {when: {task: review}, lines: [{vote: Paris, delay_s: 1}]}
  - id: ben
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Lyon, delay_s: 1.1}]}
        - {when: {task: review}, lines: [{vote: Paris, delay_s: 5}]}
voting: {policy: slate, rule: plurality, ties: earliest}
final: reuse
expect:
  status: answered
"""

Small: TypeAlias = Callable[..., Scenario]


@pytest.fixture
def small() -> Small:
    """Read the small scenario with lines added to what it expects, or at its top."""

    def small(
        *expected: str,
        top: str = "",
        named: str = "Paris beats Lyon",
        drafted_s: str = "1.1",
        meant: str = "Paris",
    ) -> Scenario:
        text = SMALL.replace("Paris beats Lyon", named)
        text = text.replace("1.1}]}", f"{drafted_s}}}]}}")
        text = text.replace("vote: Paris, delay_s: 5", f"vote: {meant}, delay_s: 5")
        text = text.replace("voting:", f"{top}\nvoting:") if top else text
        return parse_scenario(text + "".join(f"  {line}\n" for line in expected), FILE)

    return small
