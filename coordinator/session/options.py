"""The options that sessions are opened with: each written once, for every opener.

:func:`~coordinator.session.session.open_session`, ``run``, ``run_sync``,
:func:`~coordinator.session.resume.resume_session` and ``branch_session`` take these by
name. The classes are what type checkers and editors read; :func:`takes` gives the
functions a signature at run time, and refuses a name that is none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

if TYPE_CHECKING:
    from coordinator.displays.base import Display
    from coordinator.journal.writer import Durability
    from coordinator.recovery.follow_up import Continued
    from coordinator.session.handle import SessionHandle
    from coordinator.team.attachment_sources import Attachable

_F = TypeVar("_F", bound=Callable[..., Any])


class SessionOptions(TypedDict, total=False):
    """Options of every opener."""

    displays: Sequence[Display]
    """Shown everything, each at its own pace; one that lags misses text, and only text.
    Of a session that goes on, those that may miss text are shown what happened before
    as well. Default: none."""
    show: bool
    """Show it live, as the command line does: panes on a terminal, lines elsewhere.
    Default: no."""
    journal: Path | Literal[False] | None
    """The folder of the session's journal; ``False`` or ``None``: none is kept. Left
    out, it is the usual folder, as on the command line (``COORDINATOR_SESSIONS``).
    Where a session goes on, the folder that it is in; ``None``: the usual one."""
    durability: Durability
    """The journal's promise; see :mod:`coordinator.journal.writer`. Default:
    ``async``."""
    attachments: Sequence[Attachable]
    """Files that go with the question, beside the team's: paths, addresses, either with
    a word on how to send it. What is uploaded is deleted when the session ends. Where a
    session goes on: where its files are now, if they are not where they were, or were
    brought by the program. Default: none."""
    output_dir: Path | None
    """Where files go that agents' code has written; ``None``: beside the journal, or
    nowhere if there is none; where a session goes on, as it was."""


class OpenOptions(SessionOptions, total=False):
    """Options of a new session."""

    session_id: str | None
    """A name for the session; drawn if absent."""
    continues: Continued | None
    """The outcomes of earlier sessions, which the agents read as well; see
    :func:`coordinator.recovery.follow_up.continued_from`."""


class SyncOptions(OpenOptions, total=False):
    """Options of a new session that gets an event loop of its own."""

    runtime: Literal["asyncio", "trio"]
    """The library whose event loop it gets. Default: ``asyncio``."""
    on_start: Callable[[SessionHandle], object] | None
    """Called once the session runs, in its event loop's thread, with what any thread
    may stop it, talk to it and wait for it by. Default: nothing."""


class ResumeOptions(SessionOptions, total=False):
    """Options of a session that is resumed."""

    deadline_s: float | None
    """Seconds from now, instead of what is left of the session's own; the session's
    clock stood still while nobody ran it."""


class BranchOptions(ResumeOptions, total=False):
    """Options of a session that begins as a copy of another one's first records."""

    session_id: str | None
    """A name for the new session; drawn if absent."""
    say: str | None
    """A message to the whole team; agents read it with their next turn."""


def takes(options: type[Any]) -> Callable[[_F], _F]:
    """Let a function take ``options`` by name, and nothing else.

    Args:
        options: One of the classes above; the function has ``**options`` of it.
    """
    known = _names(options)

    def decorate(function: _F) -> _F:
        name = function.__name__

        @wraps(function)
        def checked(*args: object, **options: object) -> object:
            for option in options:
                if option not in known and option not in positional:
                    raise TypeError(f"{name}() {_unknown(option, known)}")
            return function(*args, **options)

        signature = inspect.signature(function)
        positionals = [
            p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD
        ]
        positional = frozenset(parameter.name for parameter in positionals)
        named = [inspect.Parameter(x, inspect.Parameter.KEYWORD_ONLY) for x in known]
        full = signature.replace(parameters=[*positionals, *named])
        vars(checked)["__signature__"] = full
        return cast("_F", checked)

    return decorate


def _names(options: type[Any]) -> tuple[str, ...]:
    return tuple(options.__annotations__)


def _unknown(option: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(option, known, 1)
    way_out = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return f"has no option {option!r}; {way_out}"
