"""Acts of a person on the page, as messages: one class each."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

TEXT_MOST = 200_000
Text = Annotated[str, msgspec.Meta(max_length=TEXT_MOST)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_MOST)]


class _Act(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="do",
    forbid_unknown_fields=True,
):
    """Anything that the page asks for."""


class Say(_Act, frozen=True, kw_only=True, tag="say"):
    """Tell the team something."""

    text: Words


class Stop(_Act, frozen=True, kw_only=True, tag="stop"):
    """Take an agent out; its answer stands."""

    agent: str
    reason: Text = ""


class Veto(_Act, frozen=True, kw_only=True, tag="veto"):
    """Rule an answer out."""

    label: str
    reason: Text = ""


class ForceVote(_Act, frozen=True, kw_only=True, tag="force_vote"):
    """Vote now, on the answers there are; or count who has voted."""


class End(_Act, frozen=True, kw_only=True, tag="end"):
    """End now, with the best answer so far."""


class Answer(_Act, frozen=True, kw_only=True, tag="answer"):
    """Answer for a person of the team."""

    agent: str
    text: Words


class Vote(_Act, frozen=True, kw_only=True, tag="vote"):
    """Vote for a person of the team: labels, the best first."""

    agent: str
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    reason: Text = ""


class Decide(_Act, frozen=True, kw_only=True, tag="decide"):
    """Let a tool run that asks for a yes, or not."""

    call: int
    """Its number among those asked about."""
    is_approved: bool
    reason: Text = ""


Act: TypeAlias = Say | Stop | Veto | ForceVote | End | Answer | Vote | Decide


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question put to one of the teams that are offered."""

    question: Words
    team: int = 0
    continues: Text = ""
    """The session that it goes on from; empty: none."""


act_decoder: msgspec.json.Decoder[Act] = msgspec.json.Decoder(Act)
ask_decoder = msgspec.json.Decoder(Ask)
