"""The prefix of a response never changes afterwards, whatever the policy.

A model's thinking is bound to the exact system prompt, tools and messages before it
(docs.claude.com, preserved thinking, read 2026-11-30), and so is the prompt cache.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import pytest
from msgspec.structs import replace

from agents.backends.claude.settings import ClaudeSettings
from agents.backends.dialects.messages.writer import parameters
from agents.backends.scripted.backend import ScriptedBackend
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import Scenario, find_scenarios, read_scenario
from coordinator.scenarios.runner import run_scenario

if TYPE_CHECKING:
    from agents.protocol.backend import Request

ROOT = Path(__file__).parents[3]
SCENARIOS = tuple(find_scenarios([ROOT / "scenarios"]))
POLICIES = ("slate", "revision", "ensemble", "massgen")
SETTINGS = ClaudeSettings(model="claude-opus-5-5", max_tokens=32_000)

Block: TypeAlias = tuple[str, bytes]
"""The role that said it, and its bytes."""


class Sent(msgspec.Struct, frozen=True):
    """One request's bytes, cache marks aside."""

    turn: int
    model: str
    head: bytes
    """System prompt and tools."""
    blocks: tuple[Block, ...]

    @property
    def answered(self) -> list[tuple[Block, ...]]:
        """The blocks before each of the model's responses in it."""
        found: list[tuple[Block, ...]] = []
        for place, (role, _) in enumerate(self.blocks):
            is_first = place > 0 and self.blocks[place - 1][0] == "user"
            if role == "assistant" and is_first:
                found.append(self.blocks[:place])
        return found


def sent(request: Request, model: str) -> Sent:
    made = _unmarked(parameters(SETTINGS, request))
    return Sent(
        turn=request.turn.number,
        model=model,
        head=msgspec.json.encode([made.get("system"), made.get("tools")]),
        blocks=tuple(
            (message["role"], msgspec.json.encode(block))
            for message in made["messages"]
            for block in message["content"]
        ),
    )


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _unmarked(v) for k, v in value.items() if k != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_unmarked(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def differences(requests: list[Sent]) -> list[str]:
    """Where a request does not stand on what the model has answered before."""
    found: list[str] = []
    answered: set[tuple[str, bytes, tuple[Block, ...]]] = set()
    for number, request in enumerate(requests):
        before = requests[number - 1] if number else request
        if request.head != before.head:
            found.append(f"request {number} has another system prompt or other tools")
        goes_on = request.turn == before.turn and len(request.answered) > 0
        is_same_model = request.model == before.model
        grows = request.blocks[: len(before.blocks)] == before.blocks
        if goes_on and is_same_model and not grows:
            found.append(f"request {number} does not begin as the one before")
        found += [
            f"request {number} holds an answer to something else"
            for blocks in request.answered
            if (request.model, request.head, blocks) not in answered
        ]
        answered.add((request.model, request.head, request.blocks))
    return found


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Sent]]:
    """The requests of each agent while the test runs."""
    kept: dict[str, list[Sent]] = defaultdict(list)
    really = ScriptedBackend.open_stream

    def noted(backend: ScriptedBackend, request: Request, pen: Any) -> Any:
        kept[request.turn.agent].append(sent(request, backend.model))
        return really(backend, request, pen)

    monkeypatch.setattr(ScriptedBackend, "open_stream", noted)
    return kept


def under(scenario: Scenario, policy: PolicyName) -> Scenario:
    """The same under the rules of a policy."""
    deadline_s = scenario.config.rules.limits.deadline_s
    rules = Rules(policy, deadline_s=deadline_s)
    return replace(scenario, config=replace(scenario.config, rules=rules))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_no_request_of_a_scenario_changes_what_was_answered(
    path: Path, requests: dict[str, list[Sent]]
) -> None:
    scenario = read_scenario(path)
    run_scenario(scenario)
    for agent, each in requests.items():
        assert (agent, differences(each)) == (agent, [])


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_changes_what_was_answered(
    policy: PolicyName, requests: dict[str, list[Sent]]
) -> None:
    found: list[str] = []
    asked = 0
    for path in SCENARIOS:
        scenario = under(read_scenario(path), policy)
        requests.clear()
        try:
            run_scenario(scenario)
        except ConfigInvalid:
            continue
        asked += sum(map(len, requests.values()))
        for agent, each in requests.items():
            found += [f"{path.stem}: {agent}: {x}" for x in differences(each)]
    assert found == []
    assert asked > 400
