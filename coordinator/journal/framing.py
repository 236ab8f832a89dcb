"""The journal's bytes: a file header, then framed records. Pure: opens no file.

::

    file header   magic 8 | version u16 | reserved u16 | salt u32 | CRC-32 u32
    record        length u32 | kind u8 | at f64 | CRC-32 u32 | payload

Numbers are little-endian. A record's CRC covers its length, kind, time and payload.
The first one's starts from the file's salt, every later one's from the CRC before it:
so neither zeros nor records of another file look like a record of this one, and one
that is removed, doubled, moved or put in from elsewhere is found out at its place.
That holds against damage and careless hands. There is no key in it: whoever computes
the chain anew is not found out. Version 1 starts every CRC from the salt and is read,
and gone on with, as it is. ``at`` is the session's clock in seconds (monotonic).

Frames that were taken one after the other share a record, because a header and a
checksum of its own cost each of them more than what it says; reading gives them back
one by one::

    FRAMES        count u32 | each one's length u32 | each one's at f64 | the frames

What the payloads say is :mod:`coordinator.journal.entries`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import msgspec

MAGIC = b"\x8eMJRNL\r\n"
"""Not text in any encoding, and broken by whatever translates line ends."""

VERSION = 2
"""The version that this library writes. It reads this and every earlier one."""

UNCHAINED = 1
"""The version in which every CRC starts from the salt."""

MAX_PAYLOAD_BYTES = 1 << 28
"""A longer length is damage. The largest real payload is a team or one network read."""

FRAMES_TOGETHER = 256
"""How many frames share a record, or up to twice as many; they tear together."""

BYTES_TOGETHER = 1 << 22
"""Larger ones have their own records: joining them would copy more than it saves."""

_FILE_HEAD = struct.Struct("<8sHHI")
_HEAD = struct.Struct("<IBd")
_CRC = struct.Struct("<I")
_COUNT = struct.Struct("<I")
_MARK = struct.Struct("<8sIQ")
_CHAINED_MARK = struct.Struct("<8sIQQ")
"""The word, the salt, how many bytes are durable, where the mark stands; its own CRC
follows, because the record's depends on what is before it."""
_MARK_WORD = b"\x00DURABLE"

FILE_HEADER_BYTES = _FILE_HEAD.size + _CRC.size
RECORD_HEADER_BYTES = _HEAD.size + _CRC.size


class Kind(IntEnum):
    """The type of a payload; numbers are never reused."""

    OPENED = 1
    """The first record: session, question, team, seed."""
    FRAME = 2
    """An agent's frame, byte for byte."""
    INPUT = 3
    """A shell input as JSON."""
    OUTPUT = 4
    """A decision or effect of the machine as JSON, for readers; replay derives it."""
    DURABLE = 5
    """How many bytes were on the disk when this was written."""
    RESUMED = 6
    """The session goes on in another process."""
    RESULT = 7
    """The outcome as JSON."""
    FILE = 8
    """A file was uploaded, or deleted again, as JSON; concerns no machine."""
    FRAMES = 9
    """Several agents' frames; in a file alone, a :class:`Record` is always of one."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record as it stands in a file.

    Thousands wait to be written at a time; the garbage collector leaves them alone.
    """

    kind: int
    """A :class:`Kind`, or a number that a later library knows."""
    at: float
    """Seconds on the session's clock."""
    payload: bytes


class Frames:
    """Frames that were taken one after the other, until they are written."""

    __slots__ = ("ats", "payloads")

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.ats: list[float] = []

    def take(self, frames: Sequence[bytes], at: float) -> None:
        """Put more behind them, taken at ``at``."""
        self.payloads += frames
        self.ats += [at] * len(frames)

    def apart(self) -> Iterator[Record]:
        """Each as a record of its own."""
        for payload, at in zip(self.payloads, self.ats, strict=True):
            yield Record(kind=Kind.FRAME, at=at, payload=payload)

    def encoded(self) -> bytes:
        """All of them as one payload."""
        count = len(self.payloads)
        head = struct.pack(
            f"<{count + 1}I{count}d", count, *map(len, self.payloads), *self.ats
        )
        return b"".join((head, *self.payloads))

    @staticmethod
    def decoded(payload: bytes) -> list[Record] | None:
        """The frames' records; ``None`` where the payload is not made of any."""
        if len(payload) < _COUNT.size:
            return None
        count: int = _COUNT.unpack_from(payload)[0]
        head = struct.Struct(f"<{count}I{count}d")
        place = _COUNT.size + head.size
        if place > len(payload):
            return None
        numbers = head.unpack_from(payload, _COUNT.size)
        records: list[Record] = []
        for length, at in zip(numbers[:count], numbers[count:], strict=True):
            frame = payload[place : place + length]
            records.append(Record(kind=Kind.FRAME, at=at, payload=frame))
            place += length
        return records if place == len(payload) else None


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file stops being what was written, and why."""

    offset: int
    """Bytes before it are whole."""
    lost_bytes: int
    """From there to the end of the file."""
    reason: str
    is_inside: bool
    """The damaged place had been made durable, so this is no torn tail: something
    changed the file afterwards."""

    def __str__(self) -> str:
        return (
            f"{self.reason} at byte {self.offset}; "
            f"the last {self.lost_bytes} bytes are not used"
        )


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """The records and the damage found in a file's bytes."""

    salt: int
    chain: Chain
    """To go on with behind the last whole record."""
    records: tuple[Record, ...]
    """Without the marks of durability, which concern the file alone."""
    valid_bytes: int
    """Up to the end of the last whole record; 0: not even the file header is whole."""
    damage: Damage | None


class NotAJournal(ValueError):
    """The bytes do not begin like a journal that this library reads."""


class Chain:
    """Frames records one after the other; each starts from the one before.

    Args:
        salt: The file's.
        state: The CRC of the record before; the salt at the beginning.
        is_chained: Not in files of version 1.
    """

    __slots__ = ("is_chained", "salt", "state")

    def __init__(
        self, salt: int, state: int | None = None, *, is_chained: bool = True
    ) -> None:
        self.salt = salt
        self.state = salt if state is None else state
        self.is_chained = is_chained

    def headed(self, kind: int, at: float, payload: bytes) -> tuple[bytes, bytes]:
        """A record's header, and its payload as it is."""
        head = _HEAD.pack(len(payload), kind, at)
        crc = zlib.crc32(payload, zlib.crc32(head, self.state))
        if self.is_chained:
            self.state = crc
        return head + _CRC.pack(crc), payload

    def framed(self, group: Iterable[Record | Frames]) -> list[bytes]:
        """Frame records whose payloads were checked; the pieces, to be put one by one.

        Payloads are among them as they are: joining a large group would copy all of it.
        """
        pieces: list[bytes] = []
        for one in group:
            if isinstance(one, Record):
                pieces += self.headed(one.kind, one.at, one.payload)
            elif (
                len(one.payloads) > 1 and sum(map(len, one.payloads)) <= BYTES_TOGETHER
            ):
                pieces += self.headed(Kind.FRAMES, one.ats[-1], one.encoded())
            else:
                for each in one.apart():
                    pieces += self.headed(each.kind, each.at, each.payload)
        return pieces

    def mark(self, at: float, durable_bytes: int, stands_at: int) -> bytes:
        """Frame a mark that so many bytes of the file were on the disk.

        The salt and a word that JSON cannot contain make marks findable behind damage.

        Args:
            at: The session's clock, in seconds.
            durable_bytes: From the file's beginning.
            stands_at: The mark's own place in the file.
        """
        if not self.is_chained:
            return encode_mark(self.salt, at, durable_bytes)
        payload = _mark_payload(self.salt, durable_bytes, stands_at)
        return b"".join(self.headed(Kind.DURABLE, at, payload))


def _mark_payload(salt: int, durable_bytes: int, stands_at: int) -> bytes:
    mark = _CHAINED_MARK.pack(_MARK_WORD, salt, durable_bytes, stands_at)
    return mark + _CRC.pack(zlib.crc32(mark, salt))


def encode_file_header(salt: int, version: int = UNCHAINED) -> bytes:
    """Begin a file; ``salt`` (32 random bits) starts the first CRC in it."""
    head = _FILE_HEAD.pack(MAGIC, version, 0, salt)
    return head + _CRC.pack(zlib.crc32(head))


def encode_record(salt: int, kind: int, at: float, payload: bytes) -> bytes:
    """Frame one record of a file of version 1, by itself.

    Raises:
        ValueError: The payload is larger than :data:`MAX_PAYLOAD_BYTES`.
    """
    record = Record(kind=kind, at=at, payload=checked_payload(payload))
    return b"".join(framed(salt, (record,)))


def checked_payload(payload: bytes) -> bytes:
    """``payload``, if it is no larger than :data:`MAX_PAYLOAD_BYTES`.

    Raises:
        ValueError: It is.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(
            f"a record of {len(payload)} bytes exceeds {MAX_PAYLOAD_BYTES}"
        )
    return payload


def framed(salt: int, group: Iterable[Record | Frames]) -> list[bytes]:
    """Frame records of a file of version 1; see :meth:`Chain.framed`."""
    return Chain(salt, is_chained=False).framed(group)


def encode_mark(salt: int, at: float, durable_bytes: int) -> bytes:
    """Frame a mark of a file of version 1; see :meth:`Chain.mark`."""
    payload = _MARK.pack(_MARK_WORD, salt, durable_bytes)
    return encode_record(salt, Kind.DURABLE, at, payload)


def scan(data: bytes) -> Scan:
    """Read every whole record; never raises on damage behind the file header.

    Raises:
        NotAJournal: The file header is of something else, or of a later version. A
            header that is merely cut short is damage, not this.
    """
    header = _read_file_header(data)
    if header is None:
        return Scan(
            salt=0,
            chain=Chain(0),
            records=(),
            valid_bytes=0,
            damage=_damage(data, 0, 0, "no header"),
        )
    version, salt = header
    is_chained = version > UNCHAINED
    state = salt
    records: list[Record] = []
    offset, end = FILE_HEADER_BYTES, len(data)
    reason = ""
    crc32, unpack_head, unpack_crc = zlib.crc32, _HEAD.unpack_from, _CRC.unpack_from
    while offset < end:
        body = offset + RECORD_HEADER_BYTES
        if body > end:
            reason = "a record is cut short"
            break
        length, kind, at = unpack_head(data, offset)
        if length > MAX_PAYLOAD_BYTES:
            reason = "a record's length is impossible"
            break
        if body + length > end:
            reason = "a record is cut short"
            break
        payload = data[body : body + length]
        start = crc32(data[offset : offset + _HEAD.size], state)
        crc = crc32(payload, start)
        if crc != unpack_crc(data, offset + _HEAD.size)[0]:
            reason = _does_not_fit(data, offset, salt, is_chained=is_chained)
            break
        if kind == Kind.DURABLE and is_chained and not _stands_at(payload, offset):
            reason = "a mark stands at another place than it says"
            break
        if is_chained:
            state = crc
        if kind == Kind.FRAMES:
            frames = Frames.decoded(payload)
            if frames is None:
                reason = "a record's frames do not fit into it"
                break
            records += frames
        elif kind != Kind.DURABLE:
            records.append(Record(kind=kind, at=at, payload=payload))
        offset = body + length
    damage = _damage(data, salt, offset, reason) if reason else None
    return Scan(
        salt=salt,
        chain=Chain(salt, state, is_chained=is_chained),
        records=tuple(records),
        valid_bytes=offset,
        damage=damage,
    )


def _does_not_fit(data: bytes, offset: int, salt: int, *, is_chained: bool) -> str:
    if is_chained and _mark_at(data, salt, offset) is not None:
        return "a record before this place was removed, doubled, moved or put in"
    follows = ", or does not follow the record before it" if is_chained else ""
    return f"a record's checksum does not fit{follows}"


def _stands_at(payload: bytes, offset: int) -> bool:
    if len(payload) < _CHAINED_MARK.size:
        return False
    place: int = _CHAINED_MARK.unpack_from(payload)[3]
    return place == offset


def _read_file_header(data: bytes) -> tuple[int, int] | None:
    """Version and salt, or ``None`` where the header is cut short."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise NotAJournal("it does not begin like a journal")
    if len(data) < FILE_HEADER_BYTES:
        return None
    _, version, _, salt = _FILE_HEAD.unpack_from(data)
    if _CRC.unpack_from(data, _FILE_HEAD.size)[0] != zlib.crc32(
        data[: _FILE_HEAD.size]
    ):
        raise NotAJournal("its file header is damaged")
    if version > VERSION:
        raise NotAJournal(
            f"it is of version {version} and this library reads up to {VERSION}; "
            "upgrade massgen-coordinator"
        )
    return version, salt


def _damage(data: bytes, salt: int, offset: int, reason: str) -> Damage:
    return Damage(
        offset=offset,
        lost_bytes=len(data) - offset,
        reason=reason,
        is_inside=_was_durable(data, salt, offset),
    )


def _was_durable(data: bytes, salt: int, offset: int) -> bool:
    """Whether a whole mark behind ``offset`` says that the byte at it was durable.

    Or stands at another place than it was written to, which no power loss can bring
    about.

    Power loss may keep a later page of the last group and lose an earlier one, so
    whole records behind damage prove nothing; a mark does.
    """
    word = _MARK_WORD + _CRC.pack(salt)
    place = data.find(word, offset)
    while place != -1:
        mark = _mark_at(data, salt, place - RECORD_HEADER_BYTES)
        if mark is not None and (mark[0] > offset or mark[1]):
            return True
        place = data.find(word, place + 1)
    return False


def _mark_at(data: bytes, salt: int, offset: int) -> tuple[int, bool] | None:
    """How much a mark says was durable, and whether it has been moved."""
    body = offset + RECORD_HEADER_BYTES
    if offset < FILE_HEADER_BYTES or body + _MARK.size > len(data):
        return None
    length, kind, at = _HEAD.unpack_from(data, offset)
    if (length, kind) == (_CHAINED_MARK.size + _CRC.size, Kind.DURABLE):
        payload = data[body : body + length]
        if len(payload) < length:
            return None
        _, _, durable_bytes, place = _CHAINED_MARK.unpack_from(payload)
        is_whole = payload == _mark_payload(salt, durable_bytes, place)
        return (durable_bytes, place != offset) if is_whole else None
    if (length, kind) != (_MARK.size, Kind.DURABLE):
        return None
    durable: int = _MARK.unpack_from(data, body)[2]
    whole = encode_mark(salt, at, durable)
    return (durable, False) if data[offset : body + _MARK.size] == whole else None
