"""A session as Markdown, for a pull request, a chat or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator

from coordinator.displays.result_text import dollars
from coordinator.report.answer_markup import is_active
from coordinator.report.story import Story
from coordinator.report.verdict import cell, sentences, unfinished

_FENCE = re.compile(r"`{3,}")


def markdown(story: Story) -> str:
    """Write the document."""
    return "\n".join(_lines(story)) + "\n"


def _lines(story: Story) -> Iterator[str]:
    result = story.result
    yield f"# {_cell(story.question)[:200]}"
    yield ""
    if result is not None and result.answer:
        yield from _words(result.answer)
    else:
        yield f"No answer. {unfinished(story) if result is None else result.detail}"
        if result is not None and result.draft is not None:
            yield from ("", f"{result.draft.agent} had come so far:", "")
            yield from _words(result.draft.content)
    yield ""
    yield "## Why it won"
    yield ""
    yield from (f"- {_cell(sentence)}" for sentence in sentences(story))
    why = story.why
    if why is not None and why.ballots:
        labels = [label for label, _ in why.standings] or [why.label]
        yield ""
        names = " | ".join(_cell(story.name_of(label)) for label in labels)
        yield f"| voter | {names} | reason |"
        yield f"|---|{'---|' * len(labels)}---|"
        if why.drafts:
            drafts = {each.label: f"{each.weight:g}" for each in why.drafts}
            cells = " | ".join(drafts.get(label, "") for label in labels)
            yield f"| first answers | {cells} | each is a ballot for what it comes to |"
        for record in why.ballots:
            cells = " | ".join(cell(record.ballot, label) for label in labels)
            yield f"| {_cell(record.voter)} | {cells} | {_cell(record.reason)} |"
        for fallen in why.fallen:
            cells = " | ".join("✔" if x == fallen.label else "" for x in labels)
            yield f"| ~~{_cell(fallen.voter)}~~ | {cells} | {_cell(fallen.why)} |"
    yield ""
    yield "## The answers"
    for answer in story.answers.values():
        yield ""
        yield f"### {_cell(answer.name)} (`{answer.label}`)"
        yield ""
        yield from _fenced(answer.content)
    yield ""
    yield "## What it cost"
    yield ""
    yield "| agent | task | turns | output tokens | cost |"
    yield "|---|---|---|---|---|"
    for (agent, task), spent in story.spent.items():
        tokens = f"{spent.usage.output_tokens:,}"
        cost = dollars(spent.cost_usd)
        yield f"| {_cell(agent)} | {task} | {spent.turns} | {tokens} | {cost} |"
    yield ""
    yield f"Session {story.session}, {story.elapsed_s:.1f} s."


def _words(text: str) -> Iterator[str]:
    """An answer as its author meant it, unless a reader would run or follow it."""
    yield from _fenced(text) if is_active(text) else (text,)


def _fenced(text: str) -> Iterator[str]:
    longest = max((len(x) for x in _FENCE.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield text
    yield fence


def _cell(text: str) -> str:
    """Text for one line, and for one cell of a table."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return flat.replace("|", "\\|").replace("](", "]\\(")
