"""Attributes of callers' objects, read so that nothing of theirs comes along."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest

from agents.boundary.guard import (
    TEXTS_MOST,
    attribute_of,
    flag_of,
    log_error,
    module_name,
    plain_text,
    text_attribute,
    texts_of,
)
from agents.boundary.plain_tools import PlainTool, plain_tool, plain_tools
from agents.errors import ToolsUnavailable
from agents.protocol.backend import ToolSpec
from agents.tools.function import tool


class Brought:
    """An object that has what it was given."""

    def __init__(self, **given: object) -> None:
        vars(self).update(given)


class Interrupted:
    @property
    def name(self) -> str:
        raise KeyboardInterrupt


class OwnText(str):
    """A text that says it is another."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    __hash__ = None  # type: ignore[assignment]


@tool(serial="eyes", rerunnable=True)
def look() -> str:
    """Look."""
    return "seen"


@pytest.mark.parametrize(
    ("secrets", "read"),
    [
        (("one", 2, "three"), ("one", "three")),
        ("one", ()),
        (b"one", ()),
        (7, ()),
        ((OwnText("own"),), ("own",)),
        (map(str, count()), tuple(map(str, range(TEXTS_MOST)))),
        ((1 // n for n in (1, 0)), ()),
    ],
)
def test_texts_of_what_may_hold_none(secrets: object, read: tuple[str, ...]) -> None:
    texts = texts_of(Brought(secrets=secrets), "secrets")
    assert texts == read
    assert {type(text) for text in texts} <= {str}
    assert texts_of(object(), "secrets") == ()


def test_a_text_is_a_plain_one_that_can_be_encoded() -> None:
    assert plain_text(7) is None
    assert type(plain_text(OwnText("half \ud800"))) is str
    plain_text(OwnText("half \ud800")).encode()  # type: ignore[union-attr]
    assert text_attribute(Brought(model=None), "model", "?") == "?"
    assert text_attribute(Brought(model=OwnText("own")), "model", "?") == "own"


class NoTruth:
    def __bool__(self) -> bool:
        raise SystemExit(3)


def test_a_flag_that_cannot_be_asked_is_down() -> None:
    assert flag_of(Brought(is_lossless=1), "is_lossless")
    assert not flag_of(Brought(is_lossless=NoTruth()), "is_lossless")
    assert not flag_of(object(), "is_lossless")


def test_a_module_is_what_python_knows_and_not_what_the_class_says() -> None:
    class Meta(type):
        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise RuntimeError("no module")

    class Odd(metaclass=Meta):
        pass

    assert module_name(look) == "agents.tools.function"
    assert module_name(Odd()) == __name__


@pytest.mark.parametrize(
    "read",
    [
        lambda: attribute_of(Interrupted(), "name", ""),
        lambda: text_attribute(Interrupted(), "name"),
        lambda: texts_of(Interrupted(), "name"),
        lambda: flag_of(Interrupted(), "name"),
    ],
)
def test_the_users_interrupt_goes_through(read: object) -> None:
    with pytest.raises(KeyboardInterrupt):
        read()  # type: ignore[operator]


def test_a_tool_is_read_once() -> None:
    read = plain_tool(look)
    assert (read.name, read.serial, read.rerunnable) == ("look", "eyes", True)
    assert read.spec is look.spec
    assert read.source is look
    assert plain_tool(read) is read


def _spec(name: str = "look", **more: object) -> ToolSpec:
    schema = msgspec.Raw(b"{}")
    given: dict[str, Any] = {"description": "Look.", "input_schema": schema, **more}
    return ToolSpec(name=name, **given)


@pytest.mark.parametrize(
    "brought",
    [
        Brought(name="look", spec="look"),
        Brought(name="other", spec=_spec()),
        Brought(name=7, spec=_spec()),
        Brought(name="look", spec=_spec(OwnText("look"))),
        Brought(name="look", spec=_spec(input_schema=7)),
    ],
)
def test_what_is_no_tool_is_refused(brought: object) -> None:
    with pytest.raises(ToolsUnavailable, match="which is no tool"):
        plain_tool(brought)  # type: ignore[arg-type]


def test_a_list_of_tools_without_end_is_refused() -> None:
    endless = (look for _ in count())
    with pytest.raises(ToolsUnavailable, match="more than 10,000 tools"):
        plain_tools(endless)
    assert isinstance(plain_tools([look])[0], PlainTool)


def _wide() -> BaseException:
    error: Any = RuntimeError("first")
    for _ in range(60):
        error = ExceptionGroup("both", [error, error])
    return error


def _long() -> BaseException:
    error = RuntimeError("first")
    for _ in range(100_000):
        later = RuntimeError("later")
        later.__cause__, error = error, later
    return error


@pytest.mark.parametrize("make", [_wide, _long])
def test_an_error_of_many_is_logged_by_its_place(
    make: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    log_error("a tool", make())
    assert "a tool failed: RuntimeError" in caplog.text
    assert len(caplog.text) < 10_000
