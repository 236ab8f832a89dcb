"""A session as one self-contained HTML file: no network, light and dark, printable.

Everything a model said is escaped; the page's own script and style are allowed by their
hashes and nothing else is. Chunks travel compressed and are drawn a screen at a time,
so that a hundred thousand of them open at once.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import msgspec

from agents.protocol.chunks import Label
from coordinator.ballots import best_of
from coordinator.displays.narration import last_line
from coordinator.displays.result_text import dollars
from coordinator.protocol.explanation import BallotRecord, Explanation
from coordinator.protocol.result import Result
from coordinator.report.answer_markup import answer_html
from coordinator.report.story import Story, StoryAnswer
from coordinator.report.timeline import timeline
from coordinator.report.verdict import by_choice, cell, sentences, unfinished
from coordinator.report.word_diff import word_diff

DUELLING = ("copeland", "schulze", "ranked_pairs")
"""The rules that compare answers in pairs."""
_HERE = Path(__file__).parent
MARKED_UP_CHARACTERS = 200_000
"""Of all answers together; the rest is shown as written: to read it takes 8 s/MB."""


def page(story: Story) -> str:
    """Write the page."""
    style = (_HERE / "page.css").read_text("utf-8")
    script = (_HERE / "page.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_sha256(style)}'; "
        f"script-src 'sha256-{_sha256(script)}'; base-uri 'none'; form-action 'none'"
    )
    title = escape(_line(story.question, 80))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{title}</title><style>{style}</style></head><body>"
        f"{''.join(_body(story))}"
        f"<script>{script}</script></body></html>\n"
    )


def pictures(story: Story) -> str:
    """The report's sections without its frame and chunks, for a page that has both.

    First comes the answer, hidden, for the place where that page shows it.
    """
    result = story.result
    answer = _shown(result.answer) if result is not None and result.answer else ""
    parts = [_times(story), _answers(story), _costs(story)]
    if not (story.is_running and story.why is None):
        parts.insert(0, _why(story))
    below = "".join(piece for part in parts for piece in part)
    ended = " data-ended" if result is not None else ""
    return f'<div id="written" hidden{ended}>{answer}</div>{below}'


def _shown(answer: str) -> str:
    """The session's answer, whose headings stand right below the page's own."""
    return answer_html(answer, level=2)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _line(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _body(story: Story) -> Iterator[str]:
    yield from _head(story)
    yield "<main>"
    yield from _why(story)
    yield from _times(story)
    yield from _answers(story)
    yield from _costs(story)
    yield from _chunks(story)
    yield "</main>"


def _head(story: Story) -> Iterator[str]:
    result = story.result
    status = result.status if result else ("running" if story.is_running else "cut off")
    facts = [
        status,
        f"{len(story.models)} agents",
        f"policy {story.policy}",
        f"rule {story.rule.replace('_', ' ')}",
        f"{story.elapsed_s:.1f} s",
    ]
    if result is not None:
        facts.append(f"{result.usage.total_tokens:,} tokens")
        facts.append(dollars(result.cost_usd))
    facts += [f"{story.started:%Y-%m-%d %H:%M} UTC", f"session {story.session}"]
    is_long = len(story.question) > 300 or story.question.count("\n") > 3
    yield f"<header><h1>{escape(_line(story.question, 300))}</h1>"
    if is_long:
        yield (
            "<details><summary>the whole question</summary>"
            f"<pre>{escape(story.question)}</pre></details>"
        )
    yield f'<p class="facts">{escape(" · ".join(facts))}</p></header>'
    answer = result.answer if result and result.answer else ""
    if answer:
        yield f'<section aria-label="answer"><div class="answer">{_shown(answer)}</div>'
        value = "" if result is None or result.value is None else result.value
        if value != "":
            pretty = msgspec.json.format(msgspec.json.encode(value)).decode()
            yield f"<pre>{escape(pretty)}</pre>"
        yield f'<p class="soft">{escape(_author(story))}</p></section>'
    else:
        detail = result.detail if result else unfinished(story)
        yield f"<p>No answer: {escape(detail)}</p>"
        if result is not None and result.draft is not None:
            yield f'<p class="soft">{escape(result.draft.agent)} had come so far:</p>'
            yield f'<div class="answer">{_shown(result.draft.content)}</div>'


def _author(story: Story) -> str:
    """The author of the final words, and how they were made."""
    winner = story.result.winner if story.result else None
    if winner is None:
        return ""
    model = story.models.get(winner, "")
    way = "presented" if story.presented else "written"
    return f"{way} by {winner}{f' ({model})' if model else ''}"


def _rubric(story: Story, why: Explanation) -> Iterator[str]:
    """The table of points by answer and criterion, from others than the author."""
    labels = [label for label, _ in why.standings]
    rows = (
        [
            escape(each.criterion),
            f"{each.weight:g}",
            *(
                f"{dict(each.points)[label]:.1f}" if label in dict(each.points) else "—"
                for label in labels
            ),
        ]
        for each in why.rubric
    )
    yield "<h3>Points by criterion, given by others than the author</h3>"
    names = (story.name_of(label) for label in labels)
    yield _table("rubric", ("criterion", "weight", *names), rows)


def _checks(story: Story, why: Explanation) -> Iterator[str]:
    """The table of check results by answer."""
    names = [each.check for each in why.checks[0].results]
    rows = (
        [
            _named(story, each.label),
            f"{each.passed:g} of {each.of:g}",
            *(
                escape(f"{x.outcome}: {last_line(x.detail)}")
                if x.outcome != "passed" and x.detail
                else escape(x.outcome)
                for x in each.results
            ),
        ]
        for each in why.checks
    )
    yield "<h3>Checks of the answers</h3>"
    yield _table("checks", ("answer", "passes", *names), rows)


def _why(story: Story) -> Iterator[str]:
    yield '<section><h2>Why it won</h2><ul class="verdict">'
    for sentence in sentences(story):
        yield f"<li>{escape(sentence)}</li>"
    yield "</ul>"
    why = story.why
    if why is None:
        yield "</section>"
        return
    if why.drafts:
        rows = (
            [
                _named(story, each.label),
                escape(each.result or "—"),
                f"{each.weight:g}",
                ", ".join(_named(story, label) for label in each.labels),
            ]
            for each in why.drafts
        )
        yield "<h3>First answers, counted by result</h3>"
        yield _table(
            "counted drafts", ("answer", "result", "weight", "first answers"), rows
        )
    if why.checks:
        yield from _checks(story, why)
    if why.rubric:
        yield from _rubric(story, why)
    if why.ballots:
        yield '<p class="screen"><label><input type="checkbox" id="names"> show what '
        yield 'voters saw: anonymous labels</label> <span id="said" class="soft" '
        yield 'role="status"></span></p>'
        yield from _matrix(story)
    else:
        yield '<p hidden><input type="checkbox" id="names"><span id="said"></span></p>'
    if why.steps:
        yield "<h3>How it was counted</h3>"
        for step in why.steps:
            rows = (
                [_named(story, label), f"{points:g}"] for label, points in step.points
            )
            yield _table(f"count: {step.title}", ("answer", step.title), rows)
            notes = [f"{step.bar:g} needed to win"] if step.bar is not None else []
            if step.dropped:
                notes.append(f"{story.name_of(step.dropped)} goes out")
            if notes:
                yield f'<p class="soft">{escape("; ".join(notes))}</p>'
    if why.duels and why.rule in DUELLING:
        rows = (
            [
                _named(story, each.one),
                f"{each.margin:g}" if each.margin else "level",
                _named(story, each.other),
            ]
            for each in why.duels
        )
        yield "<h3>In pairs</h3>"
        yield _table("pairs", ("is preferred", "on so many more ballots", "to"), rows)
    if why.others:
        yield "<h3>Under other rules</h3>"
        rows = (
            [_named(story, label), escape(", ".join(rules))]
            for label, rules in by_choice(why).items()
        )
        yield _table("other rules", ("chosen", "by these rules"), rows)
    if why.dissent:
        yield "<h3>Who preferred another answer</h3><ul>"
        for record in why.dissent:
            yield f"<li>{_dissent(story, record)}</li>"
        yield "</ul>"
    yield "</section>"


def _dissent(story: Story, record: BallotRecord) -> str:
    best = best_of(record.ballot)
    put_first = f" put {_named(story, best)} first" if best is not None else ""
    reason = f": {escape(record.reason)}" if record.reason else ""
    return f"{escape(record.voter)}{put_first}{reason}"


def _matrix(story: Story) -> Iterator[str]:
    """Voters beside answers: ranks or points, what was seen, and fallen ballots."""
    why = story.why
    assert why is not None
    labels = [label for label, _ in why.standings] or [why.label]
    head = "".join(
        f'<th scope="col"{" class=won" if x == why.label else ""}>'
        f"{_named(story, x)}</th>"
        for x in labels
    )
    yield "<h3>Who voted for what</h3>"
    yield '<div class="wide" tabindex="0" role="region" aria-label="votes"><table>'
    yield f'<thead><tr><th scope="col">voter</th>{head}'
    yield '<th scope="col" class="words">reason</th></tr></thead><tbody>'
    if why.drafts:
        drafts = {each.label: each.weight for each in why.drafts}
        own = "".join(f"<td>{drafts.get(x, 0):g}</td>" for x in labels)
        yield f'<tr><th scope="row">first answers</th>{own}<td>each is a ballot for '
        yield "what it comes to</td></tr>"
    for record in why.ballots:
        yield _ballot_row(record, labels, story)
    points = dict(why.standings)
    if why.rule:
        sums = "".join(f"<td>{points.get(x, 0):g}</td>" for x in labels)
        rule = escape(why.rule.replace("_", " "))
        yield f'<tr class="won"><th scope="row">{rule}, in all</th>{sums}<td></td></tr>'
    for fallen in why.fallen:
        cells = "".join(f"<td>{'✔' if x == fallen.label else ''}</td>" for x in labels)
        yield (
            f'<tr class="fallen"><th scope="row">{escape(fallen.voter)}</th>{cells}'
            f"<td>{escape(fallen.why)}</td></tr>"
        )
    yield "</tbody></table></div>"


def _ballot_row(record: BallotRecord, labels: list[Label], story: Story) -> str:
    cells: list[str] = []
    for label in labels:
        text = cell(record.ballot, label)
        unseen = "" if not record.seen or label in record.seen else " (not seen)"
        is_won = story.why is not None and label == story.why.label
        cells.append(f"<td{' class=won' if is_won else ''}>{text}{unseen}</td>")
    weight = "" if record.weight == 1 else f" (weight {record.weight:g})"
    return (
        f'<tr><th scope="row">{escape(record.voter)}{weight}</th>{"".join(cells)}'
        f"<td>{escape(record.reason)}</td></tr>"
    )


def _named(story: Story, label: Label | None) -> str:
    """An answer's name, which the page can exchange for its anonymous label."""
    name = escape(story.name_of(label))
    if label is None:
        return name
    return f'<span data-label="{escape(label)}">{name}</span>'


def _table(name: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; no two of one name on a page."""
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{each}</td>' for each in row)}</tr>" for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _times(story: Story) -> Iterator[str]:
    yield "<section><h2>What happened when</h2>"
    yield '<div class="wide" tabindex="0" role="region" aria-label="timeline">'
    yield f"{timeline(story)}</div>"
    yield (
        '<p class="soft">Blue: drafting; amber: reading and voting; green: presenting; '
        "grey: stopped. ◆ an answer, ✔ a vote, ✕ out; a dashed line: votes fell. "
        "Below a turn: tools, and waits in a lighter grey.</p>"
        "<details><summary>as a table</summary>"
    )
    spans = sorted((*story.turns, *story.tools, *story.waits), key=lambda x: x.began)
    rows = (
        [
            escape(span.agent),
            escape(span.what),
            f"{span.began:.2f}",
            f"{span.ended:.2f}",
            escape(span.outcome),
            escape(_line(span.detail, 200)),
        ]
        for span in spans
    )
    head = ("agent", "what", "from s", "to s", "outcome", "detail")
    yield _table("spans", head, rows)
    yield "</details></section>"


def _answers(story: Story) -> Iterator[str]:
    if not story.answers:
        return
    yield '<section><h2>The answers</h2><div class="cards">'
    room = MARKED_UP_CHARACTERS
    won = story.why.label if story.why is not None else None
    for answer in sorted(story.answers.values(), key=lambda x: x.label != won):
        room -= len(answer.content)
        is_won = answer.label == won
        yield from _card(story, answer, is_won=is_won, is_marked_up=is_won or room > 0)
    yield "</div>"
    final = story.result.answer if story.result else None
    why = story.why
    if final and why is not None and why.label in story.answers:
        first = story.answers[why.label].content
        if final != first:
            yield "<details><summary>what the winner changed in presenting</summary>"
            yield f"{_diff(first, final)}</details>"
    yield "</section>"


def _card(
    story: Story, answer: StoryAnswer, *, is_won: bool, is_marked_up: bool
) -> Iterator[str]:
    yield f'<article class="card{" won" if is_won else ""}">'
    yield f"<h3>{_named(story, answer.label)}{' ★' if is_won else ''}</h3>"
    model = story.models.get(answer.agent, "")
    yield f'<p class="soft">{escape(model)} · after {answer.at:.1f} s</p>'
    if is_marked_up:
        yield answer_html(answer.content, level=4)
    else:
        yield f"<pre>{escape(answer.content)}</pre>"
    if answer.value:
        yield f"<details><summary>value</summary><pre>{escape(answer.value)}</pre>"
        yield "</details>"
    before = story.answers.get(answer.before) if answer.before else None
    if before is not None:
        yield f"<details><summary>against {escape(before.name)}</summary>"
        yield f"{_diff(before.content, answer.content)}</details>"
    yield "</article>"


def _diff(old: str, new: str) -> str:
    marks = {"same": "{}", "gone": "<del>{}</del>", "new": "<ins>{}</ins>"}
    pieces = (marks[p.change].format(escape(p.text)) for p in word_diff(old, new))
    return f"<pre>{''.join(pieces)}</pre>"


def _costs(story: Story) -> Iterator[str]:
    yield "<section><h2>What it cost</h2>"
    rows = (
        [
            escape(agent),
            escape(task),
            str(spent.turns),
            f"{spent.usage.prompt_tokens:,}",
            f"{spent.usage.cache_read_input_tokens or 0:,}",
            f"{spent.usage.output_tokens:,}",
            dollars(spent.cost_usd),
        ]
        for (agent, task), spent in story.spent.items()
    )
    head = ("agent", "task", "turns", "input", "of it cached", "output", "cost")
    result = story.result
    total = [] if result is None else [_total(story, result)]
    yield _table("costs", head, [*rows, *total])
    yield "</section>"


def _total(story: Story, result: Result) -> list[str]:
    usage = result.usage
    counts = (
        sum(spent.turns for spent in story.spent.values()),
        usage.prompt_tokens,
        usage.cache_read_input_tokens or 0,
        usage.output_tokens,
    )
    cells = (f"<b>{count:,}</b>" for count in counts)
    return ["<b>all</b>", "", *cells, f"<b>{dollars(result.cost_usd)}</b>"]


def _chunks(story: Story) -> Iterator[str]:
    agents = list(dict.fromkeys(agent for _, agent, _, _ in story.chunks))
    kinds = list(dict.fromkeys(kind for _, _, kind, _ in story.chunks))
    data = {
        "agents": agents,
        "kinds": kinds,
        "at": [at for at, _, _, _ in story.chunks],
        "agent": [agents.index(agent) for _, agent, _, _ in story.chunks],
        "kind": [kinds.index(kind) for _, _, kind, _ in story.chunks],
        "text": [text for _, _, _, text in story.chunks],
    }
    packed = base64.b64encode(gzip.compress(msgspec.json.encode(data), mtime=0))
    yield (
        '<section class="screen"><h2>Everything that was said</h2><div class="tools">'
        '<label>agent <select id="agent"><option value="">all</option></select></label>'
        '<label>kind <select id="kind"><option value="">all</option></select></label>'
        '<label>find <input id="find" type="search"></label>'
        '<span id="count" role="status"></span></div>'
        '<div id="log" tabindex="0" role="listbox" aria-label="chunks">'
        '<svg id="space" width="1" height="1" aria-hidden="true"></svg></div>'
        "<h3>The line that is chosen above, whole</h3>"
        '<pre id="full" class="soft" tabindex="0" aria-live="polite">choose a line: '
        "click it, or use the arrow keys</pre></section>"
        '<script type="application/octet-stream" id="chunks">'
        f"{packed.decode()}</script>"
    )
