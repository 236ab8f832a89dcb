"""A generated session, played the same under both orchestrators. Imports nothing.

A script is a seed. Whenever nothing moves any more, every agent that is asked something
waits with what it is offered; the script chooses one of them and what it says. So both
sides see the same words in the same order as long as their rules agree, and the first
step at which they offer different things is where they differ.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Offer:
    """The moves that a waiting agent has."""

    may_answer: bool
    ballot: list[str]
    """Agents it may vote for; none: it may not vote."""
    is_final: bool = False
    """It presents the final answer."""
    may_restart: bool = False
    """It may ask for another round instead."""

    def plain(self) -> list[object]:
        made: list[object] = [self.may_answer, sorted(self.ballot), self.is_final]
        return [*made, True] if self.may_restart else made


@dataclass
class Setting:
    """Rules that a script is played under, in MassGen's words."""

    max_new_answers_per_agent: int | None
    fairness_lead_cap_answers: int
    answer_novelty_requirement: str
    defer_voting_until_all_answered: bool
    final_answer_strategy: str
    max_orchestration_restarts: int = 0


RESTARTS_FROM = 250
"""Scripts of this seed and above may ask for another round at the end."""
MIXED_FROM = 450
"""Of those of this seed and above some may, and some are made into one without a vote:
``synthesize`` where every agent has one answer."""


@dataclass
class Script:
    """One seed's session."""

    seed: int
    agents: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  (a script)
        count = self._random.choice((2, 2, 3, 3, 4))
        names = ["zoe", "amy", "kim", "bob"][:count]
        self._random.shuffle(names)
        self.agents = names
        self._answers = 0
        self.trace: list[dict[str, object]] = []
        self.setting = Setting(
            max_new_answers_per_agent=self._random.choice((1, 2, 3)),
            fairness_lead_cap_answers=self._random.choice((1, 2, 2)),
            answer_novelty_requirement=self._random.choice(
                ("lenient", "lenient", "balanced", "strict")
            ),
            defer_voting_until_all_answered=False,
            final_answer_strategy=self._random.choice(
                ("winner_present", "winner_present", "winner_reuse", "synthesize")
            ),
        )
        if self.setting.max_new_answers_per_agent == 1:
            # Elsewhere it holds back only who has no answer left.
            is_synthesis = self.setting.final_answer_strategy == "synthesize"
            if is_synthesis and self.seed < MIXED_FROM:
                self.setting.final_answer_strategy = "winner_present"
            is_later = self._random.random() < 0.3
            self.setting.defer_voting_until_all_answered = is_later
        if self.seed >= RESTARTS_FROM:
            often = (0, 1, 2) if self.seed >= MIXED_FROM else (1, 1, 2)
            self.setting.max_orchestration_restarts = self._random.choice(often)
        self._wild = self._random.random() < 0.5
        """Whether agents misbehave now and then."""

    def step(self, waiting: dict[str, Offer]) -> tuple[str, str, str]:
        """The agent that acts, its deed, and its words.

        It answers, votes, says text alone (``text``), votes for nobody (``bad_vote``),
        or asks for another round (``restart``).
        """
        rng = self._random
        agent = rng.choice(sorted(waiting))
        offer = waiting[agent]
        roll, lot = rng.random(), rng.random()
        if offer.may_restart and roll < 0.6:
            deed, word = "restart", "It is not good enough."
        elif offer.is_final:
            deed, word = "text", "Here is the final answer."
        elif self._wild and roll < 0.08:
            deed, word = "text", "I think about it aloud."
        elif self._wild and roll < 0.13 and offer.ballot:
            deed, word = "bad_vote", "nobody"
        elif offer.may_answer and (not offer.ballot or roll > 0.62):
            self._answers += 1
            deed, word = "answer", self._words(lot)
        elif offer.ballot:
            ballot = sorted(offer.ballot)
            deed, word = "vote", ballot[int(lot * len(ballot))]
        else:
            deed, word = "text", "There is nothing that I may do."
        self.trace.append(
            {
                "waiting": {name: waiting[name].plain() for name in sorted(waiting)},
                "deed": [agent, deed, word],
            }
        )
        return agent, deed, word

    def _words(self, lot: float) -> str:
        """Words of an answer; now and then much like those of the one before."""
        number = self._answers
        own = [f"w{number}x{n}" for n in range(8)]
        if self._wild and number > 1 and lot < 0.25:
            before = [f"w{number - 1}x{n}" for n in range(8)]
            own = before[: 8 - int(lot * 16)] + own[: int(lot * 16)]
        return " ".join(own)
