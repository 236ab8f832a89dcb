"""A script's performance: which entry is played, and what its lines amount to.

Pure; :mod:`agents.scripted` makes chunks of the moves, :mod:`agents.emulator` bytes.
"""

from agents.play.casting import ScriptStuck
from agents.play.moves import (
    BlockCloses,
    BlockOpens,
    Breaks,
    Cited,
    Deltas,
    MessageCloses,
    MessageOpens,
    Move,
    Pause,
    Pinged,
    RawSent,
    Sealed,
)
from agents.play.player import Part, Player
from agents.play.reading import seen_in, seen_in_body
from agents.play.response import CacheCount
from agents.play.seen import Seen, TaskName, last_message, tokens, weigh

__all__ = [
    "BlockCloses",
    "BlockOpens",
    "Breaks",
    "CacheCount",
    "Cited",
    "Deltas",
    "MessageCloses",
    "MessageOpens",
    "Move",
    "Part",
    "Pause",
    "Pinged",
    "Player",
    "RawSent",
    "ScriptStuck",
    "Sealed",
    "Seen",
    "TaskName",
    "last_message",
    "seen_in",
    "seen_in_body",
    "tokens",
    "weigh",
]
