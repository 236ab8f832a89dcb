"""A program that a user writes: run by a test, and read by the type checker.

Whoever uses the packages writes plain strings and lists; strict checking must be green
without a cast, and must know what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from agents import Agent, ScriptedBackend, VoteCast, parse_script, tool
from coordinator import Result, Rules, Team, open_session, run, run_sync

QUESTION = "Which city is the capital of Australia?"


@dataclass
class City:
    """The value that every answer has beside its words."""

    name: str
    people: int


@tool
def population(city: str) -> int:
    """How many people live in a city."""
    return {"Canberra": 467_000}.get(city, 0)


def backend(name: str, people: int = 0) -> ScriptedBackend:
    """An agent's model, played from a script."""
    answer: dict[str, object] = {"answer": f"{name}."}
    if people:
        answer["value"] = {"name": name, "people": people}
    ballot = {"rank": ["Canberra"]} if people else {"vote": "Canberra"}
    turns = [
        {"when": {"task": "draft"}, "lines": [answer]},
        {"when": {"task": "review"}, "lines": [ballot]},
        {"when": {"task": "present"}, "lines": [{"text": f"{name}, surely."}]},
    ]
    return ScriptedBackend(parse_script({"turns": turns}))


def members(*people: int) -> list[Agent]:
    """Three agents; names are plain strings."""
    known = people or (0, 0, 0)
    return [
        Agent(id="ada", backend=backend("Canberra", known[0]), tools=[population]),
        Agent(id="bob", backend=backend("Sydney", known[1])),
        Agent(id="cy", backend=backend("Canberra", known[2])),
    ]


async def asked() -> Result[City]:
    """Ask a team for a structured answer."""
    rules = Rules(policy="slate", rule="borda", deadline_s=600, final="reuse")
    agents = members(467_000, 5_450_000, 467_000)
    team = Team(agents=agents, rules=rules, answer_type=City, seed=1)
    result = await run(QUESTION, team, session_id="capital")
    assert_type(result, Result[City])
    assert_type(result.value, City)
    ada = result.agents["ada"]
    # The vote may be over before its ballot, the second turn, has ended.
    assert (ada.turns, ada.status != "failed") == (2, True)
    return result


async def watched() -> tuple[list[str], str | None]:
    """Watch a session, and say a word to one of its agents by its plain name."""
    team = Team(agents=members(), rules=Rules(policy="massgen", panel=3), seed=1)
    voters: list[str] = []
    async with open_session(QUESTION, team, displays=[]) as session:
        async for chunk in session:
            match chunk:
                case VoteCast(agent=voter):
                    voters.append(voter)
                case _:
                    pass
        result = await session.wait()
    names = {name: record.turns for name, record in result.agents.items()}
    assert names["bob"] > 0
    return voters, result.winner


def blocking() -> str | None:
    """The same from code that is not asynchronous."""
    team = Team(agents=members(), rules=Rules(rule="plurality", weights={"ada": 2.0}))
    return run_sync(QUESTION, team, runtime="asyncio").answer
