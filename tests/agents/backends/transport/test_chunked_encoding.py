"""HTTP's chunked coding, however the network cuts it."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from agents.backends.transport.chunked_encoding import ChunkedBody, NotChunked

PARTS = [b"event: ping\ndata: {}\n\n", b"x", b"\r\n", b"0\r\n\r\n", b"y" * 5000]
BODY = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in PARTS)
END = b"0\r\n\r\n"


def undone(reads: list[bytes]) -> tuple[bytes, ChunkedBody]:
    body = ChunkedBody()
    said = b"".join(body.feed(read) for read in reads if not body.is_over)
    return said, body


@pytest.mark.parametrize("seed", range(100))
def test_any_cut_gives_the_same_bytes(seed: int) -> None:
    chance = Random(seed)  # noqa: S311  (repeatable is the point)
    cuts = sorted({0, len(BODY), *chance.choices(range(len(BODY)), k=seed)})
    said, body = undone([BODY[a:b] for a, b in pairwise(cuts)])
    assert said == b"".join(PARTS)
    assert not body.is_over


def test_single_bytes_give_the_same_bytes() -> None:
    said, body = undone([bytes([byte]) for byte in BODY])
    assert said == b"".join(PARTS)
    assert not body.is_over


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 200 OK"])
def test_the_last_chunk_is_left_to_others(more: bytes) -> None:
    said, body = undone([BODY + END + more])
    assert (said, body.rest) == (b"".join(PARTS), END + more)


@pytest.mark.parametrize(
    "odd", [b"5;name=value\r\nabcde\r\n", b"zz\r\n", b"-1\r\n", b"f" * 40, b"\r\n"]
)
def test_what_is_no_plain_chunk_is_left_to_others(odd: bytes) -> None:
    said, body = undone([b"1\r\na\r\n" + odd])
    assert (said, body.is_over, body.rest) == (b"a", True, odd)


@pytest.mark.parametrize("wrong", [b"1\r\nab\r\n", b"1\r\na\rb", b"2\r\na\r\n\r\n"])
def test_a_chunk_of_another_length_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotChunked):
        undone([wrong])
