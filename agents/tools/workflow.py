"""The tools with which an agent hands in its work, as the model is told of them.

``new_answer`` and ``vote`` end a draft or a review, ``submit`` or
``restart_orchestration`` a presentation; in a divided task ``divide`` ends the lead's
turn and ``stop`` a part. A :class:`Workflow` offers one set of them, in one form, in
every turn of a session: what a model has thought is bound to the tools that it was
shown, and the prompt cache begins with them (docs.claude.com, preserved thinking, read
2026-11-30). Which of them count now is told in words, and follows from the task. Pure.
Their calls are read by :mod:`agents.tools.submissions`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, assert_never, cast

import msgspec

from agents.protocol.backend import ToolSpec
from agents.protocol.turns import BallotForm, Divide, Draft, Present, Review, Task, Work
from agents.tools.answer_schema import AnswerForm

WORKFLOW_NAMES = frozenset(
    {"new_answer", "vote", "submit", "restart_orchestration", "divide", "stop"}
)
"""Reserved: no other tool may bear one of these names."""

ABSTAIN = "abstain"
"""Votes for nobody, where a single choice is asked for and abstaining is allowed."""
_LABELS = r"^agent[0-9]+\.[0-9]+$"
"""Any answer's label; which stand is told with the question."""


class Workflow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The workflow tools of one session's turns, all of them together.

    Example:
        >>> ballot = BallotForm(kind="choice", labels=())
        >>> [spec.name for spec in Workflow(ballot=ballot, restarts=True).tools()]
        ['vote', 'new_answer', 'submit', 'restart_orchestration']
    """

    answers: bool = True
    """Whether answers are handed in whole."""
    ballot: BallotForm | None = None
    """The ballot of every vote, its labels aside; ``None``: nobody votes."""
    restarts: bool = False
    """Whether a presenter may ask for another round."""
    parts: int | None = None
    """Most parts of a task that is divided; ``None``: none is."""

    def tools(self, answers: AnswerForm | None = None) -> tuple[ToolSpec, ...]:
        """The tools, the same in every turn and for every agent of the session.

        Args:
            answers: What a structured answer must look like, where one is wanted.
        """
        return _in_words(self) if answers is None else _tool_specs(self, answers)

    @classmethod
    def of(cls, task: Task) -> Workflow:
        """The least that ``task`` needs, for an agent whose session says nothing."""
        match task:
            case Draft():
                return cls()
            case Review():
                return cls(answers=task.may_revise, ballot=task.ballot)
            case Present():
                return cls(answers=False, restarts=task.may_restart)
            case Divide(parts=most):
                return cls(answers=False, parts=most)
            case Work():
                return cls(answers=False, parts=1)
            case _:
                assert_never(task)


@lru_cache(maxsize=64)
def _in_words(workflow: Workflow) -> tuple[ToolSpec, ...]:
    return _tool_specs(workflow, None)


def _tool_specs(workflow: Workflow, answers: AnswerForm | None) -> tuple[ToolSpec, ...]:
    specs: list[ToolSpec] = []
    if workflow.ballot is not None:
        specs.append(_vote(workflow.ballot))
    if workflow.answers:
        specs.append(_new_answer(answers))
    if workflow.restarts:
        specs += (_SUBMIT, _RESTART)
    if workflow.parts is not None:
        specs += (_divide(workflow.parts), _STOP)
    return tuple(specs)


def counting(task: Task) -> frozenset[str]:
    """Names of the workflow tools whose call hands in what ``task`` asks for."""
    match task:
        case Draft():
            return frozenset({"new_answer"})
        case Review():
            may_vote = task.ballot is not None
            counts = {"vote": may_vote, "new_answer": task.may_revise}
            return frozenset(name for name, does in counts.items() if does)
        case Present():
            names = ("submit", "restart_orchestration") if task.may_restart else ()
            return frozenset(names)
        case Divide():
            return frozenset({"divide"})
        case Work():
            return frozenset({"stop"})
        case _:
            assert_never(task)


def workflow_tools(
    task: Task, answers: AnswerForm | None = None
) -> tuple[ToolSpec, ...]:
    """The workflow tools that count for ``task``, always in the same order.

    Args:
        task: What is asked.
        answers: What a structured answer must look like, where one is wanted.
    """
    names = counting(task)
    return tuple(x for x in Workflow.of(task).tools(answers) if x.name in names)


def _new_answer(answers: AnswerForm | None) -> ToolSpec:
    properties: dict[str, Any] = {
        "content": {
            "type": "string",
            "description": "The complete answer, as the asker shall read it.",
        }
    }
    required = ["content"]
    definitions: dict[str, Any] = {}
    if answers is not None:
        shape: Any = msgspec.json.decode(answers.schema)
        if isinstance(shape, dict):  # a schema may also be just true
            definitions = cast("dict[str, Any]", shape).pop("$defs", {})
        properties["value"] = shape
        required.append("value")
    return ToolSpec(
        name="new_answer",
        description=(
            "Hand in your answer to the question. It replaces your earlier answer, if "
            "any, and ends your turn, so call it once, alone, when the answer is "
            "complete. Others read only what stands in the call."
        ),
        input_schema=_object(properties, required, definitions),
    )


def _vote(form: BallotForm) -> ToolSpec:
    name, shape = _ballot(form)
    reason = {
        "type": "string",
        "description": "Why, in a sentence or two: what is right, what is wrong.",
    }
    return ToolSpec(
        name="vote",
        description=(
            "Cast your ballot on the answers that stand. It ends your turn, so call it "
            "once, alone, after you have weighed every answer."
        ),
        # The reason comes first, so that it is thought of before the ballot is filled.
        input_schema=_object({"reason": reason, name: shape}, ["reason", name]),
    )


def _ballot(form: BallotForm) -> tuple[str, dict[str, Any]]:
    """The name of the ballot in the tool's input, and its JSON Schema.

    No list of labels, though a model would like one: tools come first in the prompt
    cache's key, so a new label would have every voter pay again for all it has read.
    """
    one = {"type": "string", "pattern": _LABELS}
    match form.kind:
        case "choice":
            if form.may_abstain:
                one = {"type": "string", "pattern": f"{_LABELS}|^{ABSTAIN}$"}
            description = "The best answer's label, as you were told to consider it."
            return "label", {**one, "description": description}
        case "approval":
            description = "Labels of all answers that are good enough, or none."
            return "labels", {"type": "array", "items": one, "description": description}
        case "ranking":
            description = (
                "Labels from best to worst, each in a list of its own; put answers "
                "that are equally good into one list."
            )
            tier = {"type": "array", "items": one}
            return "tiers", {"type": "array", "items": tier, "description": description}
        case "scores":
            description = (
                "Points for each label that you were told to consider, 0 (useless) "
                f"to {form.max_score} (best)."
            )
            points = {"type": "integer", "minimum": 0, "maximum": form.max_score}
            if form.criteria:
                points_for = f"{description[0].lower()}{description[1:-1]}"
                description = f"For each label, {points_for}, by criterion."
                names = [each.name for each in form.criteria]
                points = {
                    "type": "object",
                    "properties": {
                        each.name: {**points, "description": each.about or each.name}
                        for each in form.criteria
                    },
                    "required": names,
                    "additionalProperties": False,
                }
            shape = {"type": "object", "additionalProperties": points}
            return "scores", {**shape, "description": description}
        case _:
            assert_never(form.kind)


def _divide(most: int) -> ToolSpec:
    part = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "A few words."},
            "instructions": {
                "type": "string",
                "description": (
                    "All that is needed to do the part without asking, and what its "
                    "result must hold."
                ),
            },
        },
        "required": ["title", "instructions"],
        "additionalProperties": False,
    }
    parts = {
        "type": "array",
        "items": part,
        "description": f"The parts in the order of the whole, at most {most}.",
    }
    return ToolSpec(
        name="divide",
        description=(
            "Hand out the task in parts. Each is done alone, by an agent that sees the "
            "question and its own part only. It ends your turn."
        ),
        input_schema=_object({"parts": parts}, ["parts"]),
    )


def _object(
    properties: dict[str, Any],
    required: list[str],
    definitions: dict[str, Any] | None = None,
) -> msgspec.Raw:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if definitions:
        schema["$defs"] = definitions
    return msgspec.Raw(msgspec.json.encode(schema))


_SUBMIT = ToolSpec(
    name="submit",
    description=(
        "Confirm that the text you have written is the final answer. Call it right "
        "after that text, in the same response."
    ),
    input_schema=_object({}, []),
)
_RESTART = ToolSpec(
    name="restart_orchestration",
    description=(
        "Ask for another round, because no answer at hand can be given in good "
        "conscience. Costly: only for a flaw that matters and that can be mended."
    ),
    input_schema=_object(
        {
            "reason": {"type": "string", "description": "What is wrong."},
            "instructions": {
                "type": "string",
                "description": "What the team must do differently next time.",
            },
        },
        ["reason", "instructions"],
    ),
)
_STOP = ToolSpec(
    name="stop",
    description=(
        "Hand in your part and end your turn. Whoever puts the whole together reads "
        "the summary and nothing else, so it must hold the part's result, complete."
    ),
    input_schema=_object(
        {
            "summary": {"type": "string", "description": "The result of your part."},
            "complete": {
                "type": "boolean",
                "description": "Whether the part is done; false: it cannot be.",
            },
        },
        ["summary", "complete"],
    ),
)
