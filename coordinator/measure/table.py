"""The measured policies as text: side by side, then the numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator.comparison.confidence import Interval
from coordinator.measure.estimates import Estimates
from coordinator.measure.policies import Row

LEGEND = """\
right: share of questions that end right, ± half of a 95 % interval over questions;
gain: beyond one draft, paired; at equal tokens: beyond counting as many drafts as the
policy's tokens buy (of no more than there are), paired. Every policy saw the same
drafts and ballots; tokens and USD are a question's, last words included."""


def lines(rows: Sequence[Row], estimates: Estimates, sessions: int) -> Iterator[str]:
    """All of it, line by line."""
    questions = rows[0].questions if rows else 0
    yield f"{questions:,} questions, {sessions:,} sessions"
    yield ""
    width = max((len(row.policy) for row in rows), default=6)
    head = f"{'policy':<{width}}  {'right':>13}  {'gain':>14}  {'at equal tokens':>15}"
    yield f"{head}  {'tokens':>8}  {'USD':>8}"
    for row in rows:
        cells = (
            f"{row.policy:<{width}}",
            f"{_share(row.right):>13}",
            f"{_plus(row.gain):>14}",
            f"{_plus(row.at_equal_tokens):>15}",
            f"{row.tokens:>8,.0f}",
            f"{row.usd:>8.4f}",
        )
        yield "  ".join(cells).rstrip()
    yield ""
    yield LEGEND
    yield ""
    yield from _numbers(estimates)
    assumed = estimates.assumed()
    yield ""
    yield "For the simulator (coordinator compare):"
    yield "  " + " ".join(f"--assume {name}={value}" for name, value in assumed.items())


def _numbers(seen: Estimates) -> Iterator[str]:
    def text(value: float | None) -> str:
        return "not seen" if value is None else f"{value:.2f}"

    yield "What the simulator assumes, as these sessions have it:"
    pairs = f"of {seen.judge_pairs:,} pairs of a right and a wrong draft"
    yield f"  a judge prefers the right one       {text(seen.judge_right)}  {pairs}"
    yield f"  judges right together, one model    {text(seen.within)}"
    yield f"  judges right together, two models   {text(seen.between)}"
    turns = f"{text(seen.first_considered)}  beyond chance for the first one"
    yield f"  judgement turns with the order      {turns}"
    wrong = f"of wrong ones {text(seen.equally_wrong)}"
    yield f"  drafts with equal results           {text(seen.equal)}  {wrong}"
    wrong = f"of wrong ones {text(seen.revised_wrong)}, {seen.revisions:,} revisions"
    yield f"  revisions of right answers right    {text(seen.revised_right)}  {wrong}"
    yield f"  the presenter's loss                {text(seen.presenter_loss)}"
    tokens = " / ".join(
        "?" if value is None else f"{value:,.0f}"
        for value in (
            seen.draft_tokens,
            seen.vote_tokens,
            seen.present_tokens,
        )
    )
    yield f"  tokens: draft / vote / last words   {tokens}"


def _share(share: Interval) -> str:
    return f"{share.value:.3f} ± {(share.high - share.low) / 2:.3f}"


def _plus(gain: Interval | None) -> str:
    if gain is None:
        return ""
    return f"{gain.value:+.3f} ± {(gain.high - gain.low) / 2:.3f}"
