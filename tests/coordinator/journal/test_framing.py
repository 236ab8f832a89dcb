from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.framing import (
    BYTES_TOGETHER,
    FILE_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION,
    Frames,
    Kind,
    NotAJournal,
    Record,
    encode_file_header,
    encode_mark,
    encode_record,
    framed,
    scan,
)

SALT = 0xC0FFEE
ONLY_IN_FILES = {Kind.DURABLE, Kind.FRAMES}
PAYLOADS = (b'{"kind":"opened"}', b"", b"\x00" * 40, b'{"kind":"text_delta"}\n' * 3)


def a_file(*payloads: bytes, salt: int = SALT) -> bytes:
    records = (
        encode_record(salt, Kind.FRAME, float(number), payload)
        for number, payload in enumerate(payloads)
    )
    return encode_file_header(salt) + b"".join(records)


def ends(*payloads: bytes) -> list[int]:
    """Where a file of these payloads is whole: behind each record."""
    return [len(a_file(*payloads[:count])) for count in range(len(payloads) + 1)]


@given(
    st.integers(0, 2**32 - 1),
    st.lists(
        st.tuples(
            st.integers(0, 255).filter(lambda kind: kind not in ONLY_IN_FILES),
            st.floats(allow_nan=False),
            st.binary(max_size=300),
        )
    ),
)
def test_what_is_encoded_is_found(
    salt: int, said: list[tuple[int, float, bytes]]
) -> None:
    data = encode_file_header(salt)
    data += b"".join(encode_record(salt, *one) for one in said)
    found = scan(data)
    assert found.damage is None
    assert found.valid_bytes == len(data)
    assert found.records == tuple(
        Record(kind=kind, at=at, payload=payload) for kind, at, payload in said
    )


@given(
    st.integers(0, 2**32 - 1),
    st.lists(
        st.one_of(
            st.tuples(st.floats(allow_nan=False), st.lists(st.binary(max_size=300))),
            st.binary(max_size=10),
        )
    ),
)
def test_frames_that_share_a_record_are_found_one_by_one(
    salt: int, said: list[tuple[float, list[bytes]] | bytes]
) -> None:
    group: list[Record | Frames] = []
    expected: list[Record] = []
    for one in said:
        if isinstance(one, bytes):
            group.append(Record(kind=Kind.INPUT, at=0.5, payload=one))
            expected.append(Record(kind=Kind.INPUT, at=0.5, payload=one))
            continue
        at, payloads = one
        if not (group and isinstance(group[-1], Frames)):
            group.append(Frames())
        frames = group[-1]
        assert isinstance(frames, Frames)
        frames.take(payloads, at)
        expected += [Record(kind=Kind.FRAME, at=at, payload=p) for p in payloads]
    data = encode_file_header(salt) + b"".join(framed(salt, group))
    found = scan(data)
    assert found.damage is None
    assert found.records == tuple(expected)


def test_frames_that_do_not_fit_into_their_record_are_damage() -> None:
    frames = Frames()
    frames.take([b"one", b"two"], 1.0)
    whole = frames.encoded()
    before = encode_record(SALT, Kind.FRAME, 0.0, b"before")
    for payload in (b"", whole[:3], whole[:20], whole[:-1], whole + b"x", b"\xff" * 40):
        wrong = encode_record(SALT, Kind.FRAMES, 1.0, payload)
        found = scan(encode_file_header(SALT) + before + wrong)
        assert [r.payload for r in found.records] == [b"before"]
        assert found.damage is not None
        assert found.damage.reason == "a record's frames do not fit into it"


def test_large_frames_keep_records_of_their_own() -> None:
    frames = Frames()
    frames.take([b"x" * (BYTES_TOGETHER // 2), b"y" * BYTES_TOGETHER], 1.0)
    data = encode_file_header(SALT) + b"".join(framed(SALT, [frames]))
    assert struct.unpack_from("<IB", data, FILE_HEADER_BYTES)[1] == Kind.FRAME
    assert [r.payload for r in scan(data).records] == frames.payloads


def test_a_file_cut_at_any_byte_keeps_every_whole_record_and_only_those() -> None:
    data, whole = a_file(*PAYLOADS), ends(*PAYLOADS)
    for cut in range(len(data) + 1):
        found = scan(data[:cut])
        kept = sum(end <= cut for end in whole) - 1
        if cut < FILE_HEADER_BYTES:
            assert found.valid_bytes == 0
            assert found.damage is not None
            continue
        assert [r.payload for r in found.records] == list(PAYLOADS[:kept])
        assert found.valid_bytes == whole[kept]
        assert (found.damage is None) == (cut in whole)
        if found.damage is not None:
            assert (found.damage.offset, found.damage.lost_bytes) == (
                whole[kept],
                cut - whole[kept],
            )
            assert not found.damage.is_inside


def test_no_flipped_bit_goes_unnoticed() -> None:
    data, whole = a_file(*PAYLOADS), ends(*PAYLOADS)
    for place in range(FILE_HEADER_BYTES, len(data)):
        before = sum(end <= place for end in whole) - 1
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            found = scan(bytes(flipped))
            assert [r.payload for r in found.records] == list(PAYLOADS[:before])
            assert found.damage is not None


def test_a_damaged_file_header_is_no_journal() -> None:
    data = a_file(*PAYLOADS)
    for place in range(FILE_HEADER_BYTES):
        flipped = bytearray(data)
        flipped[place] ^= 1
        with pytest.raises(NotAJournal):
            scan(bytes(flipped))


def test_a_tail_of_zeros_is_cut() -> None:
    data = a_file(*PAYLOADS)
    found = scan(data + bytes(4096))
    assert found.valid_bytes == len(data)
    assert len(found.records) == len(PAYLOADS)
    assert found.damage is not None


def test_records_of_another_file_are_not_taken_for_ours() -> None:
    ours, theirs = a_file(*PAYLOADS), a_file(*PAYLOADS, salt=SALT + 1)
    found = scan(ours + theirs[FILE_HEADER_BYTES:])
    assert found.valid_bytes == len(ours)


def test_damage_behind_the_last_mark_is_a_torn_tail_even_before_whole_records() -> None:
    data = a_file(*PAYLOADS)
    torn = data + encode_mark(SALT, 1.0, len(data)) + b"\xff" * 20
    found = scan(torn + encode_record(SALT, Kind.FRAME, 1.0, b"later page"))
    assert found.damage is not None
    assert not found.damage.is_inside


def test_damage_before_a_mark_that_covers_it_is_inside() -> None:
    data = bytearray(a_file(*PAYLOADS))
    mark = encode_mark(SALT, 1.0, len(data))
    data[ends(*PAYLOADS)[1] + 3] ^= 0x40
    found = scan(bytes(data) + mark)
    assert found.damage is not None
    assert found.damage.is_inside
    assert [r.payload for r in found.records] == [PAYLOADS[0]]


def test_words_that_look_like_a_mark_are_none() -> None:
    forged = encode_mark(SALT, 1.0, 1 << 40)
    damaged = bytearray(a_file(b"x", forged[17:], forged[:-1]))
    damaged[FILE_HEADER_BYTES + 17] ^= 1
    found = scan(bytes(damaged))
    assert found.damage is not None
    assert not found.damage.is_inside


def test_marks_are_not_shown_to_readers() -> None:
    data = a_file(b"one") + encode_mark(SALT, 1.0, 30)
    found = scan(data + encode_record(SALT, Kind.FRAME, 2.0, b"two"))
    assert [r.payload for r in found.records] == [b"one", b"two"]
    assert found.damage is None


def test_kinds_of_a_later_library_are_kept() -> None:
    data = encode_file_header(SALT) + encode_record(SALT, 200, 0.0, b"new")
    (record,) = scan(data).records
    assert (record.kind, record.payload) == (200, b"new")


def test_an_impossible_length_is_damage_and_costs_no_memory() -> None:
    head = struct.pack("<IBd", 0xFFFFFFFF, Kind.FRAME, 0.0)
    found = scan(a_file(b"one") + head + bytes(100))
    assert len(found.records) == 1
    assert found.damage is not None
    assert "impossible" in found.damage.reason


def test_a_later_version_is_refused_by_name() -> None:
    head = bytearray(encode_file_header(SALT))
    struct.pack_into("<H", head, 8, VERSION + 1)
    struct.pack_into("<I", head, 16, zlib.crc32(bytes(head[:16])))
    with pytest.raises(NotAJournal, match=f"version {VERSION + 1}.*upgrade"):
        scan(bytes(head))


def test_a_record_beyond_the_limit_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="exceeds"):
        encode_record(SALT, Kind.FRAME, 0.0, bytes(MAX_PAYLOAD_BYTES + 1))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash_a_scan(junk: bytes) -> None:
    found = scan(encode_file_header(SALT) + junk)
    assert found.valid_bytes <= FILE_HEADER_BYTES + len(junk)
