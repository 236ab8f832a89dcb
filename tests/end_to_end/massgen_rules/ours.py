"""Plays scripts through our own engine under the policy ``massgen``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from agents import Agent, FunctionBackend, ToolCall
from agents.backends.function.reply import Thought
from agents.protocol.turns import Present, Review, Turn
from coordinator import Result, Rules, Team
from coordinator.massgen.conversion import convert, team_of
from coordinator.session.session import open_session
from coordinator.team.yaml_document import Document
from tests.end_to_end.massgen_rules.script import Offer, Script


class Stage:
    """Where agents wait for their lines."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.offers: dict[str, Offer] = {}
        self._told: dict[str, anyio.Event] = {}
        self._deeds: dict[str, tuple[str, str]] = {}
        self._authors: dict[str, str] = {}
        """An answer's words → who has said them; labels tell nobody whose they are."""
        self._labels: dict[str, dict[str, str]] = {}
        self._is_final: dict[str, bool] = {}

    async def ask(self, _messages: Any, _tools: Any, turn: Turn) -> Any:
        agent = str(turn.agent)
        self._labels[agent] = self._ballot(turn)
        self.offers[agent] = Offer(
            may_answer=not isinstance(turn.task, Present)
            and getattr(turn.task, "may_revise", True),
            ballot=list(self._labels[agent]),
            is_final=isinstance(turn.task, Present),
            may_restart=getattr(turn.task, "may_restart", False),
        )
        self._is_final[agent] = isinstance(turn.task, Present)
        told = self._told[agent] = anyio.Event()
        try:
            await told.wait()
        finally:
            self.offers.pop(agent, None)
        deed, word = self._deeds.pop(agent)
        return self._said(agent, deed, word)

    def _said(self, agent: str, deed: str, word: str) -> Any:
        match deed:
            case "answer":
                self._authors[word] = agent
                return ToolCall("new_answer", {"content": word})
            case "vote":
                label = self._labels[agent][word]
                return ToolCall("vote", {"label": label, "reason": "so"})
            case "bad_vote":
                return ToolCall("vote", {"label": "agent9.9", "reason": "so"})
            case "restart":
                told = {"reason": word, "instructions": "Do it again."}
                return ToolCall("restart_orchestration", told)
            case _ if self._is_final.pop(agent, False):
                return word
            case _:
                return Thought(word)  # text alone would be a draft

    def _ballot(self, turn: Turn) -> dict[str, str]:
        """Agent → the label that a vote for it names."""
        task = turn.task
        if not isinstance(task, Review) or task.ballot is None:
            return {}
        words = {str(answer.label): answer.content for answer in task.answers}
        return {
            self._authors[words[str(label)]]: str(label) for label in task.ballot.labels
        }

    async def conduct(self) -> None:
        while True:
            await anyio.wait_all_tasks_blocked()
            if not self.offers:
                await anyio.sleep(0.01)
                continue
            agent, deed, word = self.script.step(dict(self.offers))
            self._deeds[agent] = (deed, word)
            del self.offers[agent]
            self._told[agent].set()


def rules_of(script: Script) -> Rules:
    """The rules that a configuration with the script's setting comes to."""
    backend = {"type": "openai", "model": "gpt-5-mini"}
    setting = vars(script.setting)
    # Elsewhere "winner_reuse" alone would present all the same.
    is_reused = setting["final_answer_strategy"] == "winner_reuse"
    document: Any = {
        "agents": [{"id": name, "backend": backend} for name in script.agents],
        "orchestrator": {**setting, "skip_final_presentation": is_reused},
    }
    place = Path("script.yaml")
    return team_of(convert(Document(place, document, {(): 1}), {})).rules


async def play(seed: int) -> dict[str, Any]:
    """Play one seed's session; the same facts as of theirs."""
    script = Script(seed)
    stage = Stage(script)
    team = Team(
        agents=[Agent(id=a, backend=FunctionBackend(stage.ask)) for a in script.agents],
        rules=rules_of(script),
    )
    result: Result | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(stage.conduct)
        async with open_session("Which one?", team, journal=None) as session:
            result = await session.wait()
        group.cancel_scope.cancel()
    assert result is not None
    return {
        "seed": seed,
        "how": "ended" if result.status != "failed" else result.detail,
        "trace": script.trace,
        "winner": result.winner,
        "votes": {str(vote.voter): vote.choice for vote in result.votes},
        "killed": sorted(a for a, r in result.agents.items() if r.status == "failed"),
    }
