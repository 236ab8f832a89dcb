"""The backend against servers that put any bytes they like on a real socket."""

from __future__ import annotations

import gzip
import json
import re
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import cast

import anthropic
import anyio
import msgspec
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.decoder import decode_sse
from agents.conversation.accumulator import Transcript
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    StreamMalformed,
)
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import (
    AgentId,
    ResponseEnded,
    ResponseOpened,
    StreamChunk,
    TurnNumber,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn
from tests.agents.backends.dialects.messages.mutations import (
    WRITTEN,
    chunks_of,
    mutated,
    seeded,
)

pytestmark = pytest.mark.real_time

KEY = "sk-ant-canary-71be"
HTTP_CASES = 500
RECORDINGS = Path(__file__).parents[5] / "shared" / "recordings"

ANSWER = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1",'
    b'"type":"message","role":"assistant","model":"claude-haiku-5-5","content":[],'
    b'"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Paris"}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":'
    b'{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)

BEGUN = b"\n\n".join(ANSWER.split(b"\n\n")[:3]) + b"\n\n"
"""The answer up to its first words."""

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = SSE + b"transfer-encoding: chunked\r\n\r\n"
ONCE = SSE + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(parts: Sequence[bytes]) -> list[bytes]:
    """The parts as chunks of a body, without the chunk that ends it."""
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part]


async def read_request(stream: SocketStream) -> None:
    """Read all of it: who hangs up on unread bytes resets the connection."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += await stream.receive()
    head, _, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(await stream.receive())


@asynccontextmanager
async def serving(
    sends: Sequence[bytes], *, stalls: bool = False
) -> AsyncGenerator[str]:
    """A server that answers any request with ``sends`` and hangs up, or does not."""

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await read_request(stream)
            with suppress(anyio.BrokenResourceError):  # who reads has heard enough
                for part in sends:
                    await stream.send(part)
            if stalls:
                await anyio.sleep_forever()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(  # noqa: S610  (not Django's)
            SocketAttribute.local_port
        )
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, answer)
            with anyio.fail_after(20):
                yield f"http://127.0.0.1:{port}"
            group.cancel_scope.cancel("the test is over")


async def played(backend: ClaudeBackend) -> list[StreamChunk]:
    try:
        return await asked(backend)
    finally:
        await backend.aclose()


async def asked(backend: ClaudeBackend) -> list[StreamChunk]:
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="q", task=Draft())
    ask = Request(
        turn=turn, messages=(Message(role="user", content=msgspec.Raw(b'"q"')),)
    )
    said: list[StreamChunk] = []
    async with backend.open_stream(ask, Pen(turn.agent, turn.number, 0.0)) as stream:
        async for batch in stream:
            said += batch
    return said


def text_of(said: Sequence[StreamChunk]) -> str:
    transcript = Transcript()
    transcript.absorb(said)
    return transcript.text


async def test_a_whole_answer_stands_though_the_body_breaks_off_after_it() -> None:
    async with serving([CHUNKED, *chunked([ANSWER])]) as url:
        said = await played(
            ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        )
    assert isinstance(said[-1], ResponseEnded)
    assert text_of(said) == "Paris"


async def test_a_body_that_breaks_off_earlier_is_no_answer() -> None:
    async with serving([CHUNKED, *chunked([ANSWER[:-60]])]) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(StreamMalformed, match="broke off"):
            await played(backend)


def whole(body: bytes, media_type: str = "application/json") -> list[bytes]:
    """A response that is no stream."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\n".encode()
    return [head + b"content-length: %d\r\n\r\n" % len(body), body[:9], body[9:]]


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "Paris"},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


async def test_a_page_instead_of_a_stream_is_refused_in_its_own_words() -> None:
    page = b"<html><h1>Welcome to the hotel's network</h1></html>"
    async with serving(whole(page, "text/html")) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(BackendRefused, match="Welcome to the hotel's network"):
            await played(backend)


@pytest.mark.parametrize(
    ("before", "media_type"),
    [
        (b"", "application/json"),
        (b" \n", "application/json"),
        (b"\xef\xbb\xbf", "application/json"),
        (b"", "text/event-stream"),
        (b"data: ", "text/event-stream"),
        (b"event: message\ndata: ", "text/event-stream"),
    ],
)
async def test_a_whole_message_instead_of_a_stream_is_read_as_one(
    before: bytes, media_type: str
) -> None:
    body = before + json.dumps(MESSAGE).encode() + b"\n\n"
    async with serving(whole(body, media_type)) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        said = await played(backend)
    transcript = Transcript()
    transcript.absorb(said)
    assert transcript.is_complete
    assert transcript.text == "Paris"
    assert transcript.usage.output_tokens == 2
    assert [bytes(call.input) for call in transcript.tool_calls] == [b'{"q":1}']
    assert msgspec.json.decode(transcript.content) == MESSAGE["content"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {
                "type": "error",
                "error": {"type": "authentication_error", "message": "w"},
            },
            BackendRefused,
        ),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "w"}},
            BackendUnavailable,
        ),
        ({"error": {"code": 401, "message": "w"}}, BackendRefused),
        ({"error": "w"}, BackendUnavailable),
        ([{"error": {"code": 400, "message": "w"}}], BackendUnavailable),
        ({"detail": [{"msg": "w"}]}, BackendUnavailable),
    ],
)
async def test_an_error_instead_of_a_stream_is_that_error(
    body: object, error: type[AgentError]
) -> None:
    async with serving(whole(json.dumps(body).encode())) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(error, match="w"):
            await played(backend)


async def test_a_whole_message_that_breaks_off_is_no_answer() -> None:
    async with serving(whole(json.dumps(MESSAGE).encode()[:-30])) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(StreamMalformed, match="broke off"):
            await played(backend)


async def test_a_key_quoted_in_such_a_body_is_not_shown() -> None:
    body = json.dumps({"error": {"code": 401, "message": f"bad key {KEY}"}}).encode()
    async with serving(whole(body)) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(BackendRefused) as caught:
            await played(backend)
    assert KEY not in str(caught.value)


async def test_a_stream_under_another_media_type_is_still_a_stream() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    async with serving([head, ANSWER]) as url:
        said = await played(
            ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        )
    assert text_of(said) == "Paris"


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error": {"type": "gateway_error", "message": "upstream is away"}}',
        b"event: error\ndata: upstream is away",
        b'event: error\ndata: "upstream is away"',
        b'event: error\ndata: {"type": "error", "error": "upstream is away"}',
        b'data: {"type": "error", "error": {"message": "upstream is away"}}',
        b'data: {"type": "error", "error": null, "detail": "upstream is away"}',
    ],
)
async def test_an_error_amid_a_stream_keeps_its_words_whatever_its_shape(
    event: bytes,
) -> None:
    sends = [CHUNKED, *chunked([BEGUN, event + b"\n\n"]), b"0\r\n\r\n"]
    async with serving(sends) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(BackendUnavailable, match="upstream is away"):
            await played(backend)


PING = b'event: ping\ndata: {"type":"ping"}\n\n'
WEATHER = b'event: weather\ndata: {"type":"weather"}\n\n'
NO_TEXT = (
    b'data: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":""}}\n\n'
)


@pytest.mark.parametrize(
    "pieces",
    [
        (PING, b": still here\n\n"),
        (PING * 3,),
        (PING + WEATHER, WEATHER),
        (NO_TEXT, NO_TEXT + PING),
    ],
)
async def test_pings_alone_do_not_keep_a_stream_alive(
    pieces: tuple[bytes, ...],
) -> None:
    async def pinging(stream: SocketStream) -> None:
        async with stream:
            await read_request(stream)
            await stream.send(CHUNKED + chunked([BEGUN])[0])
            with suppress(anyio.BrokenResourceError):
                while True:
                    for piece in pieces:
                        await stream.send(chunked([piece])[0])
                        await anyio.sleep(0.005)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, pinging)
            url = f"http://127.0.0.1:{port}"
            backend = ClaudeBackend(
                "claude-haiku-5-5", api_key=KEY, base_url=url, idle_limit_s=0.25
            )
            with anyio.fail_after(20), pytest.raises(BackendUnavailable, match="pings"):
                await played(backend)
            group.cancel_scope.cancel("the test is over")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/messages", "/", ""])
async def test_an_address_with_the_version_in_it_is_asked_once(path: str) -> None:
    async with serving([CHUNKED, *chunked([ANSWER]), b"0\r\n\r\n"]) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url + path)
        assert text_of(await played(backend)) == "Paris"
        assert str(backend).count("/v1") == 0


async def test_a_compressed_stream_is_read() -> None:
    packed = gzip.compress(ANSWER)
    head = SSE + b"content-encoding: gzip\r\nconnection: close\r\n\r\n"
    async with serving([head, packed[:50], packed[50:]]) as url:
        said = await played(
            ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        )
    assert text_of(said) == "Paris"


@pytest.mark.parametrize("event", [b"data: {}\n\n", b"\n", b": hi\n", b"data:\n"])
async def test_what_one_read_unpacks_to_leaves_others_their_turn(event: bytes) -> None:
    # 4 MiB of nothing, from a few KB; the answer stands behind it.
    size = 1 << 22
    packed = gzip.compress(event * (size // len(event)) + b"\n\n" + ANSWER)
    head = SSE + b"content-encoding: gzip\r\nconnection: close\r\n\r\n"
    turns, said = 0, list[StreamChunk]()

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with serving([head, packed]) as url, anyio.create_task_group() as group:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        group.start_soon(others)
        said = await played(backend)
        group.cancel_scope.cancel("the answer is there")
    assert text_of(said) == "Paris"
    assert turns > size / 20_000


# httpx2 (2.16) leaves its inner generators to the collector where decoding fails, and
# nobody outside can reach them; trio says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_what_is_no_gzip_is_no_answer() -> None:
    head = SSE + b"content-encoding: gzip\r\nconnection: close\r\n\r\n"
    async with serving([head, ANSWER]) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        with pytest.raises(StreamMalformed):
            await played(backend)


async def test_a_client_that_was_handed_in_stalls_no_longer_than_allowed() -> None:
    sends = [CHUNKED, *chunked([ANSWER[:300]])]
    async with (
        serving(sends, stalls=True) as url,
        anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client,
    ):
        backend = ClaudeBackend("claude-haiku-5-5", client=client, idle_limit_s=0.1)
        with pytest.raises(BackendUnavailable, match="stalled"):
            await played(backend)


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}"])
async def test_blanks_around_a_key_do_no_harm(key: str) -> None:
    async with serving([CHUNKED, *chunked([ANSWER]), b"0\r\n\r\n"]) as url:
        said = await played(
            ClaudeBackend("claude-haiku-5-5", api_key=key, base_url=url)
        )
    assert text_of(said) == "Paris"


async def test_a_key_that_cannot_be_sent_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{KEY}\n")
    backend = ClaudeBackend("claude-haiku-5-5", base_url="http://127.0.0.1:9")
    with pytest.raises((BackendRefused, BackendUnavailable)) as caught:
        await played(backend)
    assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_a_password_in_the_address_is_not_shown() -> None:
    url = f"http://ada:{KEY}@127.0.0.1:9"
    backend = ClaudeBackend("claude-haiku-5-5", api_key="other", base_url=url)
    with pytest.raises(BackendUnavailable) as caught:
        await played(backend)
    shown = "".join(traceback.format_exception(caught.value)) + repr(backend)
    assert KEY not in shown
    assert "127.0.0.1:9" in shown


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is no URL"):
        ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url="http://[::1")


@pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"NO RECORDINGS at {RECORDINGS}: none was served"
)
async def test_recordings_say_the_same_over_http_as_from_a_file() -> None:
    core: list[str] = json.loads((RECORDINGS / "core.json").read_bytes())
    # It also names streams that are not among the recordings.
    names = [name for name in core if (RECORDINGS / "streams" / name).is_file()]
    assert len(names) > 40
    random = Random(1)  # noqa: S311  (repeatable is the point)
    for name in names:
        body = (RECORDINGS / "streams" / name).read_bytes()
        try:
            expected = answered(decode_sse(body))
        except BackendUnavailable:
            continue  # it ends in an error; those have their own tests
        cut = random.randrange(len(body))
        parts = [body[:cut], body[cut:]]
        async with serving([CHUNKED, *chunked(parts), b"0\r\n\r\n"]) as url:
            said = await played(
                ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
            )
        assert isinstance(said[0], ResponseOpened)
        assert list(map(fact, answered(said[1:]))) == list(map(fact, expected)), name


@pytest.mark.long
async def test_mutated_streams_say_the_same_over_http_or_are_one_clear_error() -> None:
    sends: list[bytes] = []
    async with serving(sends) as url:
        backend = ClaudeBackend("claude-haiku-5-5", api_key=KEY, base_url=url)
        outcomes: Counter[bool] = Counter()
        for case in range(HTTP_CASES):
            random = seeded(case)
            stream = mutated(WRITTEN, random)
            expected, error = chunks_of(stream, 4096)
            cut = random.randrange(len(stream) + 1)
            parts = chunked([stream[:cut], stream[cut:]])
            sends[:] = [ONCE, *parts, b"0\r\n\r\n"]
            outcomes[error is None] += 1
            if error is not None:
                with pytest.raises(AgentError, match=re.escape(error[:40])):
                    await asked(backend)
                continue
            said = answered((await asked(backend))[1:])
            assert list(map(fact, said)) == list(map(fact, answered(expected))), case
        await backend.aclose()
    assert min(outcomes.values()) > HTTP_CASES / 20, "some of both"


def answered(chunks: Iterable[StreamChunk]) -> list[StreamChunk]:
    """The chunks up to the response's end, where a stream is left."""
    said: list[StreamChunk] = []
    for chunk in chunks:
        said.append(chunk)
        if isinstance(chunk, ResponseEnded):
            break
    return said


def fact(chunk: StreamChunk) -> dict[str, object]:
    """A chunk without what depends on when and by whom it was said."""
    built: dict[str, object] = msgspec.json.decode(msgspec.json.encode(chunk))
    for name in ("agent", "turn", "seq", "at", "cost_usd"):
        built.pop(name, None)
    for part in cast("list[dict[str, object]]", built.get("parts", [])):
        part.pop("cost_usd")
    return built
