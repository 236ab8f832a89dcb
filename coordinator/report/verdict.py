"""The outcome in sentences for people: who won, by how much, on what it hung. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from agents.protocol.chunks import Approval, Ballot, Choice, Label, Ranking, Scores
from coordinator.protocol.explanation import Explanation
from coordinator.report.story import Story


def sentences(story: Story) -> Iterator[str]:
    """Say why the answer won, the most telling first."""
    why, result = story.why, story.result
    if why is None:
        if result is None:
            yield unfinished(story)
        else:
            yield result.detail or "nothing was decided"
        return
    name = story.name_of(why.label)
    if why.drafts:
        first = why.drafts[0]
        total = sum(len(each.labels) for each in why.drafts)
        agree = len(first.labels)
        same = f"“{first.result}”" if first.result else "the same"
        yield f"{agree} of {total} first answers come to {same}."
    if why.checks:
        yield _checked(story, why)
    if why.ballots or why.rule:
        by = "" if why.margin is None else f", {_number(why.margin)} ahead"
        than = f" of {story.name_of(why.runner_up)}" if why.runner_up else ""
        yield f"{name} won by {why.rule.replace('_', ' ')}{by}{than if by else ''}."
    else:
        yield f"{name} won without a vote: {result.detail if result else ''}."
    if why.rubric:
        points = (
            f"{each.criterion} {dict(each.points)[why.label]:.1f}"
            for each in why.rubric
            if why.label in dict(each.points)
        )
        yield f"Others than its author gave it, on average: {', '.join(points)}."
    if why.was_tie:
        yield "It was a tie, which the declared order of ties broke."
    if why.is_early:
        yield "Ballots were still out, and none of them could have changed it."
    if why.agreement is not None:
        share = round(100 * why.agreement.share)
        worth = (
            "all of one model, so they are right and wrong together more often than "
            "their number says"
            if why.agreement.models < 2
            else f"of {why.agreement.models} models"
        )
        ballots = _count(why.agreement.ballots, "ballot")
        yield f"{share} % of {ballots} put it first; the voters are {worth}."
    if why.swing:
        yield f"It hung on one vote: {_named(story, why.swing)}."
    others = {x.rule: x.label for x in why.others if x.label not in {None, why.label}}
    if others:
        told = "; ".join(
            f"{rule.replace('_', ' ')}: {story.name_of(label)}"
            for rule, label in others.items()
        )
        yield f"Other rules would have chosen another answer: {told}."
    elif len(why.others) > 1:
        yield f"All {len(why.others)} rules that fit these ballots choose the same."


def _checked(story: Story, why: Explanation) -> str:
    """How many answers pass everything, and what the winner does."""
    whole = sum(each.passed >= each.of for each in why.checks)
    mine = next((each for each in why.checks if each.label == why.label), None)
    name = story.name_of(why.label)
    if mine is None:
        told = f"{name} was not checked to the end"
    elif mine.passed >= mine.of:
        told = f"{name} passes every check"
    else:
        told = f"{name} passes {_number(mine.passed)} of {_number(mine.of)}"
    answers = _count(len(why.checks), "answer")
    return f"{answers} were checked, and {whole} of them pass everything; {told}."


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
    """What a ballot says of one answer, in a cell of a matrix."""
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
