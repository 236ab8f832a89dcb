"""Plays scripts through MassGen's own orchestrator; by an environment that has it.

``python -I theirs.py FIRST COUNT`` writes one line of JSON for each seed: its trace,
who has won, the votes and the order of phases. Everything of MassGen's is of 0.1.97.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from script import Offer, Script

POLL_S = 0.004
STABLE = 4
"""Polls in a row that must look the same before anything is said to have settled."""
PATIENCE_S = 20.0


def _theirs(module: str, name: str) -> Any:
    return getattr(import_module(f"massgen.{module}"), name)


def _offered(tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {str((tool.get("function") or tool).get("name")): tool for tool in tools}


def _ballot(tool: dict[str, Any] | None) -> list[str]:
    if tool is None:
        return []
    told = tool.get("function") or tool
    schema: Any = told.get("parameters") or told.get("input_schema")
    return list(schema["properties"]["agent_id"].get("enum") or [])


class Stage:
    """Where agents wait for their lines."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.waiting: dict[str, tuple[Offer, asyncio.Future[tuple[str, str]]]] = {}
        self.orchestrator: Any = None
        self.number = 0
        order = {name: f"agent{n + 1}" for n, name in enumerate(sorted(script.agents))}
        self.anonymous = order
        self.real = {word: name for name, word in order.items()}

    async def asked(self, agent: str, tools: list[dict[str, Any]]) -> tuple[str, str]:
        offered = _offered(tools)
        is_evaluation = "restart_orchestration" in offered
        has_more = (
            self.orchestrator.current_attempt < self.orchestrator.max_attempts - 1
        )
        if self._presents(agent) and has_more and not is_evaluation:
            # It is asked to judge what it has presented in a call of its own.
            return "text", "Here is the final answer."
        # Before anybody has answered its enum holds everybody, and a vote is an error.
        seen = self.orchestrator.agent_states[agent].known_answer_ids
        listed = (self.real.get(x, x) for x in _ballot(offered.get("vote")))
        ballot = [name for name in listed if name in seen]
        # Who has voted is asked nothing more but to present.
        is_final = self._presents(agent)
        offer = Offer(
            may_answer="new_answer" in offered and not is_final,
            ballot=[] if is_final else ballot,
            is_final=is_final,
            may_restart=is_evaluation,
        )
        reply: asyncio.Future[tuple[str, str]] = (
            asyncio.get_running_loop().create_future()
        )
        self.waiting[agent] = (offer, reply)
        try:
            return await reply
        finally:
            self.waiting.pop(agent, None)

    def _presents(self, agent: str) -> bool:
        # Where no vote is held, who presents has not voted.
        selected = getattr(self.orchestrator, "_selected_agent")  # noqa: B009  (theirs)
        return selected == agent or bool(
            self.orchestrator.agent_states[agent].has_voted
        )

    def _is_settled(self, agent: str) -> bool:
        if agent in self.waiting:
            return True
        orch = self.orchestrator
        state = orch.agent_states[agent]
        if agent in getattr(orch, "_active_streams", {}):
            return False
        if state.has_voted or state.is_killed:
            return True
        if getattr(orch, "_is_waiting_for_all_answers")(agent):  # noqa: B009  (theirs)
            return True
        return bool(getattr(orch, "_should_pause_agent_for_fairness")(agent)[0])  # noqa: B009

    async def conduct(self) -> None:
        same, before = 0, None
        while True:
            await asyncio.sleep(POLL_S)
            now = tuple(sorted(self.waiting))
            is_final = any(offer.is_final for offer, _ in self.waiting.values())
            if not now or not (
                is_final or all(map(self._is_settled, self.script.agents))
            ):
                same = 0
                continue
            same = same + 1 if now == before else 1
            before = now
            if same < STABLE:
                continue
            same = 0
            offers = {name: offer for name, (offer, _) in self.waiting.items()}
            agent, deed, word = self.script.step(offers)
            self.waiting[agent][1].set_result((deed, word))
            self.waiting.pop(agent, None)

    def call(self, deed: str, word: str) -> dict[str, Any] | None:
        self.number += 1
        if deed == "answer":
            name, content = "new_answer", {"content": word}
        elif deed in {"vote", "bad_vote"}:
            content = {"agent_id": self.anonymous.get(word, word), "reason": "so"}
            name = "vote"
        elif deed == "restart":
            content = {"reason": word, "instructions": "Do it again."}
            name = "restart_orchestration"
        else:
            return None
        function = {"name": name, "arguments": json.dumps(content)}
        return {"id": f"c{self.number}", "type": "function", "function": function}


def _backend(stage: Stage) -> type[Any]:
    base: type[Any] = _theirs("backend.base", "LLMBackend")
    said: Any = _theirs("backend.base", "StreamChunk")

    class Played(base):
        who = ""

        def get_provider_name(self) -> str:
            return "played"

        def set_general_hook_manager(self, manager: Any) -> None:
            """Taken, as every backend of a model's takes one; no tool calls it."""

        async def stream_with_tools(
            self,
            messages: Any,  # noqa: ARG002  (theirs)
            tools: list[dict[str, Any]],
            **_: Any,
        ) -> Any:
            deed, word = await stage.asked(self.who, tools)
            call = stage.call(deed, word)
            if call is None:
                yield said(type="content", content=word)
                yield said(type="done")
                return
            message = {"role": "assistant", "content": "", "tool_calls": [call]}
            yield said(type="tool_calls", tool_calls=[call])
            yield said(type="complete_message", complete_message=message)
            yield said(type="done")

    return Played


async def _play(seed: int) -> dict[str, Any]:
    script = Script(seed)
    stage = Stage(script)
    config_of = _theirs("agent_config", "AgentConfig")
    agent_of = _theirs("chat_agent", "ConfigurableAgent")
    played = _backend(stage)
    team: dict[str, Any] = {}
    for name in script.agents:
        config = config_of(backend_params={"model": "played"})
        config.agent_id = name
        backend = played(api_key="none")
        backend.who = name
        team[name] = agent_of(config=config, backend=backend)
    rules = config_of(backend_params={"model": "played"})
    for key, value in vars(script.setting).items():
        setattr(rules, key, value)
    rules.fairness_enabled = True
    # Without it "winner_reuse" presents all the same.
    strategy = script.setting.final_answer_strategy
    rules.coordination_config.max_orchestration_restarts = (
        script.setting.max_orchestration_restarts
    )
    rules.skip_final_presentation = strategy == "winner_reuse"
    orchestrator = _theirs("orchestrator", "Orchestrator")(agents=team, config=rules)
    stage.orchestrator = orchestrator
    conducting = asyncio.create_task(stage.conduct())

    async def drain() -> None:
        asked = [{"role": "user", "content": "Which one?"}]
        while True:
            async for _ in orchestrator.chat(asked):
                pass
            if not orchestrator.restart_pending:
                return
            # It does so itself only where files are isolated (write_mode); elsewhere
            # its command line would ask again for ever.
            if orchestrator.workflow_phase != "idle":
                orchestrator.handle_restart()

    how = "ended"
    try:
        await asyncio.wait_for(drain(), PATIENCE_S)
    except TimeoutError:
        how = f"stuck, waiting {sorted(stage.waiting)}"
    finally:
        conducting.cancel()
        await asyncio.gather(conducting, return_exceptions=True)
    result = orchestrator.get_coordination_result()
    votes = {
        name: state.votes["agent_id"]
        for name, state in orchestrator.agent_states.items()
        if state.votes and state.has_voted
    }
    return {
        "seed": seed,
        "how": how,
        "trace": script.trace,
        "winner": result.get("selected_agent"),
        "votes": votes,
        "killed": sorted(
            name for name, state in orchestrator.agent_states.items() if state.is_killed
        ),
    }


async def _main(first: int, count: int) -> None:
    for seed in range(first, first + count):
        made = await _play(seed)
        _OUT.write(json.dumps(made) + "\n")
        _OUT.flush()


_OUT = sys.stdout

if __name__ == "__main__":
    sys.stdout = sys.stderr  # it talks
    with tempfile.TemporaryDirectory() as _folder:
        os.chdir(_folder)  # it keeps logs where it is
        asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
        os.chdir("/")
