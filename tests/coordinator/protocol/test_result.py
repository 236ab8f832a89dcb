"""A result prints as a person reads it."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import AgentId, Label, Usage
from coordinator.protocol.result import AgentRecord, DraftRecord, Result, VoteRecord

ADA, BOB = AgentId("ada"), AgentId("bob")
DONE = AgentRecord(
    status="done",
    turns=2,
    usage=Usage(input_tokens=900, output_tokens=100),
    cost_usd=0.5,
)
LOST = AgentRecord(
    status="failed", turns=1, usage=Usage(), cost_usd=None, error="401: no | key"
)
RESULT: Result = Result(
    session="s1",
    status="answered",
    question="Why?",
    winner=ADA,
    answer="Because.\n",
    answers=(),
    votes=(VoteRecord(voter=ADA, choice=ADA, label=Label("a1"), reason=""),),
    agents={"ada": DONE, "bob": LOST},
    usage=Usage(input_tokens=900, output_tokens=100),
    cost_usd=None,
    elapsed_s=2.0,
    detail="1 of 1 votes",
)
replace = msgspec.structs.replace


def notebook(result: Result) -> str:
    """The Markdown that a notebook shows, which asks for it by this name."""
    show = getattr(result, "_repr_markdown_")  # noqa: B009  (as notebooks do)
    return str(show())


def test_the_answer_comes_first_and_the_figures_beneath() -> None:
    assert str(RESULT) == (
        "Because.\n\n— ada wins: 1 of 1 votes\n"
        "  2.0 s, 2 agents, 1,000 tokens, $?, session s1"
    )
    alone = replace(RESULT, agents={"ada": DONE}, cost_usd=0.5, detail="")
    assert str(alone).endswith(
        "— ada\n  2.0 s, 1 agent, 1,000 tokens, $0.5000, session s1"
    )


def test_a_result_that_came_before_its_end_says_so() -> None:
    early = replace(RESULT, status="deadline")
    assert "— ada leads (deadline): 1 of 1 votes" in str(early)


def test_no_answer_is_said_with_its_reason() -> None:
    none = replace(RESULT, status="failed", winner=None, answer=None, detail="all left")
    assert str(none).startswith("no answer: all left\n\n— failed: all left\n")
    bare = replace(none, detail="")
    assert str(bare).startswith("no answer: failed\n\n— failed\n")
    half = replace(bare, draft=DraftRecord(agent=AgentId("ada"), content="It is"))
    assert str(half).startswith("no answer: failed; ada had come so far:\n\nIt is\n")


def test_a_notebook_shows_who_voted_for_whom() -> None:
    rows = notebook(RESULT).splitlines()
    assert rows[0] == "Because."
    assert "| **ada** | 1 | ada | $0.5000 |" in rows
    assert "| bob | 0 | 401: no / key | $? |" in rows
    several = replace(RESULT.votes[0], choice=None, label=None)
    told = notebook(replace(RESULT, votes=(several,), answer=None))
    assert told.startswith("no answer: 1 of 1 votes\n")
    assert "| **ada** | 0 | several | $0.5000 |" in told
