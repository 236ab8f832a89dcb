"""Matchers for texts and numbers: the same words everywhere in a file.

Of prose (an answer, a reason, a prompt) plain text is a *part*: these whole words occur
in it, so that ``33`` is no part of ``3306``. A mapping is exact about it::

    answer: Paris                      # these words occur
    answer: {is: Paris}                # the whole
    answer: {contains: ari}            # these characters occur
    answer: {matches: "Paris|Lyon"}    # a pattern that is found in it
    answer: {any_of: [Paris, {is: Lyon}]}

Of names (agents, labels, tasks, outcomes) plain text is the whole name. A number is
exact to a thousandth; a bound says ``at_least``, ``at_most``, or ``about`` with
``within``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, cast

import msgspec

NEAR = 0.001
"""The tolerance for equal numbers: a millisecond, whatever floats do."""


class TextMatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition on a text; exactly one of these is given."""

    is_: str | msgspec.UnsetType = msgspec.field(name="is", default=msgspec.UNSET)
    """The whole text."""
    contains: str | msgspec.UnsetType = msgspec.UNSET
    """Characters that occur in it, also within a word."""
    matches: str | msgspec.UnsetType = msgspec.UNSET
    """A regular expression of Python's that is found in it; ``^…$`` for the whole."""
    any_of: tuple[str | TextMatch, ...] | msgspec.UnsetType = msgspec.UNSET
    """One of these is enough."""


class Bound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much it may be; a number instead of this is exactly how much."""

    at_least: float | None = None
    """Not less than this."""
    at_most: float | None = None
    """Not more than this."""
    about: float | None = None
    """This, give or take ``within``."""
    within: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """How far from ``about`` it may be."""


Text: TypeAlias = str | TextMatch
Number: TypeAlias = float | Bound

_WORD = re.compile(r"\w")


def is_near(one: float, other: float) -> bool:
    """Whether two numbers are the same, whatever floats made of them."""
    return abs(one - other) < NEAR


def text_fits(meant: object, text: str | None, *, is_name: bool = False) -> bool:
    """Whether ``text`` is as ``meant`` says.

    Args:
        meant: Plain text, a :class:`TextMatch`, or ``None`` for no text at all.
        text: What was said.
        is_name: Whether plain text means the whole.
    """
    match meant:
        case None:
            return text is None
        case _ if text is None:
            return False
        case str():
            return meant == text if is_name else _occurs(meant, text)
        case TextMatch(is_=str(whole)):
            return whole == text
        case TextMatch(contains=str(part)):
            return part in text
        case TextMatch(matches=str(pattern)):
            return _compiled(pattern).search(text) is not None
        case TextMatch(any_of=tuple(several)):
            return any(text_fits(one, text, is_name=is_name) for one in several)
        case _:
            raise AssertionError(f"{meant!r} was checked when it was read")


def number_fits(meant: Number, number: float) -> bool:
    """Whether ``number`` is as ``meant`` says."""
    return not misfit(meant, number)


def misfit(meant: Number, number: float) -> str:
    """The expectation that ``number`` misses, in words; empty: it meets it."""
    if not isinstance(meant, Bound):
        return "" if is_near(meant, number) else f"{meant:,.10g}"
    least, most = limits(meant)
    if meant.about is not None:
        fits = least - NEAR < number < most + NEAR
        return "" if fits else f"{meant.about:,.10g} ± {meant.within or 0:g}"
    if number > most and not is_near(number, most):
        return f"at most {most:,.10g}"
    if number < least and not is_near(number, least):
        return f"at least {least:,.10g}"
    return ""


def limits(meant: Number) -> tuple[float, float]:
    """The least and the most that ``meant`` takes."""
    if not isinstance(meant, Bound):
        return meant, meant
    least = -float("inf") if meant.at_least is None else meant.at_least
    most = float("inf") if meant.at_most is None else meant.at_most
    if meant.about is not None:
        within = meant.within or 0.0
        least, most = meant.about - within, meant.about + within
    return least, most


def json_fits(meant: object, value: object) -> bool:
    """Whether a JSON value is as ``meant`` says: of mappings the keys that are named.

    A mapping of a :class:`TextMatch`'s or a :class:`Bound`'s own key is one.
    """
    if isinstance(meant, dict):
        expected = cast("dict[str, Any]", meant)
        if isinstance(value, str) and (text := _read(expected, TextMatch)) is not None:
            return text_fits(text, value)
        if isinstance(value, int | float) and _is_number(value):
            bound = _read(expected, Bound)
            return bound is not None and number_fits(bound, value)
        if not isinstance(value, dict):
            return False
        had = cast("dict[str, Any]", value)
        return all(
            key in had and json_fits(one, had[key]) for key, one in expected.items()
        )
    if isinstance(meant, list) and isinstance(value, list):
        several, all_had = cast("list[object]", meant), cast("list[object]", value)
        is_as_long = len(several) == len(all_had)
        return is_as_long and all(map(json_fits, several, all_had))
    if isinstance(meant, float) or isinstance(value, float):
        is_same = _is_number(cast("object", meant)) and _is_number(value)
        return is_same and is_near(cast("float", meant), cast("float", value))
    is_alike = isinstance(meant, bool) == isinstance(value, bool)
    return is_alike and bool(meant == value)


def text_faults(meant: object, *, is_name: bool = False) -> Iterator[str]:
    """Faults of an expectation of a text: it cannot fail, or cannot come true."""
    match meant:
        case str() if not meant.strip() and not is_name:
            yield "is true of every text; say {is: ''} for none"
        case TextMatch():
            names = [
                name
                for name in meant.__struct_fields__
                if getattr(meant, name) is not msgspec.UNSET
            ]
            if len(names) != 1:
                yield "give exactly one of is, contains, matches, any_of"
                return
            yield from _match_faults(meant, is_name=is_name)
        case _:
            pass


def _match_faults(meant: TextMatch, *, is_name: bool) -> Iterator[str]:
    match meant:
        case TextMatch(contains=""):
            yield "every text contains nothing; say which characters"
        case TextMatch(matches=str(pattern)):
            try:
                if re.compile(pattern).search("") is not None:
                    yield f"{pattern!r} is found in every text; say more of it"
            except re.error as error:
                yield f"{pattern!r} is no regular expression: {error}"
        case TextMatch(any_of=tuple(several)):
            if len(several) < 2:
                yield "any_of needs two or more to choose from"
            for one in several:
                yield from text_faults(one, is_name=is_name)
        case _:
            pass


def number_faults(
    meant: object, *, least: float = 0.0, most: float = float("inf")
) -> Iterator[str]:
    """Faults of an expectation of a number.

    Args:
        meant: A number or a bound.
        least: There is never less.
        most: There is never more.
    """
    if isinstance(meant, bool) or not isinstance(meant, float | int | Bound):
        return
    if isinstance(meant, Bound):
        if meant == Bound():
            yield "bounds nothing; give at_least, at_most or about"
            return
        if (meant.about is None) != (meant.within is None):
            yield "about and within go together; give both"
            return
        if meant.about is not None and (meant.at_least, meant.at_most) != (None, None):
            yield "give about and within, or at_least and at_most"
            return
    low, high = limits(meant)
    if low > high:
        yield f"can never be: at least {low:g} and at most {high:g}"
    elif high < least or low > most:
        bound = f"less than {least:g}" if high < least else f"more than {most:g}"
        yield f"can never be: there is never {bound}"
    elif low <= least and high >= most:
        yield f"is always true: there is never less than {least:g}"
    elif isinstance(meant, Bound) and meant.at_least is not None and low <= least:
        yield f"at_least {low:g} is always true; leave it out"


def names_in(meant: object) -> Iterator[str]:
    """The names that an expectation of a name takes in full."""
    match meant:
        case str():
            yield meant
        case TextMatch(is_=str(whole)):
            yield whole
        case TextMatch(any_of=tuple(several)):
            for one in several:
                yield from names_in(one)
        case _:
            pass


def spelled(meant: object) -> str:
    """Spell an expectation as its file does."""
    text = msgspec.json.encode(msgspec.to_builtins(meant)).decode()
    return text.replace('"', "").replace(":", ": ").replace(",", ", ")


def _occurs(part: str, text: str) -> bool:
    """Whether ``part`` occurs and neither end of it cuts a word."""
    at = text.find(part)
    while at >= 0:
        end = at + len(part)
        begins = at == 0 or not (_is_word(text[at - 1]) and _is_word(part[:1]))
        ends = end == len(text) or not (_is_word(text[end]) and _is_word(part[-1:]))
        if begins and ends:
            return True
        at = text.find(part, at + 1)
    return False


def _is_word(character: str) -> bool:
    # Chinese and Japanese write no spaces: a part of such a text is no cut word.
    return _WORD.match(character) is not None and character < "\u2e80"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _read(fields: dict[str, Any], kind: type[Any]) -> Any:  # noqa: ANN401  (a Struct of that kind)
    try:
        return msgspec.convert(fields, kind) if fields else None
    except msgspec.ValidationError:
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
