"""Submissions: workflow calls as an answer, a ballot, a word on the result.

A call that does not fit is :class:`agents.errors.ToolFailed`, whose words go back to
the model. Pure. What is offered is :mod:`agents.tools.workflow`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar, assert_never

import msgspec

from agents.boundary.guard import log_error, text_of, words_of
from agents.boundary.isolation import isolated
from agents.errors import ToolFailed
from agents.protocol.chunks import (
    Approval,
    Ballot,
    Choice,
    Label,
    Part,
    Ranking,
    Scores,
    ToolCalled,
    one_line,
)
from agents.protocol.turns import BallotForm
from agents.tools.answer_schema import AnswerForm
from agents.tools.workflow import ABSTAIN


class Proposed(NamedTuple):
    """A ``new_answer`` that can be taken."""

    content: str
    value: msgspec.Raw | msgspec.UnsetType


class Voted(NamedTuple):
    """A ``vote`` that can be taken."""

    ballot: Ballot
    reason: str
    grades: dict[Label, dict[str, int]] | None = None
    """Answer → criterion → points; ``None``: there is no rubric."""


class Submitted(NamedTuple):
    """The presenter stands by what it wrote."""


class RestartAsked(NamedTuple):
    """The presenter wants another round."""

    reason: str
    instructions: str


class Divided(NamedTuple):
    """The lead's parts."""

    parts: tuple[Part, ...]


class Stopped(NamedTuple):
    """A part, done or given up."""

    summary: str
    is_complete: bool


HandedIn: TypeAlias = Proposed | Voted | Submitted | RestartAsked | Divided | Stopped


class _NewAnswer(msgspec.Struct):
    content: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Vote(msgspec.Struct):
    reason: str = ""


class _ChoiceVote(_Vote, kw_only=True):
    label: Label


class _ApprovalVote(_Vote, kw_only=True):
    labels: tuple[Label, ...]


class _RankingVote(_Vote, kw_only=True):
    tiers: tuple[tuple[Label, ...] | Label, ...]


class _ScoresVote(_Vote, kw_only=True):
    scores: dict[Label, int | dict[str, int]]


class _Division(msgspec.Struct):
    parts: tuple[Part, ...]


class _Stop(msgspec.Struct):
    summary: str
    complete: bool = True


class _Restart(msgspec.Struct):
    reason: str
    instructions: str = ""


def read_calls(
    calls: Sequence[ToolCalled],
    form: BallotForm | None,
    answers: AnswerForm | None = None,
) -> HandedIn:
    """Read the workflow calls of one response, all of them offered; at least one.

    Several of one kind: the last counts.

    Raises:
        ToolFailed: They contradict each other, or the one that counts does not fit its
            form; in words for the model.
    """
    names = {call.name for call in calls}
    if len(names) > 1:
        listed = " and ".join(sorted(names))
        raise ToolFailed(f"{listed} were called together; call one of them, alone")
    call = calls[-1]
    if not call.is_valid:
        raise ToolFailed(f"the input of {call.name} is not valid JSON; call it again")
    match call.name:
        case "new_answer":
            return _read_answer(call.input, answers)
        case "vote":
            assert form is not None, "a vote is offered with a form only"
            return _read_vote(call.input, form)
        case "submit":
            return Submitted()
        case "divide":
            return _read_division(call.input)
        case "stop":
            stop = _decoded(call.input, _Stop)
            if not stop.summary.strip():
                raise ToolFailed("summary is empty; hand in the part's result")
            return Stopped(stop.summary, stop.complete)
        case _:
            restart = _decoded(call.input, _Restart)
            return RestartAsked(restart.reason, restart.instructions)


def _read_division(raw: msgspec.Raw) -> Divided:
    parts = _decoded(raw, _Division).parts
    if not parts:
        raise ToolFailed("parts is empty; give at least one part")
    for part in parts:
        if not part.title.strip() or not part.instructions.strip():
            raise ToolFailed("a part has no title or no instructions; give it both")
    return Divided(parts)


def _read_answer(raw: msgspec.Raw, answers: AnswerForm | None) -> Proposed:
    answer = _decoded(raw, _NewAnswer)
    if not answer.content.strip():
        raise ToolFailed("content is empty; hand in the complete answer")
    if answers is None:
        return Proposed(answer.content, msgspec.UNSET)
    if isinstance(answer.value, msgspec.UnsetType):
        raise ToolFailed("value is missing; give the structured answer there")
    try:
        isolated(partial(answers.check, answer.value))
    except ValueError as error:
        raise ToolFailed(f"value does not fit its form: {text_of(error)}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A check of the caller's own may raise anything; the model can try another.
        log_error("the check of an answer's value", error)
        raise ToolFailed(f"value could not be checked: {words_of(error)}") from error  # noqa: ASYNC104  (the boundary tells ours from theirs)
    return Proposed(answer.content, one_line(bytes(answer.value)))


def _read_vote(raw: msgspec.Raw, form: BallotForm) -> Voted:
    match form.kind:
        case "choice":
            choice = _decoded(raw, _ChoiceVote)
            if form.may_abstain and choice.label == ABSTAIN:
                return Voted(Approval(labels=()), choice.reason)
            label = _known([choice.label], form)[0]
            return Voted(Choice(label=label), choice.reason)
        case "approval":
            approval = _decoded(raw, _ApprovalVote)
            labels = tuple(dict.fromkeys(_known(approval.labels, form)))
            return Voted(Approval(labels=labels), approval.reason)
        case "ranking":
            ranking = _decoded(raw, _RankingVote)
            tiers = tuple(
                (tier,) if isinstance(tier, str) else tier for tier in ranking.tiers
            )
            _each_once(_known([x for tier in tiers for x in tier], form))
            if not any(tiers) and not form.may_abstain:
                raise ToolFailed("tiers is empty; rank at least the best answer")
            return Voted(Ranking(tiers=tuple(filter(None, tiers))), ranking.reason)
        case "scores":
            scores = _decoded(raw, _ScoresVote)
            _known(list(scores.scores), form)
            grades, points = graded(scores.scores, form)
            _check_points(points, form)
            return Voted(Scores(points=points), scores.reason, grades or None)
        case _:
            assert_never(form.kind)


def _known(labels: Sequence[Label], form: BallotForm) -> Sequence[Label]:
    for label in labels:
        if label not in form.labels:
            choices = ", ".join(sorted(form.labels))
            raise ToolFailed(f"{label!r} is not on the ballot; choose from {choices}")
    return labels


def _each_once(labels: Sequence[Label]) -> None:
    for label in labels:
        if labels.count(label) > 1:
            raise ToolFailed(f"{label!r} is ranked more than once; rank it once")


def graded(
    given: dict[Label, int | dict[str, int]], form: BallotForm
) -> tuple[dict[Label, dict[str, int]], dict[Label, int]]:
    """Points for each criterion, and the weighted mean of an answer's as its score.

    One number stands for every criterion.
    """
    grades: dict[Label, dict[str, int]] = {}
    points: dict[Label, int] = {}
    for label, grade in given.items():
        if isinstance(grade, int):
            points[label] = grade
            if form.criteria:
                grades[label] = {each.name: grade for each in form.criteria}
            continue
        for each in form.criteria:
            if each.name not in grade:
                raise ToolFailed(
                    f"{label!r} has no points for {each.name!r}; give each answer "
                    "points for every criterion"
                )
            _check_points({label: grade[each.name]}, form)
        if not form.criteria or len(grade) > len(form.criteria):
            raise ToolFailed(f"the points of {label!r} name what is no criterion")
        grades[label] = grade
        whole = sum(each.weight for each in form.criteria)
        mean = sum(each.weight * grade[each.name] for each in form.criteria) / whole
        points[label] = round(mean)
    return grades, points


def _check_points(points: dict[Label, int], form: BallotForm) -> None:
    if not points and not form.may_abstain:
        raise ToolFailed("scores is empty; give points to the answers")
    for label, score in points.items():
        if not 0 <= score <= form.max_score:
            raise ToolFailed(
                f"{score} points for {label!r}; give 0 to {form.max_score}"
            )


_T = TypeVar("_T")


def _decoded(raw: msgspec.Raw, wanted: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=wanted)
    except msgspec.ValidationError as error:
        raise ToolFailed(str(error)) from error
