"""The timeline of a session as inline SVG: a row an agent, with a title for each part.

Presentation attributes and classes only, no inline style, so that a strict
content-security policy lets it through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from coordinator.report.story import Span, Story

WIDTH, LEFT, ROW, TOP = 1000, 140, 34, 26
_TASKS = {"draft": "draft", "review": "review", "present": "present"}


def timeline(story: Story) -> str:
    """Draw it."""
    agents = list(story.models)
    height = TOP + ROW * len(agents) + 8
    total = max(story.elapsed_s, 0.001)
    words = (
        f"Timeline of {len(agents)} agents over {total:.1f} seconds; the table below "
        "says the same."
    )
    body = "".join(_parts(story, agents, total, height))
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="tl-title tl-desc"><title id="tl-title">Timeline</title>'
        f'<desc id="tl-desc">{escape(words)}</desc>{body}</svg>'
    )


def _parts(
    story: Story, agents: Sequence[str], total: float, height: int
) -> Iterator[str]:
    rows = {agent: TOP + ROW * number for number, agent in enumerate(agents)}

    def x(at: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 10) * min(max(at, 0.0), total) / total, 1)

    for at in _ticks(total):
        yield (
            f'<line class="grid" x1="{x(at)}" x2="{x(at)}" y1="{TOP - 6}" '
            f'y2="{height - 6}"/><text class="axis" x="{x(at)}" y="14">{at:g} s</text>'
        )
    for agent, y in rows.items():
        yield f'<text class="who" x="4" y="{y + 18}">{escape(_short(agent))}</text>'
    for span in story.turns:
        if span.agent in rows:
            yield _bar(span, x, rows[span.agent] + 4, 18, _class_of(span))
    for span in story.waits:
        if span.agent in rows:
            yield _bar(span, x, rows[span.agent] + 22, 3, "wait")
    for span in story.tools:
        if span.agent in rows:
            kind = "tool bad" if span.outcome == "error" else "tool"
            yield _bar(span, x, rows[span.agent] + 22, 5, kind)
    for moment in story.moments:
        at = x(moment.at)
        title = f"<title>{moment.at:.2f} s: {escape(moment.text)}</title>"
        if moment.agent is None:
            yield (
                f'<line class="void" x1="{at}" x2="{at}" y1="{TOP}" '
                f'y2="{height - 8}">{title}</line>'
            )
        elif moment.agent in rows:
            y = rows[moment.agent] + 13
            mark = {"answer": "◆", "vote": "✔"}.get(moment.what, "✕")
            yield (
                f'<text class="mark {moment.what}" x="{at}" y="{y + 5}">{mark}{title}'
                "</text>"
            )


def _bar(
    span: Span, x: Callable[[float], float], y: float, height: float, kind: str
) -> str:
    begin, end = x(span.began), x(span.ended)
    words = f"{span.agent}: {span.what}, {span.began:.2f} to {span.ended:.2f} s"
    more = ", ".join(part for part in (span.outcome, span.detail[:300]) if part)
    return (
        f'<rect class="{kind}" x="{begin}" y="{y}" width="{max(end - begin, 1):.1f}" '
        f'height="{height}" rx="2"><title>{escape(words)}'
        f"{escape(f' ({more})' if more else '')}</title></rect>"
    )


def _class_of(span: Span) -> str:
    kind = _TASKS.get(span.what, "draft")
    stopped = span.outcome in {"cancelled", "failed", "cut off", "silent", "refused"}
    return f"turn {kind} stopped" if stopped else f"turn {kind}"


def _short(text: str) -> str:
    return text if len(text) <= 16 else f"{text[:15]}…"


def _ticks(total: float) -> list[float]:
    step = 10 ** math.floor(math.log10(total / 4)) if total > 0 else 1.0
    for factor in (1, 2, 5, 10):
        if total / (step * factor) <= 8:
            step *= factor
            break
    return [round(step * n, 6) for n in range(int(total / step) + 1)]
