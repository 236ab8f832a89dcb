"""The tools of one session: read once, some made anew for it, let go of at its end.

All of that is the caller's code: a tool that cannot be made or read is left out of its
session, one that cannot be let go of is logged, and neither ends the session.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from agents.boundary.guard import class_name, is_a, log_error, offers
from agents.boundary.isolation import isolated
from agents.boundary.plain_tools import plain_tool
from agents.tools.base import InSession, Tool


def tools_in_session(
    tools: Iterable[Tool], session: str
) -> tuple[tuple[Tool, ...], list[InSession]]:
    """The tools of an agent in the session of that id, and those to let go of."""
    ready: list[Tool] = []
    held: list[InSession] = []
    for tool in tools:
        what = f"in_session of {class_name(tool)}, which is left out,"
        own = tool
        try:
            if offers(tool, InSession):
                own = isolated(partial(tool.in_session, session))
                if offers(own, InSession):
                    held.append(own)
            what = f"{class_name(own)}, a tool that is left out,"
            ready.append(isolated(partial(plain_tool, own)))
        except BaseException as error:
            if is_a(error, KeyboardInterrupt):
                raise
            log_error(what, error)
    return tuple(ready), held


def let_go(held: Iterable[InSession]) -> None:
    """The session has ended: tell each of the tools that were made for it."""
    for tool in held:
        try:
            isolated(tool.leave)
        except BaseException as error:
            if is_a(error, KeyboardInterrupt):
                raise
            log_error(f"leave of {class_name(tool)}", error)
