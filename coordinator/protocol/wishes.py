"""Wishes of a person who watches a session.

A display, a page or a terminal makes wishes of keys, buttons and lines; whoever holds
the session carries them out. Labels may be given as people say them: an agent's name or
a number of the list shown.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec


class Reply(NamedTuple):
    """The result of a wish."""

    words: str
    """For the person."""
    is_done: bool = True


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """A person of the team hands in what they wrote."""

    text: str


class Vote(msgspec.Struct, frozen=True, kw_only=True, tag="vote"):
    """A person of the team votes."""

    choices: tuple[str, ...]
    """Best first."""
    reason: str = ""


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag="tell"):
    """Every agent is told something with its next turn."""

    text: str


class Veto(msgspec.Struct, frozen=True, kw_only=True, tag="veto"):
    """An answer is ruled out."""

    choice: str
    reason: str = "vetoed by a person"


class StopAgent(msgspec.Struct, frozen=True, kw_only=True, tag="stop_agent"):
    """An agent is taken out; its answer stands."""

    agent: str
    reason: str = "a person asked for it"


class ForceVote(msgspec.Struct, frozen=True, kw_only=True, tag="force_vote"):
    """The vote is held on what is there, or counted by who has voted."""

    reason: str = "a person asked for the vote"


class Allow(msgspec.Struct, frozen=True, kw_only=True, tag="allow"):
    """The tool that was asked about may run."""


class Deny(msgspec.Struct, frozen=True, kw_only=True, tag="deny"):
    """The tool that was asked about may not run."""

    reason: str = "a person said no"


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The session ends now, with the best answer so far."""


Wish: TypeAlias = (
    Answer | Vote | Tell | Veto | StopAgent | ForceVote | Allow | Deny | End
)
