"""Typed bytes as keys, and the effects of keys."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId
from coordinator.displays.base import Cast
from coordinator.displays.controls import Controls
from coordinator.displays.keyboard import KeyReader
from coordinator.displays.panes import Look
from coordinator.displays.view import View
from coordinator.protocol import wishes
from coordinator.protocol.events import Event
from coordinator.protocol.wishes import Reply, Wish


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        ("né日".encode(), ["n", "é", "日"]),
        (b"\x1b[A\x1bOB\x1b[6~", ["up", "down", "pagedown"]),
        (b"\x1b[1;5C", []),  # Ctrl-right: nobody's
        (b"\x1b[200~one\r\ntwo\x1b[201~!", ["paste:one\ntwo", "!"]),
        (b"\x1b\r", ["newline"]),
        (b"\x00\x01", []),
    ],
)
def test_keys_come_whole_however_they_are_cut(data: bytes, keys: list[str]) -> None:
    assert KeyReader().feed(data) == keys
    reader = KeyReader()
    assert [
        key for at in range(len(data)) for key in reader.feed(data[at : at + 1])
    ] == keys


def test_an_escape_that_nothing_follows_is_a_key() -> None:
    reader = KeyReader()
    assert reader.feed(b"\x1b") == []
    assert reader.is_waiting
    assert reader.flush() == ["escape"]
    assert not reader.is_waiting


class _Steered:
    def __init__(self, cast: Cast, events: list[Event]) -> None:
        self.view, self.look = View(cast.models), Look()
        self.view.absorb(events)
        self.controls = Controls(self.view, cast, self.look)
        self.controls.on_wish = self._carry_out
        self.wishes: list[Wish] = []

    def _carry_out(self, wish: Wish) -> Reply:
        self.wishes.append(wish)
        return Reply("done")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.controls.press(key)


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (["m", *"mind", "enter"], wishes.Tell(text="mind")),
        (["2", "s", "y"], wishes.StopAgent(agent="bo")),
        (["right", "v", "y"], wishes.Veto(choice="ada")),
        (["f", "y"], wishes.ForceVote()),
        (["q", "y"], wishes.End()),
        (["/", *"stop bo dull", "enter"], wishes.StopAgent(agent="bo", reason="dull")),
    ],
)
def test_a_key_becomes_a_wish_once_it_is_confirmed(
    cast: Cast, events: list[Event], keys: list[str], wish: Wish
) -> None:
    steered = _Steered(cast, events)
    steered.press(*keys)
    assert steered.wishes == [wish]
    assert steered.look.notice == "done"


@pytest.mark.parametrize("keys", [["q", "n"], ["q", "escape"], ["m", "x", "escape"]])
def test_what_is_not_confirmed_is_not_wished(
    cast: Cast, events: list[Event], keys: list[str]
) -> None:
    steered = _Steered(cast, events)
    steered.press(*keys)
    assert steered.wishes == []
    assert not steered.look.prompt


def test_keys_choose_scroll_and_hold(cast: Cast, events: list[Event]) -> None:
    steered = _Steered(cast, events)
    steered.press("tab", "tab", "enter", "up", "pageup", " ")
    look = steered.look
    assert (look.chosen, look.is_alone, look.back, look.is_held) == (
        AgentId("bo"),
        True,
        11,
        True,
    )
    steered.press("end", "escape", "escape", " ")
    assert (look.chosen, look.is_alone, look.back, look.is_held) == (
        None,
        False,
        0,
        False,
    )


def test_who_may_only_watch_is_told_so(cast: Cast, events: list[Event]) -> None:
    steered = _Steered(cast, events)
    steered.controls.on_wish = None
    steered.press("f", "y")
    assert "only watched" in steered.look.notice
