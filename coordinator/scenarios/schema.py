"""The form of a scenario file: a team file that also says what will come of it.

::

    # A vote is decided as soon as the rest cannot change it, and the rest is stopped.
    question: Which city is the capital of France?
    agents:
      - id: ada
        script:
          turns:
            - {when: {task: draft}, lines: [{answer: Paris, delay_s: 1}]}
            - {when: {task: review}, lines: [{vote: Paris}]}
      - …
    voting: {rule: plurality}
    final: reuse
    people:
      - {at_s: 4, say: Mind the spelling.}
    expect:
      status: answered
      winner: ada
      cancelled: {cleo: no outstanding vote can change the winner}

What a team file may say (:mod:`coordinator.team.reader`) and what a script may say
(:mod:`agents.backends.scripted.script`) means here what it means there; how a text or a
number is expected stands in :mod:`coordinator.scenarios.matchers`. Keys that make many
scenarios of one file (``extends``, ``count``, ``matrix``) are taken out by
:mod:`coordinator.scenarios.expansion` before this form is read.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from coordinator.protocol.result import Status
from coordinator.scenarios.facts import Step
from coordinator.scenarios.matchers import Bound, TextMatch
from coordinator.team.team_file_schema import TeamFile

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Unset: TypeAlias = msgspec.UnsetType
Texts: TypeAlias = str | TextMatch | tuple[str | TextMatch, ...]
"""The expectation of one text, or of each of several in their order."""


class Intervention(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One action of a person while the team works."""

    at_s: Seconds
    """Seconds since the session began."""
    say: str | msgspec.UnsetType = msgspec.UNSET
    """Told to the whole team with its next turns."""
    stop: str | msgspec.UnsetType = msgspec.UNSET
    """The agent that is taken out."""
    veto: str | msgspec.UnsetType = msgspec.UNSET
    """The answer that is ruled out: its label, ``ada.2``, or ``ada`` for her newest."""
    force_vote: str | msgspec.UnsetType = msgspec.UNSET
    """Waits no longer for drafts, or for ballots, for this reason."""
    interrupt: str | msgspec.UnsetType = msgspec.UNSET
    """Ends the session, for this reason."""
    answer: str | msgspec.UnsetType = msgspec.UNSET
    """The answer of the person ``by``, given when asked."""
    vote: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The answers that the person ``by`` prefers when asked, best first."""
    by: str | None = None
    """The agent of ``backend: human`` that answers or votes."""
    reason: str = "a person wants it"
    """Why an agent is stopped, an answer vetoed or voted for."""
    maybe: bool = False
    """Whether it is no difference if the session has ended before, or nobody asks."""


DEEDS = ("say", "stop", "veto", "force_vote", "interrupt", "answer", "vote")
"""The actions of a person."""


class PretendTool(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A tool that every agent may call, and that does nothing but answer."""

    returns: str | tuple[str, ...] = "done"
    """Its result; of several the next with each call, and then the last."""
    takes_s: Seconds | tuple[Seconds, ...] = 0.0
    """Seconds until it answers; or several, as above."""
    fails: str | tuple[str, ...] = ""
    """It fails, with these words, instead of returning; of several, where not empty."""
    maybe: bool = False
    """Whether it is no difference if nobody calls it."""


class ExpectedAgent(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How one agent fared; what is left out does not matter."""

    status: Literal["done", "cancelled", "failed", "retired"] | Unset = msgspec.UNSET
    """How it is recorded in the result."""
    error: str | TextMatch | Unset | None = msgspec.UNSET
    """Why it failed or got no more turns; ``null``: it did not."""
    turns: float | Bound | Unset = msgspec.UNSET
    """How many turns it took up."""
    calls: float | Bound | Unset = msgspec.UNSET
    """How often its model was asked, attempts that failed included."""
    tokens: float | Bound | Unset = msgspec.UNSET
    """Read and written, cancelled turns included."""
    cost_usd: float | Bound | Unset = msgspec.UNSET
    """The cost of its tokens; the price of its model must be known."""
    chunks: float | Bound | Unset = msgspec.UNSET
    """How many chunks it said."""
    text: str | TextMatch | Unset = msgspec.UNSET
    """All the text that it streamed, put together."""
    answers: float | Bound | Unset = msgspec.UNSET
    """How many answers of its count at the end."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of a session, or one of several that are allowed.

    Keys that are left out do not matter; those that are given are complete:
    ``votes``, ``answers``, ``cancelled`` and ``out`` name every agent of which there
    is one.
    """

    status: Status | Unset = msgspec.UNSET
    """How the session ends."""
    winner: str | TextMatch | Unset | None = msgspec.UNSET
    """The author of the answer that won; ``null``: nobody."""
    answer: str | TextMatch | Unset | None = msgspec.UNSET
    """The final words; ``null``: there are none."""
    detail: str | TextMatch | Unset = msgspec.UNSET
    """How the result says it was decided."""
    answers: dict[str, Texts] | Unset = msgspec.UNSET
    """Author → its answer; of each if there are several. All that counted."""
    votes: dict[str, str | None] | Unset = msgspec.UNSET
    """Voter → the author it puts first, of all ballots that count at the end."""
    cancelled: dict[str, Texts] | Unset = msgspec.UNSET
    """Agent → why a turn of it was cancelled, by the end of the session too; of each if
    there are several."""
    out: dict[str, str | TextMatch] | Unset = msgspec.UNSET
    """Agent → why it got no more turns; all that failed or were taken out."""
    turns: dict[str, float | Bound] | Unset = msgspec.UNSET
    """Agent → how many turns it took up; agents left out may take any number."""
    agents: dict[str, ExpectedAgent] | Unset = msgspec.UNSET
    """Agent → how it fared; agents left out do not matter."""
    standings: dict[str, float | Bound] | Unset = msgspec.UNSET
    """Answer → its points when the winner was decided, by its author or label; answers
    left out do not matter."""
    tokens: Bound | float | Unset = msgspec.UNSET
    """Of all agents, read and written, cancelled turns included."""
    cost_usd: Bound | float | Unset = msgspec.UNSET
    """Of all agents; the prices of their models must be known."""
    elapsed_s: Bound | float | Unset = msgspec.UNSET
    """To the millisecond; not asked over HTTP, where time is real."""
    happens: tuple[Step, ...] | Unset = msgspec.UNSET
    """Each of these happens, in any order: once or more, or as often as ``times``."""
    order: tuple[Step, ...] | Unset = msgspec.UNSET
    """These happen in this order; others may happen in between."""
    never: tuple[Step, ...] | Unset = msgspec.UNSET
    """Nothing of this happens."""


class Expected(Outcome, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome: of all that is said here, and of one of ``any_of``."""

    status: Status  # pyright: ignore[reportGeneralTypeIssues]  (required, unlike above)
    """How the session ends."""
    any_of: tuple[Outcome, ...] | Unset = msgspec.UNSET
    """One of these comes true, whole, beside the rest."""


class ScenarioFile(TeamFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario file. Its first line is a comment: the sentence that it proves."""

    expect: Expected
    """The expected outcome."""
    tools: dict[str, PretendTool] = msgspec.field(
        default_factory=dict[str, PretendTool]
    )
    """Pretended tools by name, which every agent may call."""
    people: tuple[Intervention, ...] = ()
    """Actions of people while the team works."""
    faults: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Agent or tool → what goes wrong around it: fails every third, slow 2 s, stalls,
    floods, cut; several with commas between."""
    judge: str | None = None
    """A function of yours as ``module:function`` that is given the report and says what
    is wrong: nothing, a text, or several; an exception is a difference too."""
    schedules: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    """In so many orders of what is ready together it is played on trio; the outcome
    must be the same in each."""
