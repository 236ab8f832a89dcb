"""Simulated ballots: from what answers seem worth to the form the rule asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from agents.protocol.chunks import Approval, Ballot, Choice, Label, Ranking, Scores
from agents.protocol.turns import BallotForm


def widened(
    form: BallotForm, on_ballot: Sequence[Label], seen: Sequence[Label]
) -> BallotForm:
    """``form`` after news.

    Args:
        form: As it was offered.
        on_ballot: The answers it was offered for.
        seen: The answers read since: what was superseded is gone, what was told is
            there.
    """
    new = tuple(label for label in seen if label not in on_ballot)
    if not new:
        return form
    still_shown = tuple(label for label in form.labels if label in seen)
    return msgspec.structs.replace(form, labels=still_shown + new)


def in_form(form: BallotForm, worth: list[tuple[Label, float]]) -> Ballot:
    """A ballot of ``form`` from answers, best first, with what each seems worth."""
    match form.kind:
        case "choice":
            return Choice(label=worth[0][0])
        case "ranking":
            return Ranking(tiers=tuple((label,) for label, _ in worth))
        case "approval":
            mean = sum(seems for _, seems in worth) / len(worth)
            return Approval(labels=tuple(x for x, seems in worth if seems >= mean))
        case "scores":
            top = form.max_score
            points = {
                label: max(0, min(top, round(top / 2 + seems * top / 6)))
                for label, seems in worth
            }
            return Scores(points=points)
        case _:
            assert_never(form.kind)
