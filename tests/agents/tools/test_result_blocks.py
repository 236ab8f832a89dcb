"""Whatever a tool returns becomes blocks that the API takes."""

from __future__ import annotations

import base64
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import refusals
from agents.errors import ToolFailed
from agents.protocol.attachments import Attach, attachment
from agents.protocol.chunks import AgentId, Seq, ToolCalled, TurnNumber
from agents.protocol.images import SIDE_PIXELS
from agents.tools.execution import Returned, run_call
from agents.tools.function import tool
from agents.tools.result_blocks import RESULT_CHARS
from tests.pictures import gif, jpeg, png, webp

HALF = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
CUT = "cut \ud83d"


def image(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    source = {"type": "base64", "media_type": media_type, "data": encoded}
    return {"type": "image", "source": source}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


async def returned(result: object, *, fails: bool = False) -> Returned:
    """The result of a tool that returns, or raises, ``result``."""

    @tool
    async def look() -> Any:
        """Look."""
        await anyio.lowlevel.checkpoint()
        if fails:
            raise ToolFailed(str(result)) if result else RuntimeError(HALF)
        if isinstance(result, list):
            return msgspec.Raw(msgspec.json.encode(result))
        return result

    called = ToolCalled(
        agent=AgentId("ada"),
        turn=TurnNumber(1),
        seq=Seq(0),
        at=0.0,
        block=0,
        id="toolu_1",
        name="look",
        input=msgspec.Raw(b"{}"),
    )
    return await run_call(look, called, 5.0)


def faults(content: msgspec.Raw) -> list[str]:
    """The API's refusals of a tool result with ``content``."""
    told = msgspec.json.decode(content)
    call: dict[str, Any] = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "look",
        "input": {},
    }
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": told}
    body: dict[str, Any] = {
        "model": "claude-haiku-5-5",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
    }
    return [said for _, said in refusals(body, frozenset(), Issued())]


RESULTS: dict[str, Any] = {
    "an empty text beside an image": [text(""), image(png())],
    "a blank text beside an image": [text(" \n"), image(png())],
    "a text that is null": [{"type": "text", "text": None}],
    "a PNG called a JPEG": [image(png(), "image/jpeg")],
    "a JPEG under a name of its own": [image(jpeg(), "image/jpg")],
    "an image without a type": [
        {"type": "image", "source": {"type": "base64", "data": "aGk="}}
    ],
    "an empty image": [image(b"")],
    "the beginning of an image": [image(png()[:8])],
    "half an image": [image(png(500, 500)[:-20])],
    "a damaged image": [image(png()[:-6] + b"xxxxxx")],
    "no base64": [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "?"},
        }
    ],
    "a vector image": [image(b"<svg/>", "image/svg+xml")],
    "a tall image": [image(png(10, SIDE_PIXELS + 1))],
    "a wide image": [image(png(SIDE_PIXELS + 1, 10))],
    "a huge image": [image(png() + b"0" * 8_500_000)],
    "an image without a source": [{"type": "image"}],
    "150 images": [image(png())] * 150,
    "25 images of many pixels": [image(png(3_000, 10))] * 25,
    "long text beside an image": [text("w" * 3_000_000), image(png())],
    "many short texts": [text("w" * 90_000)] * 30,
    "what is no block": [1, "text", None, {"a": 1}, [2]],
    "nothing": [],
    "nothing but blanks": [text(""), text(" ")],
    "blank words": " \n",
    "no words": "",
    "half a character": HALF,
    "half an emoji": CUT,
    "a list with half a character": {"names": [HALF], HALF: 1},
}


@pytest.mark.parametrize("name", RESULTS)
async def test_no_result_makes_the_next_request_invalid(name: str) -> None:
    came = await returned(RESULTS[name])
    assert not came.is_error
    assert faults(came.content) == []
    assert len(bytes(came.content)) < 12_000_000


async def test_text_within_blocks_is_cut_as_text_alone_is() -> None:
    parts = [text("a" * 60_000), image(png()), text("b" * 60_000), text("c")]
    blocks = msgspec.json.decode((await returned(parts)).content)
    assert sum(len(block.get("text", "")) for block in blocks[:-1]) == RESULT_CHARS
    assert blocks[-1] == text("[cut: 20,001 more characters]")
    assert blocks[1]["type"] == "image"


async def test_an_image_is_of_the_type_that_its_bytes_say() -> None:
    given = [image(make(), "image/png") for make in (png, jpeg, gif, webp)]
    blocks = msgspec.json.decode((await returned(given)).content)
    types = [block["source"]["media_type"] for block in blocks]
    assert types == ["image/png", "image/jpeg", "image/gif", "image/webp"]


async def test_what_became_of_an_image_is_said() -> None:
    blocks = msgspec.json.decode((await returned([image(b"")])).content)
    assert blocks == [text("[an image is left out: it is empty]")]


FOUND: dict[str, Any] = {"type": "search_result", "source": "s", "title": "t"}
PLAIN = {"type": "text", "media_type": "text/plain"}


async def test_blocks_of_other_kinds_go_as_they_came() -> None:
    parts: list[Any] = [
        {"type": "tool_reference", "tool_name": "x"},
        {**FOUND, "content": [text("Paris")], "citations": {"enabled": True}},
        {"type": "document", "source": {**PLAIN, "data": "Paris"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ]
    assert msgspec.json.decode((await returned(parts)).content) == parts


@pytest.mark.parametrize(
    ("part", "fit"),
    [
        ({"type": "refund", "of": 5}, text('{"type":"refund","of":5}')),
        ({"type": "tool_use", "id": "x"}, text('{"type":"tool_use","id":"x"}')),
        ({**FOUND, "content": []}, text("[search result without text: t]")),
        ({**FOUND, "content": "x"}, text("[search result without text: t]")),
        ({**FOUND, "content": [text(" ")]}, text("[search result without text: t]")),
        (
            {**FOUND, "title": None, "content": ["Paris", text("")]},
            {**FOUND, "title": "s", "content": [text("Paris")]},
        ),
        (
            {"type": "document", "source": {**PLAIN, "data": " "}},
            text("[a document is left out: it is empty]"),
        ),
        ({"type": "document"}, text("[a document is left out: it has no source]")),
    ],
)
async def test_what_a_result_may_not_hold_is_made_fit(
    part: object, fit: object
) -> None:
    assert msgspec.json.decode((await returned([part])).content) == [fit]


async def test_text_within_search_results_and_documents_is_cut() -> None:
    long = "x" * (RESULT_CHARS - 10)
    parts = [
        {**FOUND, "content": [text(long)]},
        {"type": "document", "source": {**PLAIN, "data": long}},
        {**FOUND, "content": [text(long)]},
    ]
    came: Any = msgspec.json.decode((await returned(parts)).content)
    assert len(came[1]["source"]["data"]) == 10
    assert came[2]["text"].startswith("[cut: ")


async def test_blocks_with_half_a_character_are_mended() -> None:
    came = await returned(msgspec.Raw(b'[{"type":"text","text":"cut \\ud83d"}]'))
    assert msgspec.json.decode(came.content) == [text("cut \ufffd")]


@pytest.mark.parametrize("words", [HALF, CUT, ""])
async def test_an_error_with_half_a_character_is_an_error_result(words: str) -> None:
    came = await returned(words, fails=True)
    assert came.is_error
    assert "\ufffd" in msgspec.json.decode(came.content)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png()[:8], "is an image that is cut short"),
        (png(10, 9_000), "8,000 are the most"),
        (png()[:-4], "cut short"),
    ],
)
def test_an_image_that_the_api_refuses_is_not_attached(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        attachment(data, Attach(source="a.png"), "a.png")


def test_a_file_whose_name_is_not_utf_8_is_attached_under_a_mended_one() -> None:
    assert attachment(b"words", Attach(source=HALF), HALF).name == "caf\ufffd.txt"
