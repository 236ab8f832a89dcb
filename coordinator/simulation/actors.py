"""Agents for the real shell that are a few lines of chance.

A :class:`RandomBackend` makes up a script for each call and lets
:class:`~agents.backends.scripted.backend.ScriptedBackend` play it, so that an actor
hears what it hears of a scripted model, troubles included. What is made up depends on
the seed, the agent and how often that agent has been asked, never on who else was asked
in between.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import JsonObject, Script, parse_script
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.stamper import Pen
from agents.protocol.turns import BallotForm, Divide, Draft, Present, Review, Work
from coordinator.simulation.agent_model import NO_SUCH_LABEL, Temper, said_by_chance


class RandomBackend:
    """A model that says anything at all, decided by its seed.

    Args:
        seed: The session's.
        agent: Whom it speaks for.
        temper: How it behaves.
    """

    def __init__(self, seed: int, agent: AgentId, temper: Temper) -> None:
        self._seed = seed
        self._agent = agent
        self._temper = temper
        self._calls = 0

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        return "simulated"

    @property
    def limit_key(self) -> None:
        """Nothing limits chance."""
        return

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Make something up and play it; see :class:`agents.protocol.backend.Backend`.

        Raises:
            AgentError: What was made up goes wrong.
        """
        backend = ScriptedBackend(self._script(request))
        async with backend.open_stream(request, pen) as batches:
            yield batches

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Say something in MassGen's words, as any backend can; nobody here asks."""
        script = parse_script({"turns": [{"lines": [{"text": "the final words"}]}]})
        return ScriptedBackend(script).stream_with_tools(messages, tools, **options)

    async def aclose(self) -> None:
        """Nothing outlives a stream."""

    def _script(self, request: Request) -> Script:
        self._calls += 1
        chance = Random(f"{self._seed}/{self._agent}/{self._calls}")  # noqa: S311
        lines = self._lines(request, chance)
        return parse_script({"model": "simulated", "turns": [{"lines": lines}]})

    def _lines(self, request: Request, chance: Random) -> list[JsonObject]:
        temper = self._temper
        wait = {"delay_s": chance.expovariate(1.0 / temper.pace_s)}
        roll = chance.random()
        if roll < temper.stall:
            trouble = chance.choice(("stall", "truncate", "disconnect"))
            return [{"text": "I thi", **wait}, {trouble: True}]
        roll -= temper.stall
        if roll < temper.fail:
            status = chance.choice((401, 429, 500, 529))
            return [{"error": {"status": status}, **wait}]
        roll -= temper.fail
        if roll < temper.silent:
            return [{"thinking": "What shall I say?", **wait}]
        return self._work(request, chance, wait)

    def _work(
        self, request: Request, chance: Random, wait: JsonObject
    ) -> list[JsonObject]:
        match request.turn.task:
            case Draft():
                return [{"answer": self._answer(chance), **wait}]
            case Review(ballot=form) as review:
                wants = review.may_revise and chance.random() < self._temper.revise
                if form is None or wants:
                    slow = {"rate": 20.0} if chance.random() < 0.5 else {}
                    return [{"answer": self._answer(chance), **slow, **wait}]
                ballot = self._ballot(form, chance)
                return [{"tool": "vote", "input": {"reason": "r", **ballot}, **wait}]
            case Divide(parts=most):
                part = {"title": "a part", "instructions": "do it"}
                parts = [part] * chance.randint(0, most + 1)
                return [{"tool": "divide", "input": {"parts": parts}, **wait}]
            case Work():
                if chance.random() < 0.3:
                    return [{"text": "it is done", **wait}]
                is_done = chance.random() >= self._temper.nonsense
                stop = {"summary": "it is done", "complete": is_done}
                return [{"tool": "stop", "input": stop, **wait}]
            case Present() as present:
                if present.may_restart and chance.random() < self._temper.revise:
                    wish = {"reason": "weak", "instructions": "be strong"}
                    name = "restart_orchestration"
                    return [{"tool": name, "input": wish, **wait}]
                return [{"text": "the final words", "rate": 50.0, **wait}]

    def _answer(self, chance: Random) -> str:
        return (
            " " if chance.random() < self._temper.nonsense else said_by_chance(chance)
        )

    def _ballot(self, form: BallotForm, chance: Random) -> JsonObject:
        labels = [str(label) for label in form.labels]
        if chance.random() < self._temper.nonsense:
            labels = [NO_SUCH_LABEL]
        chance.shuffle(labels)
        some = labels[: chance.randint(1, len(labels))]
        match form.kind:
            case "choice":
                return {"label": labels[0]}
            case "approval":
                return {"labels": some}
            case "ranking":
                return {"tiers": [[label] for label in some]}
            case "scores":
                return {"scores": {x: chance.randint(0, form.max_score) for x in some}}
