"""Errors of callers' code in words: for the agent, for people and for the log.

An exception may be of any class, bear any text, or fail at being printed. Nothing here
raises.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from agents.boundary.log_context import bound_logger
from agents.protocol.unicode_text import whole_text

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")

WORDS_MOST = 2_000
"""Characters of an exception that are told; some carry a whole document."""

_log = bound_logger("agents.boundary")


def is_a(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether ``error`` is of one of ``kinds``, whatever it says of its class.

    ``isinstance`` asks the error itself where its type is none of them.
    """
    return issubclass(type(error), kinds)


def attribute_of(thing: object, name: str, default: T) -> T:
    """The attribute ``name`` of ``thing``; ``default``: it has none, or it fails."""
    try:
        return getattr(thing, name, default)
    except BaseException as error:  # noqa: BLE001, ASYNC103  (the property is the caller's)
        log_error(f"{name} of {class_name(thing)}", error)
        return default  # noqa: ASYNC104  (the boundary tells ours from theirs)


def offers(thing: object, protocol: type[T]) -> TypeIs[T]:
    """Whether ``thing`` has all that ``protocol`` asks for; not where it fails.

    To be used in place of ``isinstance`` with a protocol that is checked at run time:
    that looks each attribute up, and a caller's may raise.
    """
    try:
        return isinstance(thing, protocol)
    except BaseException as error:  # noqa: BLE001, ASYNC103  (the attribute is the caller's)
        log_error(f"{protocol.__name__} of {class_name(thing)}", error)
        return False  # noqa: ASYNC104  (the boundary tells ours from theirs)


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
    try:
        model: object = getattr(backend, "model", "?")
    except BaseException:  # noqa: BLE001, ASYNC103  (the property is the caller's)
        return "?"  # noqa: ASYNC104  (the boundary tells ours from theirs)
    return whole_text(model) if isinstance(model, str) else "?"


def log_error(what: str, error: BaseException) -> None:
    """Write ``error`` with its traceback to the log, where an operator looks for it."""
    try:
        _log.warning("%s failed: %s", what, words_of(error), exc_info=error)
    except BaseException:  # noqa: BLE001, ASYNC103  (a traceback of an error that cannot be told)
        with suppress(BaseException):  # a handler of the program's may raise each time
            _log.warning("%s failed: %s", what, words_of(error))
