"""Assumptions of the comparison on agents, prices and clocks.

Everything that could be believed otherwise is one field of :class:`Assumptions`, with
its default's reason or source beneath it, and can be changed from the command line.
The assumptions were fixed on seeds below 1,000, the settings of the default policy on
seeds from 1,000,000 to 1,000,999. Tables to be published use seeds from
:data:`FIRST_TEST_SEED` on, which were looked at for them alone.

Quality is counted in standard deviations of one agent's first answers to one question,
0 being its average. An answer is *right* if its quality plus the ease of the question
is at least 0, so that one agent alone is right half of the time.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from coordinator.errors import ConfigInvalid

FIRST_TEST_SEED = 3_000_000
"""Nothing was tuned on this seed or a later one."""


class Camp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Agents whose first answers have something in common."""

    share: float = 0.0
    """Of the team, 0…1; at least one agent."""
    quality: float = 0.0
    """Takes the place of the average."""
    spread: float = 0.3
    """Standard deviation around it; nothing if ``is_alike``."""
    appeal: float = 0.0
    """How much better it looks to every judge than it is."""
    is_alike: bool = False
    """All of the camp write the same text."""


class Assumptions(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How simulated agents answer, judge and revise; what that takes and costs."""

    shared_sd: float = 1.22
    """Ease of the question, the same for the whole team: 1.22² / (1.22² + 1) = 60 % of
    the variance, as models share 60 % of their errors (arXiv 2506.07962)."""
    camps: tuple[Camp, ...] = ()
    """The first takes the first agents by lot, and so on; the rest are plain."""

    judge_shared_sd: float = 1.203
    """Error about an answer that all judges share. With the next, of recorded judges:
    that two prompts of one model are right together correlates at 0.67 (LLMBar, GPT-4,
    2026-11-30); see :mod:`coordinator.comparison.judges`."""
    judge_own_sd: float = 0.493
    """Error of one judge about one answer. With the above one judge is right of two
    answers as often as before that was measured (71 %), when 0.5 and 1.2 were assumed,
    and judges erred almost independently: ``--judges independent``."""
    own_bias: float = 0.5
    """How much better one's own answer looks. Assumed; judges are known to prefer
    their own words."""
    crowd_sd: float = 0.0
    """Added to ``judge_own_sd`` for each doubling of the answers read beyond 5. Zero is
    the assumption kindest to policies that show everybody everything."""
    position_bias: float = 0.0
    """How much better the answer considered first looks than the one considered last,
    the others in between."""
    position_residue: float = 0.5
    """Share of that bias that follows the order of the texts, the same for all voters,
    whatever order they are told to consider them in. Assumed."""
    judging: Literal["noisy", "cyclic", "own_first"] = "noisy"
    """``cyclic``: voter i ranks i, i+1, …; ``own_first``: its own, then by lot."""
    colluders: int = 0
    """Voters who put the first colluder's answer first and what they think best last.
    """

    revise: float = 0.45
    """Chance that a reviewer answers anew rather than votes, each time it is asked. At
    0.45 MassGen's rules send 7 agents back 19 or 20 times, first answers counted; its
    users report 17 (#891)."""
    revise_decay: float = 0.8
    """That chance is multiplied by this for each revision already made. Assumed."""
    revision_gain: float = 0.0
    """Quality a revision adds. Debate does not change how many are right on average
    (arXiv 2508.17536); 0.3 is used where it helps, -0.3 where it hurts."""
    revision_keep: float = 0.87
    """Share of its author's last quality that a revision keeps, good or bad: right
    answers flip to wrong as well (arXiv 2509.05396)."""
    revision_sd: float = 0.5
    """Standard deviation of what is new in a revision. 0.87² + 0.5² = 1: without gain,
    revisions are as good and as varied as first answers. No source gives this number,
    and the verdict on open-ended revision turns on it: at 1 (``restless``, the first
    choice, given up on seeds below 1,000 because restlessness then looks like progress)
    MassGen's restarts give better answers than ``slate``."""
    revision_pull: float = 0.0
    """Share of the way from its own quality to that of the answer it thinks best that
    a reviser goes first. Assumed 0, as debate helps nobody on average."""

    countable: bool = False
    """Whether answers come to a result that can be compared, as numbers and choices do;
    then equal ones are counted by policies that count."""
    wrong_kinds: int = 5
    """Different wrong results there are. Assumed."""
    wrong_shared: float = 0.6
    """Chance that a wrong sample has the most tempting of them (arXiv 2506.07962)."""

    preamble_tokens: int = 1500
    """System prompt and tools."""
    question_tokens: int = 500
    ask_tokens: int = 200
    """Tokens at a prompt's end that are for this agent alone."""
    draft_tokens: int = 2500
    """Output of a first answer or a revision, thinking included."""
    answer_tokens: int = 1000
    """The part of it that others read."""
    vote_tokens: int = 600
    ballot_tokens: int = 150
    """The part of a vote that stays in its voter's conversation, or a presenter reads.
    """
    present_tokens: int = 1200
    length_sd: float = 0.35
    """Of the logarithm of any output's length. Assumed."""
    calls: int = 1
    """Model calls a turn; each of them but the first follows a tool's result, reads the
    whole prompt again, and is a boundary at which news can be told."""

    first_token_s: float = 1.0
    """From a request to its first token, without what reading takes. Assumed."""
    reads_per_s: float = 8000.0
    """Prompt tokens read a second; cached ones take a tenth. Assumed."""
    writes_per_s: float = 60.0
    """Tokens written a second. Assumed."""
    speed_sd: float = 0.25
    """Of the logarithm of a turn's speed. Assumed."""
    slow_agents: int = 0
    slow_factor: float = 5.0
    """How much slower those are."""
    slow_bonus: float = 0.0
    """How much better their first answers are."""
    crash: float = 0.0
    """Chance that an agent fails while it votes."""
    limit_tokens_per_min: float | None = None
    """Uncached input the team may send a minute; requests wait their turn."""

    cache: bool = True
    """Whether prompts are cached, for all policies alike. An entry can be read once the
    response that wrote it has begun, and lives 5 minutes (docs.claude.com, prompt
    caching, read 2026-11-22)."""
    prefix_wait_s: float = 0.0
    """A request whose prompt begins like one just sent waits so long at most until that
    one's entry can be read; 0: all are sent at once, as the shell does today."""
    input_usd: float = 2.0
    """A million tokens of input at Claude Sonnet 5.5's price of 2026-11-22."""
    output_usd: float = 10.0
    cache_read_share: float = 0.1
    cache_write_share: float = 1.25


def assumptions(base: Assumptions | None = None, /, **changes: object) -> Assumptions:
    """``base``, or the defaults, with ``changes``; strings are read as numbers.

    Raises:
        ConfigInvalid: There is no such assumption, or it cannot have that value.
    """
    base = base or Assumptions()
    values = {name: getattr(base, name) for name in base.__struct_fields__}
    unknown = [name for name in changes if name not in values]
    if unknown:
        raise ConfigInvalid(
            f"assumption {unknown[0]!r} is unknown; choose one of {', '.join(values)}"
        )
    try:
        return msgspec.convert(
            {**values, **changes}, Assumptions, strict=False, from_attributes=True
        )
    except msgspec.ValidationError as exc:
        raise ConfigInvalid(f"assumptions: {exc}") from exc
