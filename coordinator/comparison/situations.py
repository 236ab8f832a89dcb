"""Situations in which policies are compared: what is different from the plain one."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.comparison.assumptions import Camp
from coordinator.errors import ConfigInvalid


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Assumptions that differ, and why one would look."""

    name: str
    about: str
    changes: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    is_for_all_sizes: bool = False
    """Whether to play it with teams of every size, not of one only."""


_EQUALS = (Camp(share=1.0, quality=0.0, spread=0.0),)

_ALL = (
    Situation(
        name="plain",
        about="independent answers, noisy judges, revision neither helps nor hurts",
        is_for_all_sizes=True,
    ),
    Situation(
        name="counted",
        about="answers come to a result that can be compared, as numbers do",
        changes={"countable": True},
        is_for_all_sizes=True,
    ),
    Situation(
        name="several_models",
        about="judges of several models: right together at .38 (JudgeBench)",
        changes={"judge_shared_sd": 0.931, "judge_own_sd": 0.908},
        is_for_all_sizes=True,
    ),
    Situation(
        name="independent_judges",
        about="judges err almost independently, as no recorded ones do: .16",
        changes={"judge_shared_sd": 0.5, "judge_own_sd": 1.2},
        is_for_all_sizes=True,
    ),
    Situation(
        name="revision_helps",
        about="each revision is 0.3 better than by chance",
        changes={"revision_gain": 0.3},
        is_for_all_sizes=True,
    ),
    Situation(
        name="revision_hurts",
        about="each revision is 0.3 worse",
        changes={"revision_gain": -0.3},
        is_for_all_sizes=True,
    ),
    Situation(
        name="no_cache", about="prompts are not cached", changes={"cache": False}
    ),
    Situation(
        name="prefix_wait",
        about="requests wait up to 10 s for a prefix that another is just writing",
        changes={"prefix_wait_s": 10.0},
    ),
    Situation(
        name="crowded",
        about="who reads many answers judges worse: 0.3 for each doubling beyond five",
        changes={"crowd_sd": 0.3},
        is_for_all_sizes=True,
    ),
    Situation(
        name="restless",
        about="a revision keeps all its author had and adds chance: answers spread",
        changes={"revision_keep": 1.0},
    ),
    Situation(
        name="tools",
        about="three calls a turn, with tools between: news can be told there",
        changes={"calls": 3},
    ),
    Situation(
        name="unanimous",
        about="all write the same, good answer",
        changes={
            "camps": (Camp(share=1.0, quality=0.5, is_alike=True),),
            "shared_sd": 0.0,
        },
    ),
    Situation(
        name="split",
        about="half of the team write one answer, half another, slightly worse",
        changes={
            "camps": (
                Camp(share=0.5, quality=0.2, is_alike=True),
                Camp(share=0.5, quality=-0.2, is_alike=True),
            ),
            "shared_sd": 0.0,
        },
    ),
    Situation(
        name="lone_right",
        about="one agent is right, the others are wrong, each in its own way",
        changes={
            "camps": (
                Camp(quality=1.5, spread=0.2),
                Camp(share=1.0, quality=-1.0),
            ),
            "shared_sd": 0.0,
        },
    ),
    Situation(
        name="confident_wrong",
        about="three in five are wrong and look better to all than the right ones",
        changes={
            "camps": (
                Camp(share=0.6, quality=-1.0, appeal=1.5, spread=0.2),
                Camp(share=1.0, quality=1.0),
            ),
            "shared_sd": 0.0,
        },
    ),
    Situation(
        name="shared_errors",
        about="judges err together: three times the usual shared error",
        changes={"judge_shared_sd": 1.5},
    ),
    Situation(
        name="duplicates",
        about="half of the team write the same text",
        changes={"camps": (Camp(share=0.5, quality=0.3, is_alike=True),)},
    ),
    Situation(
        name="straggler",
        about="one agent is five times slower",
        changes={"slow_agents": 1},
    ),
    Situation(
        name="late_best",
        about="one agent is three times slower, and 2 better",
        changes={"slow_agents": 1, "slow_factor": 3.0, "slow_bonus": 2.0},
    ),
    Situation(
        name="crash",
        about="three reviews in ten end in a failure of the agent",
        changes={"crash": 0.3},
    ),
    Situation(
        name="proposal_storm",
        about="nine reviewers in ten would rather answer anew, time and again",
        changes={"revise": 0.9, "revise_decay": 1.0},
    ),
    Situation(
        name="cycle",
        about="equal answers; voter i ranks i, i+1, … round the table",
        changes={"judging": "cyclic", "camps": _EQUALS},
    ),
    Situation(
        name="tie",
        about="equal answers; everybody puts its own first",
        changes={"judging": "own_first", "camps": _EQUALS},
    ),
    Situation(
        name="position_bias",
        about="the answer considered first looks 1.5 better than the last",
        changes={"position_bias": 1.5},
    ),
    Situation(
        name="colluders",
        about="two voters put one of theirs first and what they think best last",
        changes={"colluders": 2},
    ),
    Situation(
        name="rate_limit",
        about="20,000 tokens of uncached input a minute for the whole team",
        changes={"limit_tokens_per_min": 20_000.0},
    ),
)

SITUATIONS: dict[str, Situation] = {each.name: each for each in _ALL}


def situation(name: str) -> Situation:
    """The situation of ``name``.

    Raises:
        ConfigInvalid: There is none.
    """
    try:
        return SITUATIONS[name]
    except KeyError:
        raise ConfigInvalid(
            f"situation {name!r} is unknown; choose one of {', '.join(SITUATIONS)}"
        ) from None
