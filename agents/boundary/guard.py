"""Errors of callers' code in words: for the agent, for people and for the log.

An exception may be of any class, bear any text, or fail at being printed. Nothing here
raises.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from traceback import format_tb
from typing import TYPE_CHECKING, TypeVar, cast

from agents.boundary.isolation import isolated
from agents.boundary.log_context import bound_logger
from agents.protocol.unicode_text import whole_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import TypeIs

T = TypeVar("T")

WORDS_MOST = 2_000
"""Characters of an exception that are told; some carry a whole document."""
ERRORS_MOST = 1_000
"""Exceptions of one group or chain whose tracebacks are written."""
FRAMES_MOST = 30
"""Lines of the traceback of one that stands for more."""
TEXTS_MOST = 10_000
"""Texts that are read of one attribute; a list without end has more."""

_log = bound_logger("agents.boundary")


def is_a(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether ``error`` is of one of ``kinds``, whatever it says of its class.

    ``isinstance`` asks the error itself where its type is none of them.
    """
    return issubclass(type(error), kinds)


def _is_ours(thing: object) -> bool:
    """Whether the class of ``thing`` is of these packages, which isolate what is not.

    A caller's class that says so loses no more than its isolation.
    """
    return module_name(thing).startswith(("agents.", "coordinator."))


def attribute_of(thing: object, name: str, default: T) -> T:
    """The attribute ``name`` of ``thing``; ``default``: it has none, or it fails.

    Raises:
        KeyboardInterrupt: The user's, who means the session.
    """
    try:
        if _is_ours(thing):
            return getattr(thing, name, default)
        return isolated(lambda: getattr(thing, name, default))
    except BaseException as error:
        if is_a(error, KeyboardInterrupt):
            raise
        log_error(f"{name} of {class_name(thing)}", error)
        return default


def plain_text(value: object) -> str | None:
    """``value`` as a plain str that can be encoded; ``None``: it is no text.

    A str of a class of the caller's own may do anything when it is compared, hashed or
    printed.
    """
    if not issubclass(type(value), str):
        return None
    return whole_text(str.__getitem__(cast("str", value), slice(None)))


def text_attribute(thing: object, name: str, default: str = "") -> str:
    """The attribute ``name`` of ``thing`` as plain text; ``default``: it has no such.

    Raises:
        KeyboardInterrupt: The user's.
    """
    text = plain_text(attribute_of(thing, name, cast("object", None)))
    return default if text is None else text


def texts_of(thing: object, name: str) -> tuple[str, ...]:
    """The texts in the attribute ``name`` of ``thing``, plain; none where it fails.

    Raises:
        KeyboardInterrupt: The user's.
    """
    values = attribute_of(thing, name, cast("object", ()))
    if issubclass(type(values), str | bytes):
        return ()  # a text itself, and no list of them
    try:
        # Bounded: an iterator of the caller's may have no end.
        few = islice(cast("Iterable[object]", values), TEXTS_MOST)
        is_plain = type(values) is tuple or type(values) is frozenset
        many = tuple(few) if is_plain else isolated(lambda: tuple(few))
        texts = map(plain_text, many)
        return tuple(text for text in texts if text is not None)
    except BaseException as error:
        if is_a(error, KeyboardInterrupt):
            raise
        if not is_a(error, TypeError):  # no list of anything
            log_error(f"{name} of {class_name(thing)}", error)
        return ()


def flag_of(thing: object, name: str) -> bool:
    """Whether ``thing`` has a true attribute ``name``; not where it fails.

    Raises:
        KeyboardInterrupt: The user's.
    """
    value = attribute_of(thing, name, cast("object", False))
    try:
        return value if type(value) is bool else isolated(lambda: bool(value))
    except BaseException as error:
        if is_a(error, KeyboardInterrupt):
            raise
        log_error(f"{name} of {class_name(thing)}", error)
        return False


def offers(thing: object, protocol: type[T]) -> TypeIs[T]:
    """Whether ``thing`` has all that ``protocol`` asks for; not where it fails.

    To be used in place of ``isinstance`` with a protocol that is checked at run time:
    that looks each attribute up, and a caller's may raise.

    Raises:
        KeyboardInterrupt: The user's.
    """
    try:
        if _is_ours(thing):
            return isinstance(thing, protocol)
        return isolated(lambda: isinstance(thing, protocol))
    except BaseException as error:
        if is_a(error, KeyboardInterrupt):
            raise
        log_error(f"{protocol.__name__} of {class_name(thing)}", error)
        return False


def first_of(error: BaseException) -> BaseException:
    """The first exception of a group, of the groups in it; else ``error`` itself."""
    while is_a(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        # Not by the name, which a class of the caller's may have made its own.
        error = vars(BaseExceptionGroup)["exceptions"].__get__(group)[0]
    return error


def class_name(thing: object) -> str:
    """The name of the class of ``thing``, whatever its metaclass makes of it."""
    name: str = type.__dict__["__name__"].__get__(type(thing))
    return whole_text(name)


def module_name(thing: object) -> str:
    """The module of the class of ``thing``, whatever its metaclass makes of it."""
    module: object = type.__dict__["__module__"].__get__(type(thing))
    return plain_text(module) or ""


def text_of(error: BaseException) -> str:
    """The message of ``error`` as text that can be encoded; empty: it has none."""
    error = first_of(error)
    try:
        # A plain str, also where it is of a class of its own.
        text = str.__getitem__(str(error), slice(WORDS_MOST))
    except BaseException:  # noqa: BLE001, ASYNC103  (the class is the caller's)
        text = "(it cannot be printed)"
    return whole_text(text)


def words_of(error: BaseException) -> str:
    """``error`` in one line: its class, and what it says."""
    error = first_of(error)
    kind = class_name(error)
    if kind in {"CancelledError", "Cancelled"}:
        return f"{kind}: it was cancelled by code of its own; its effect is unknown"
    text = text_of(error)
    return f"{kind}: {text}" if text else kind


def model_of(backend: object) -> str:
    """The name of a backend's model, also where the backend does not know it."""
    return text_attribute(backend, "model", "?")


def _is_short(error: BaseException) -> bool:
    """Whether its traceback, with all that led to it, can be written in no time.

    A group may hold one error many times over, and each time it is written.
    """
    count, ahead = 0, [error]
    while ahead and count < ERRORS_MOST:
        count += 1
        one = ahead.pop()
        led_to = (one.__cause__, one.__context__)
        ahead.extend(each for each in led_to if each is not None)
        if is_a(one, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", one)
            ahead.extend(vars(BaseExceptionGroup)["exceptions"].__get__(group))
    return not ahead


def log_error(what: str, error: BaseException) -> None:
    """Write ``error`` with its traceback to the log, where an operator looks for it."""
    try:
        if _is_short(error):
            _log.warning("%s failed: %s", what, words_of(error), exc_info=error)
        else:
            place = "".join(format_tb(first_of(error).__traceback__, FRAMES_MOST))
            _log.warning("%s failed: %s\n%s", what, words_of(error), place.rstrip())
    except BaseException:  # noqa: BLE001, ASYNC103  (a traceback of an error that cannot be told)
        with suppress(BaseException):  # a handler of the program's may raise each time
            _log.warning("%s failed: %s", what, words_of(error))
