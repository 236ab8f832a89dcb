"""The outcome in sentences for people: who won, by how much, on what it hung.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.protocol.chunks import Approval, Ballot, Choice, Label, Ranking, Scores
from coordinator.protocol.explanation import Agreement, Explanation
from coordinator.report.story import Story

RULES = {
    "plurality": "the answer that most ballots put first wins",
    "majority": "more than half of the ballots must put an answer first",
    "supermajority": "two thirds of the ballots, or as many as the team asks for, must "
    "put an answer first",
    "unanimity": "every ballot must put the same answer first",
    "approval": "the answer that most ballots approve of wins",
    "borda": "a place on a ballot is worth as many points as answers are below it",
    "instant_runoff": "who has the fewest first places goes out, round by round",
    "copeland": "answers meet in pairs; most pairs won, less those lost, wins",
    "schulze": "answers meet in pairs; who is beaten by nobody, directly or by way of "
    "others, wins",
    "ranked_pairs": "answers meet in pairs, and the clearest wins are kept first",
    "score": "the answer with the most points wins",
    "majority_judgement": "the answer with the best median grade wins",
}
"""How each rule decides, for people; a setting may change a number of it."""


TIES = {
    "lot": "a lot that the session's seed and the answers' contents draw",
    "earliest": "who had answered earlier",
    "listed": "the order in which the team lists its agents",
    "runoff": "a second vote among the tied",
    "synthesise": "the presenter, who makes one answer of the tied",
}
"""How the team breaks ties, by what its file says."""


def sentences(story: Story) -> Iterator[str]:
    """Say why the answer won, the most telling first."""
    why, result = story.why, story.result
    if why is None:
        if result is None:
            yield unfinished(story)
        else:
            yield result.detail or "nothing was decided"
        return
    counted = _counted(why)
    if counted and len(why.drafts[0].labels) > 1:
        yield counted
    if why.checks:
        yield _checked(story, why)
    yield _won(story, why)
    if why.rule in RULES:
        yield f"{_spelt(why.rule).capitalize()}: {RULES[why.rule]}."
    if counted and len(why.drafts[0].labels) == 1:
        yield counted
    if why.rubric:
        points = (
            f"{each.criterion} {dict(each.points)[why.label]:.1f}"
            for each in why.rubric
            if why.label in dict(each.points)
        )
        yield f"Others than its author gave it, on average: {', '.join(points)}."
    if why.was_tie:
        yield f"It was a tie, broken by {TIES.get(story.ties, story.ties)}."
    if why.is_early:
        yield "Ballots were still out, and none of them could have changed it."
    if why.agreement is not None:
        share = round(100 * why.agreement.share)
        worth = _worth(why.agreement)
        yield f"{share} % of {_ballots(why)} put it first; the voters are {worth}."
    if why.swing:
        yield f"It hung on one vote: {_named(story, why.swing)}."
    yield from _under_others(story, why)


def _counted(why: Explanation) -> str:
    """The count of the first answers, where their results were counted."""
    if not why.drafts:
        return ""
    first = why.drafts[0]
    total = sum(len(each.labels) for each in why.drafts)
    if len(first.labels) == 1:
        return (
            f"No two of {total} first answers come to the same; each counts as a "
            "ballot for itself."
        )
    same = f"“{first.result}”" if first.result else "the same"
    return f"{len(first.labels)} of {total} first answers come to {same}."


def _won(story: Story, why: Explanation) -> str:
    name = story.name_of(why.label)
    if not (why.ballots or why.rule):
        detail = story.result.detail if story.result else ""
        return f"{name} won without a vote{f': {detail}' if detail else ''}."
    if why.margin is None or why.runner_up is None:
        return f"{name} won by {_spelt(why.rule)}."
    ahead = f"{_number(why.margin)} ahead of" if why.margin else "level with"
    return f"{name} won by {_spelt(why.rule)}, {ahead} {story.name_of(why.runner_up)}."


def _ballots(why: Explanation) -> str:
    """How many there are; where drafts count, they are told apart from votes."""
    assert why.agreement is not None
    ballots = why.agreement.ballots
    drafts = sum(len(each.labels) for each in why.drafts)
    if not drafts or drafts >= ballots:
        return _count(ballots, "ballot")
    votes = _count(ballots - drafts, "vote")
    return f"{ballots} ballots ({_count(drafts, 'first answer')} and {votes})"


def by_choice(why: Explanation) -> dict[Label | None, list[str]]:
    """Winners → the rules that would have chosen them; the real winner first."""
    chosen: dict[Label | None, list[str]] = {why.label: []}
    for each in why.others:
        chosen.setdefault(each.label, []).append(_spelt(each.rule))
    return {label: rules for label, rules in chosen.items() if rules}


def _under_others(story: Story, why: Explanation) -> Iterator[str]:
    chosen = by_choice(why)
    same = len(chosen.pop(why.label, ()))
    nobody = chosen.pop(None, [])
    if chosen:
        choices = "; ".join(
            f"{', '.join(rules)}: {story.name_of(label)}"
            for label, rules in chosen.items()
        )
        yield f"Other rules would have chosen another answer: {choices}."
    elif len(why.others) > 1:
        all_of = "All" if same == len(why.others) else f"{same} of"
        many = f"{all_of} {len(why.others)} rules"
        yield f"{many} that fit these ballots choose the same."
    if nobody:
        need = "needs" if len(nobody) == 1 else "need"
        they = "it" if len(nobody) == 1 else "they"
        yield (
            f"By {_either(nobody)} nobody would have won: no answer has as many "
            f"ballots as {they} {need}."
        )


def _either(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _spelt(rule: str) -> str:
    return rule.replace("_", " ")


def _worth(agreement: Agreement) -> str:
    """The weight of voters of so many models together, in words."""
    if agreement.models < 2:
        return (
            "all of one model, so they are right and wrong together more often than "
            "their number says"
        )
    models = f"of {agreement.models} models"
    if agreement.makers == 1:
        return f"{models}, all of one maker"
    return f"{models} and {agreement.makers} makers" if agreement.makers else models


def _checked(story: Story, why: Explanation) -> str:
    """How many answers pass everything, and what the winner does."""
    whole = sum(each.passed >= each.of for each in why.checks)
    mine = next((each for each in why.checks if each.label == why.label), None)
    name = story.name_of(why.label)
    if mine is None:
        result = f"{name} was not checked to the end"
    elif mine.passed >= mine.of:
        result = f"{name} passes every check"
    else:
        result = f"{name} passes {_number(mine.passed)} of {_number(mine.of)}"
    answers = _count(len(why.checks), "answer")
    return f"{answers} were checked, and {whole} of them pass everything; {result}."


def unfinished(story: Story) -> str:
    """Why a session without an outcome has none, and the way on."""
    if story.is_running:
        return "Nothing is decided yet: the session is under way."
    return (
        f"The session was cut off after {story.elapsed_s:.1f} s, before it had an "
        f"outcome; go on with it: coordinator resume {story.session}"
    )


def _named(story: Story, text: str) -> str:
    """``text`` with labels told as people call the answers."""
    for label in sorted(story.answers, key=len, reverse=True):
        text = text.replace(label, story.name_of(label))
    return text


def _number(value: float) -> str:
    return f"{value:g}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def cell(ballot: Ballot, label: Label) -> str:
    """The mark for one answer on a ballot, in a cell of a matrix."""
    match ballot:
        case Choice():
            return "✔" if ballot.label == label else ""
        case Approval():
            return "✔" if label in ballot.labels else ""
        case Ranking():
            for place, tier in enumerate(ballot.tiers, start=1):
                if label in tier:
                    return str(place)
            return ""
        case Scores():
            return str(ballot.points.get(label, 0))
