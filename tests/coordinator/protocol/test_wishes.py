"""Wishes of people travel as messages, each of a name of its own."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.protocol import wishes
from coordinator.protocol.wishes import Reply, Wish

WISHES: tuple[Wish, ...] = (
    wishes.Answer(text="42"),
    wishes.Vote(choices=("ada", "2"), reason="clear"),
    wishes.Tell(text="be brief"),
    wishes.Veto(choice="ada"),
    wishes.StopAgent(agent="bob"),
    wishes.ForceVote(),
    wishes.Allow(),
    wishes.Deny(),
    wishes.End(),
)


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_a_wish_comes_back_as_it_was_sent(wish: Wish) -> None:
    assert msgspec.json.decode(msgspec.json.encode(wish), type=Wish) == wish


def test_a_wish_is_done_unless_the_reply_says_otherwise() -> None:
    assert Reply("bob is stopped").is_done
    assert not Reply("there is no bob", is_done=False).is_done
