"""Tables: to change one is to make another, whether it holds few or many."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from coordinator.consensus.persistent_map import FEW, table, with_entry, without

SIZES = (0, 1, FEW - 1, FEW, FEW + 1, 10 * FEW)


def numbered(size: int) -> Mapping[str, int]:
    return table({f"a{number}": number for number in range(size)})


@pytest.mark.parametrize("size", SIZES)
def test_what_a_table_was_it_stays_when_another_is_made_of_it(size: int) -> None:
    before = numbered(size)
    added = with_entry(before, "new", -1)
    changed = with_entry(added, "new", -2)
    assert dict(before) == dict(numbered(size))
    assert dict(added) == {**before, "new": -1}
    assert dict(changed) == {**before, "new": -2}


@pytest.mark.parametrize("size", SIZES[1:])
def test_an_entry_is_taken_out_of_the_new_table_only(size: int) -> None:
    before = numbered(size)
    after = without(before, "a0")
    assert "a0" in before
    assert dict(after) == {k: v for k, v in before.items() if k != "a0"}


def test_a_table_that_grows_past_a_few_holds_the_same() -> None:
    grown: Mapping[str, int] = {}
    for number in range(3 * FEW):
        grown = with_entry(grown, f"a{number}", number)
    assert dict(grown) == dict(numbered(3 * FEW))
