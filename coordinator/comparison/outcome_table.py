"""Replays of recorded outcomes as a table, with what they say in one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator.comparison.confidence import Interval
from coordinator.comparison.outcome_replay import Row

LEGEND = """\
right: share that ends right, ± half of a 95 % confidence interval over problems (of one
model each), pairs or tasks. gain: beyond the first line of the same data, paired.
tokens: output tokens a problem, beside those of the most drafts. Recorded answers,
verdicts and programs of real models; no key, no network, nothing simulated."""


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table, line by line."""
    width = max(len(row.policy) for row in rows)
    data = ""
    for row in rows:
        if row.data != data:
            data = row.data
            yield ""
            yield f"{data} ({row.units:,})"
            yield f"  {'policy':<{width}}  {'right':>13}  {'gain':>13}  tokens  drafts"
        most = max((x.tokens or 0.0) for x in rows if x.data == data)
        tokens = f"{row.tokens / most:6.2f}" if row.tokens and most else f"{'':>6}"
        drafts = f"{row.drafts:6.1f}" if row.drafts else ""
        gain = "" if row.gain is None else _plus(row.gain)
        line = f"  {row.policy:<{width}}  {_share(row.right):>13}  {gain:>13}  {tokens}"
        yield f"{line}  {drafts}".rstrip()
    yield ""
    yield LEGEND


def _share(share: Interval) -> str:
    return f"{share.value:.3f} ± {(share.high - share.low) / 2:.3f}"


def _plus(gain: Interval) -> str:
    return f"{gain.value:+.3f} ± {(gain.high - gain.low) / 2:.3f}"
