"""Puts a result into words, for the displays that end with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec

from agents.protocol.attachments import size
from agents.protocol.chunks import AgentId, Label
from coordinator.displays.narration import as_people_say
from coordinator.displays.sanitizer import clean, one_line
from coordinator.displays.view import View
from coordinator.protocol.result import CacheRecord, FileRecord, Result

_HEADLINES = {
    "answered": "answered",
    "deadline": "out of time",
    "failed": "no answer",
    "interrupted": "interrupted",
}
_FATES = {
    "done": "done",
    "cancelled": "stopped",
    "failed": "failed",
    "retired": "out",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One agent's place in the result."""

    agent: AgentId
    label: Label | None
    """Of its last answer."""
    votes: int
    """Live ballots whose best answer is this one."""
    points: float | None
    """By the voting rule's own measure; ``None`` where it was not on the ballot, and
    where the measure is the votes."""
    voted: str
    """For whom, and why; empty where it did not vote."""
    reason: str
    """Why it voted so; empty where it did not say."""
    fate: str
    """The agent's fate; empty for one that simply did its part."""


def question_line(question: str, width: int) -> str:
    """A question in one line: its first, and how many more it has."""
    lines = clean(question).strip().splitlines() or [""]
    more = f" … ({len(lines):,} lines)" if len(lines) > 1 else ""
    return one_line(lines[0], max(8, width - len(more))) + more


def headline(result: Result) -> str:
    """Say in one line how the session ended."""
    words = _HEADLINES[result.status]
    if result.winner is not None:
        words = f"{result.winner} wins"
        if result.status != "answered":
            words = f"{_HEADLINES[result.status]}; best so far is {result.winner}'s"
    return f"{words} ({one_line(result.detail, 200)})" if result.detail else words


def standings(result: Result, view: View) -> list[Standing]:
    """Rank the agents: by the rule, then by votes, then in the order of the team."""
    latest = {answer.agent: answer.label for answer in result.answers}
    points = dict(view.decided.standings) if view.decided is not None else {}
    votes = Counter(vote.choice for vote in result.votes if vote.choice is not None)
    ballots = {vote.voter: vote for vote in result.votes}
    if all(points.get(label, 0) == votes[agent] for agent, label in latest.items()):
        points = {}
    rows: list[Standing] = []
    for name, record in result.agents.items():
        agent = AgentId(name)
        label = latest.get(agent)
        ballot = ballots.get(agent)
        voted = "" if ballot is None else f"{ballot.choice or 'several'}"
        if ballot is not None and ballot.reason:
            voted += f" — {one_line(ballot.reason, 120)}"
        fate = "" if record.status == "done" else _FATES[record.status]
        if record.status == "cancelled" and view.decided is not None:
            fate = "stopped when it could change nothing any more"
        if record.error:
            fate = (
                f"{_FATES[record.status]}: {one_line(as_people_say(record.error), 120)}"
            )
        rows.append(
            Standing(
                agent=agent,
                label=label,
                votes=votes[agent],
                points=points.get(label) if label is not None else None,
                voted=voted,
                reason=one_line(ballot.reason, 120) if ballot is not None else "",
                fate=fate,
            )
        )

    def place(row: Standing) -> tuple[bool, float, int]:
        points = row.points if row.points is not None else float("-inf")
        return (row.agent != result.winner, -points, -row.votes)

    return sorted(rows, key=place)


def value(result: Result) -> str:
    """The winner's structured answer as JSON of several lines; empty: there is none."""
    for answer in reversed(result.answers):
        if answer.agent == result.winner and answer.value is not msgspec.UNSET:
            return clean(msgspec.json.format(bytes(answer.value), indent=2).decode())
    return ""


def files(result: Result) -> list[str]:
    """Say what became of each file that code has written, a line each."""
    return [_file(record) for record in result.files]


def _file(record: FileRecord) -> str:
    if record.path is not None:
        what = f"{record.path} ({size(record.size_bytes or 0)})"
        return f"{clean(what)}, by {record.agent}"
    why = f"was not fetched: {record.problem}" if record.problem else "was written"
    return f"{record.id} {one_line(why, 200)}, by {record.agent}"


def totals(result: Result) -> str:
    """Say in one line what the session took."""
    count, failed = len(result.agents), failures(result)
    out = f", {failed} failed" if failed else ""
    return " · ".join(
        (
            f"{result.elapsed_s:.1f} s",
            f"{count} agent{'' if count == 1 else 's'}{out}",
            f"{result.usage.total_tokens:,} tokens",
            spent(result),
            *cache(result.cache),
            f"session {clean(result.session)}",
        )
    )


def failures(result: Result) -> int:
    """How many agents failed."""
    return sum(record.status == "failed" for record in result.agents.values())


def spent(result: Result) -> str:
    """Say what the session cost, as far as prices are known."""
    if result.cost_usd is not None:
        is_estimate = any(record.estimated for record in result.agents.values())
        return (
            f"about {dollars(result.cost_usd)}"
            if is_estimate and result.cost_usd
            else dollars(result.cost_usd)
        )
    known = [r.cost_usd for r in result.agents.values() if r.cost_usd is not None]
    return f"{dollars(sum(known))} and an unknown price" if known else dollars(None)


def cache(record: CacheRecord) -> tuple[str, ...]:
    """Say what the prompt cache did; nothing where the API said nothing of it."""
    if record.hit_ratio is None:
        return ()
    words = f"{record.hit_ratio:.0%} of prompts from the cache"
    saved = record.saved_usd
    if not record.hit_ratio and not saved:
        return ()  # nothing was cached, and nobody paid for it
    if saved is None:
        return (words,)
    verb = "saved" if saved >= 0 else "lost"
    return (f"{words}, {dollars(abs(saved))} {verb}",)


def dollars(cost_usd: float | None) -> str:
    """Say a price; an unknown one is unknown, never zero."""
    if cost_usd is None:
        return "$?"
    return f"${cost_usd:.2f}" if cost_usd == 0 or cost_usd >= 1 else f"${cost_usd:.4f}"


def tokens(count: int) -> str:
    """Say a count of tokens in at most six characters."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1e3:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"
