"""A team of one seed: what each agent would write, think of others, and how fast.

Every number is drawn by a hash of the seed and of what it is for, not in turn, so that
all policies meet the same team whatever they ask it for (common random numbers). What
only some policies ask for does not shift what the others get.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import exp, log2
from statistics import NormalDist
from typing import NamedTuple

import msgspec

from coordinator.comparison.assumptions import Assumptions, Camp

_INVERSE = NormalDist().inv_cdf
_STEPS = 2**53


class Written(NamedTuple):
    """An answer of the simulated team."""

    author: int
    text: str
    """The text for the machine: texts of different numbers share nothing."""
    quality: float
    appeal: float
    """How much better it looks to everybody than it is."""


class Crowd:
    """The agents 0 … size - 1 of one seed."""

    def __init__(self, seed: int, size: int, assumed: Assumptions) -> None:
        self.seed = seed
        self.size = size
        self.assumed = assumed
        self._key = seed.to_bytes(8, "big", signed=True)
        self._normals: dict[tuple[str | int, ...], float] = {}
        lots = sorted(range(size), key=lambda i: self.uniform("camp", i))
        self._camps = _seated(assumed.camps, lots)
        self.ease = assumed.shared_sd * self.normal("ease")

    def alone(self) -> Crowd:
        """Agent 0 with the same question and nobody else."""
        lone = Crowd(self.seed, 1, msgspec.structs.replace(self.assumed, slow_agents=0))
        lone._camps = {0: self._camps[0]} if 0 in self._camps else {}
        return lone

    def uniform(self, *what: str | int) -> float:
        """A number in (0, 1) for ``what``."""
        words = "\0".join(map(str, what)).encode()
        digest = blake2b(words, digest_size=8, key=self._key).digest()
        return ((int.from_bytes(digest, "big") >> 11) + 0.5) / _STEPS

    def normal(self, *what: str | int) -> float:
        """A standard normal number for ``what``."""
        value = self._normals.get(what)
        if value is None:
            value = self._normals[what] = _INVERSE(self.uniform(*what))
        return value

    def draft(self, agent: int) -> Written:
        """``agent``'s first answer."""
        bonus = self.assumed.slow_bonus if self.is_slow(agent) else 0.0
        camp = self._camps.get(agent)
        if camp is None:
            quality = self.normal("draft", agent) + bonus
            return self._written(agent, f"answer {agent}.1", quality)
        place, shape = camp
        if shape.is_alike:
            text, quality = f"answer of camp {place}", shape.quality
        else:
            text = f"answer {agent}.1"
            quality = shape.quality + shape.spread * self.normal("draft", agent)
        return self._written(agent, text, quality + bonus, shape.appeal)

    def revision(self, last: Written, best: Written, number: int) -> Written:
        """The author's revision of ``last`` after reading, ``best`` being its taste."""
        assumed, agent = self.assumed, last.author
        quality = last.quality
        quality += assumed.revision_pull * (best.quality - quality)
        quality = assumed.revision_keep * quality + assumed.revision_gain
        quality += assumed.revision_sd * self.normal("revision", agent, number)
        text = f"answer {agent}.{number}"
        return self._written(agent, text, quality, last.appeal)

    def is_right(self, quality: float) -> bool:
        """Whether an answer of ``quality`` is right."""
        return quality + self.ease >= 0

    def result(self, quality: float, *what: str | int) -> int:
        """The result of an answer: 0 where it is right, else one of the wrong results.

        A wrong one has the most tempting wrong result, or one of a few others.
        """
        if self.is_right(quality):
            return 0
        wrong = 1 + int(self.uniform("which wrong", *what) * self.assumed.wrong_kinds)
        is_tempted = self.uniform("tempted", *what) < self.assumed.wrong_shared
        return 1 if is_tempted else wrong

    def _written(
        self, agent: int, text: str, quality: float, appeal: float = 0.0
    ) -> Written:
        appeal += self.assumed.judge_shared_sd * self.normal("appeal", text)
        return Written(agent, text, quality, appeal)

    def ranked(
        self, voter: int, answers: Sequence[Written], shown: Sequence[Written]
    ) -> list[tuple[Written, float]]:
        """``answers``, in the order considered, best first with what each seems worth.

        Args:
            voter: Whose taste it is.
            answers: In the order in which the voter considers them.
            shown: The same, in the order of the texts.
        """
        assumed = self.assumed
        if assumed.judging == "cyclic":
            return _scored(answers, lambda x: -float((x.author - voter) % self.size))
        if assumed.judging == "own_first":
            return _scored(
                answers,
                lambda x: (
                    9.0 if x.author == voter else self.uniform("taste", voter, x.text)
                ),
            )
        noise = assumed.judge_own_sd
        if assumed.crowd_sd and len(answers) > 5:
            noise += assumed.crowd_sd * log2(len(answers) / 5)
        seems = [
            x.quality
            + x.appeal
            + noise * self.normal("judge", voter, x.text)
            + (assumed.own_bias if x.author == voter else 0.0)
            for x in answers
        ]
        if assumed.position_bias:
            self._lean(seems, answers, shown)
        if voter < assumed.colluders:
            seems = [
                99.0 if x.author == 0 else -s
                for x, s in zip(answers, seems, strict=True)
            ]
        by_worth = sorted(range(len(answers)), key=lambda i: -seems[i])
        return [(answers[i], seems[i]) for i in by_worth]

    def _lean(
        self,
        seems: list[float],
        answers: Sequence[Written],
        shown: Sequence[Written],
    ) -> None:
        last = max(1, len(answers) - 1)
        residue = self.assumed.position_residue
        place = {x.author: i for i, x in enumerate(shown)}
        for i, answer in enumerate(answers):
            by_list, read = 1 - i / last, 1 - place[answer.author] / last
            lean = (1 - residue) * by_list + residue * read
            seems[i] += self.assumed.position_bias * lean

    def revises(self, agent: int, revisions: int, look: int) -> bool:
        """Whether ``agent`` answers anew when it reviews for the ``look``-th time."""
        assumed = self.assumed
        chance = assumed.revise * assumed.revise_decay ** max(0, revisions - 1)
        return self.uniform("revises", agent, look) < chance

    def crashes(self, agent: int, look: int) -> bool:
        """Whether that review fails instead."""
        crash = self.assumed.crash
        return crash > 0 and self.uniform("crash", agent, look) < crash

    def length(self, tokens: int, *turn: str | int) -> float:
        """How much is written where ``tokens`` are usual."""
        return tokens * self._spread(self.assumed.length_sd, "length", *turn)

    def speed(self, agent: int, *turn: str | int) -> float:
        """Tokens ``agent`` writes a second."""
        usual = self.assumed.writes_per_s
        if self.is_slow(agent):
            usual /= self.assumed.slow_factor
        return usual * self._spread(self.assumed.speed_sd, "speed", agent, *turn)

    def is_slow(self, agent: int) -> bool:
        """Whether ``agent`` is one of the slow ones: the team's last."""
        return agent >= self.size - self.assumed.slow_agents

    def _spread(self, sd: float, *what: str | int) -> float:
        # The mean stays 1.
        return exp(sd * self.normal(*what) - sd * sd / 2)


def _scored(
    answers: Sequence[Written], worth: Callable[[Written], float]
) -> list[tuple[Written, float]]:
    pairs = [(x, worth(x)) for x in answers]
    return sorted(pairs, key=lambda pair: -pair[1])


def _seated(camps: Sequence[Camp], lots: list[int]) -> dict[int, tuple[int, Camp]]:
    """Agent → its camp's place and shape."""
    seats: dict[int, tuple[int, Camp]] = {}
    at = 0
    for place, camp in enumerate(camps, start=1):
        count = max(1, round(camp.share * len(lots)))
        for agent in lots[at : at + count]:
            seats[agent] = (place, camp)
        at += count
    return seats
