"""Notices of models that are taken out of service."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agents.limits.model_retirement import (
    RETIREMENTS,
    retirement_notice,
    retirement_of,
)

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("model", ["claude-opus-4-5", "claude-opus-4-5-20251101"])
def test_a_model_near_its_end_is_said_with_the_date_and_what_to_take(
    model: str,
) -> None:
    said = retirement_notice(model, date(2027, 1, 21))
    assert said == (
        f"{model} is retired on 2027-01-22 (as known on 2026-11-30); take "
        "claude-opus-5-5 instead"
    )


def test_a_model_that_has_ended_is_said_to_have() -> None:
    said = retirement_notice("claude-sonnet-4-5", date(2026, 11, 30))
    assert said is not None
    assert "was retired on 2026-11-30" in said


@pytest.mark.parametrize(
    "model", ["claude-opus-5-5", "gpt-5.5", "scripted", "claude-opus-4-55", ""]
)
def test_nothing_is_said_of_a_model_that_lives_or_is_not_known(model: str) -> None:
    assert retirement_notice(model, date(2030, 1, 1)) is None


def test_what_to_take_instead_is_not_about_to_end() -> None:
    assert not [end for end in RETIREMENTS.values() if retirement_of(end.instead)]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "scenarios").rglob("*.yaml")), ids=lambda path: path.stem
)
def test_scenarios_name_models_that_live(path: Path) -> None:
    ended = {word for word in path.read_text("utf-8").split() if retirement_of(word)}
    assert not ended
