"""Options of sessions: written once, completed by editors, and none is swallowed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import coordinator
from coordinator.session.options import (
    BranchOptions,
    OpenOptions,
    ResumeOptions,
    SyncOptions,
)

OPENERS: dict[Any, type[Any]] = {
    coordinator.open_session: OpenOptions,
    coordinator.run: OpenOptions,
    coordinator.run_sync: SyncOptions,
    coordinator.resume_session: ResumeOptions,
    coordinator.branch_session: BranchOptions,
}


@pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__)
def test_an_opener_tells_its_options_by_name(opener: Any) -> None:
    named = {
        name
        for name, parameter in inspect.signature(opener).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert named == set(OPENERS[opener].__annotations__)
    assert "journal" in named


@pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__)
def test_a_misspelt_option_is_refused_with_the_nearest(opener: Any) -> None:
    name = opener.__name__
    with pytest.raises(TypeError, match=rf"^{name}\(\) .*did you mean 'journal'"):
        opener("Which?", jounral=None)
    with pytest.raises(TypeError, match=rf"^{name}\(\) has no option 'speed'; it has"):
        opener("Which?", speed=3)


def test_the_team_may_be_given_by_name() -> None:
    with pytest.raises(coordinator.ConfigInvalid, match="is no Team"):
        coordinator.run_sync(question="Which?", team=None)  # type: ignore[arg-type]
