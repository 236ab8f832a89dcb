"""From MassGen's checklist, by which an agent scores itself, to a rubric of voters.

Under ``voting_sensitivity: checklist_gated`` an agent of MassGen's goes through
criteria and may vote only where its scores are high enough. Here others score each
answer by the same criteria, and the best mean wins.
"""

from __future__ import annotations

from typing import Any, cast

from coordinator.massgen.configuration import Json
from coordinator.massgen.ledger import Ledger

PLACE = ("orchestrator", "coordination", "checklist_criteria_inline")
WEIGHTS = {"must": 3.0, "should": 2.0, "could": 1.0}
"""A criterion's category → how much it counts."""

CRITERIA: tuple[Json, ...] = (
    {"name": "correctness", "about": "Is all of it right?", "weight": 3.0},
    {"name": "completeness", "about": "Is all that was asked done?", "weight": 2.0},
    {"name": "clarity", "about": "Is it easy to follow and to use?", "weight": 1.0},
)
"""Criteria where the configuration names none: ours, not MassGen's."""

NAME_CHARS = 40


def rubric(ledger: Ledger, coordination: Json) -> Json:
    """The settings of ``voting`` that score answers by the configuration's criteria."""
    inline = coordination.get("checklist_criteria_inline")
    criteria: list[Json] = []
    if isinstance(inline, list):
        for number, criterion in enumerate(cast("list[Any]", inline)):
            fields = (
                cast("Json", criterion)
                if isinstance(criterion, dict)
                else {"text": criterion}
            )
            criteria.append(_criterion(fields, number))
        if criteria:
            ledger.honour(PLACE, "as 'voting.rubric'")
    return {
        "rule": "score",
        "self_votes": "forbid",
        "rubric": criteria or [*CRITERIA],
    }


def _criterion(fields: Json, number: int) -> Json:
    text = " ".join(str(fields.get("text") or "").split())
    name = f"{number + 1}. {text}"
    short = name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + "…"
    weight = WEIGHTS.get(str(fields.get("category") or "should"), 2.0)
    return {"name": short, "about": text, "weight": weight}
