"""Entries of a journal: closed unions of Structs as JSON, frames as they came.

Decoding ends in these unions and nowhere else: a journal is data, and reading one runs
no code of its choosing. New fields have defaults and unknown ones are passed over, so
that old journals stay readable; see ``tests/golden``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TypeAlias

import msgspec

from agents.protocol.attachments import By
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.frames import decode_frame
from agents.tools import foreign_types as foreign
from coordinator.journal.framing import Kind, Record
from coordinator.protocol.events import JournalLost, MachineOutput, ShellInput
from coordinator.protocol.result import Result


class BranchedFrom(msgspec.Struct, frozen=True, kw_only=True, tag="branched_from"):
    """The session began as a copy of another one's first records."""

    session: str
    record: int
    """How many of its records were taken."""


class ContinuedFrom(msgspec.Struct, frozen=True, kw_only=True, tag="continued_from"):
    """The session takes up what another one agreed on."""

    session: str


Parent: TypeAlias = BranchedFrom | ContinuedFrom


class AttachedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that went with the question; its content is not kept."""

    name: str
    digest: str
    """Of its name and content, so that another file is not taken for it."""
    source: str
    """Where it was read: a path or an address; empty where a program brought it."""
    by: By = "auto"
    title: str = ""
    citations: bool = False
    container: bool = False


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="opened"):
    """The first record: all that is needed to build the same machine again."""

    session: str
    started: datetime
    """Wall clock, with its zone; the only wall clock the machine's inputs have."""
    at: float
    """The session's clock at that moment, in seconds."""
    question: str
    team: msgspec.Raw
    """The team as JSON, as its owner describes it; never a key."""
    models: dict[AgentId, str] = {}
    """Agent → model, in the order of the team, for people."""
    seed: int
    nonce: str
    library: str
    """The version that wrote it."""
    parent: Parent | None = None
    asked: str = ""
    """The question as the agents read it, with what earlier sessions came to; empty
    where that is the question itself."""

    attached: tuple[AttachedFile, ...] = ()
    """In the order in which the agents are sent them."""
    output_dir: str = ""
    """Where files go that agents' code has written; empty: beside the journal."""

    @property
    def as_asked(self) -> str:
        """The question as the machine was given it."""
        return self.asked or self.question


class Resumed(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="resumed"
):
    """The session goes on in another process."""

    resumed: datetime
    """Wall clock, with its zone."""
    deadline_at: float | None = None
    """The session's deadline from here on, on its clock; ``None``: as it was."""
    kept: int
    """Of the records that counted until here, the first ``kept`` still count; the
    others (an interruption, say) are void."""
    shift_s: float
    """Add it to this process's monotonic clock to get the session's, which stood still
    in between."""
    library: str
    output_dir: str = ""
    """Where files go from here on; empty: where they went."""


class FileKept(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="file_kept"
):
    """An attached file lies with a provider, or no longer does."""

    account: str
    """Sets the provider's accounts apart; no key can be read from it."""
    digest: str
    """Of the file; see :class:`AttachedFile`."""
    file_id: str
    is_deleted: bool = False


Entry: TypeAlias = (
    Opened
    | Resumed
    | ShellInput
    | MachineOutput
    | JournalLost
    | Result
    | FileKept
    | Sequence[StreamChunk]
)
"""The content of one record; a sequence of chunks is a frame."""

# A structured answer may be of any type that a team asks for.
_encoder = msgspec.json.Encoder(enc_hook=foreign.encode)
_opened = msgspec.json.Decoder(Opened)
_resumed = msgspec.json.Decoder(Resumed)
_result = msgspec.json.Decoder(Result)
_file = msgspec.json.Decoder(FileKept)
_input: msgspec.json.Decoder[ShellInput] = msgspec.json.Decoder(ShellInput)
_output: msgspec.json.Decoder[MachineOutput | JournalLost] = msgspec.json.Decoder(
    MachineOutput | JournalLost
)


@cache
def library_version() -> str:
    """The library's version, for the first record and for resumptions."""
    from importlib.metadata import version  # noqa: PLC0415  (20 ms, for few)

    return version("massgen-coordinator")


def encode(
    entry: Opened | Resumed | ShellInput | MachineOutput | Result | FileKept,
) -> bytes:
    """Make a payload; frames need none, they are payloads already."""
    return _encoder.encode(entry)


def decode_opened(record: Record) -> Opened:
    """Read a first record.

    Raises:
        msgspec.DecodeError: It is something else.
    """
    if record.kind != Kind.OPENED:
        raise msgspec.DecodeError(f"a record of kind {record.kind} came first")
    return _opened.decode(record.payload)


def decode(record: Record) -> Entry | None:
    """Read a record; ``None`` for a kind that only a later library knows.

    Raises:
        msgspec.DecodeError: The payload is not what its kind says. Its checksum fits,
            so it was written like this.
    """
    match record.kind:
        case Kind.OPENED:
            return _opened.decode(record.payload)
        case Kind.FRAME:
            return decode_frame(record.payload)
        case Kind.INPUT:
            return _input.decode(record.payload)
        case Kind.OUTPUT:
            return _output.decode(record.payload)
        case Kind.RESUMED:
            return _resumed.decode(record.payload)
        case Kind.RESULT:
            return _result.decode(record.payload)
        case Kind.FILE:
            return _file.decode(record.payload)
        case _:
            return None
