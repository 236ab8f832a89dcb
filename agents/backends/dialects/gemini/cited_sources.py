"""Sources of a grounded answer, as citations of its blocks of text. Pure.

Google tells them at the end: pages, and which bytes of the whole text rest on which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from agents.backends.dialects.json_values import Json, count_of, objects_of, text_of


def citations(
    grounding: Sequence[Json], texts: Sequence[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, Json]]:
    """The citations, each with the block that it belongs to.

    Args:
        grounding: ``groundingMetadata`` and ``citationMetadata``, as they came.
        texts: Blocks of visible text, in order, and their pieces.
    """
    if not texts:
        return
    blocks = [(block, "".join(pieces).encode()) for block, pieces in texts]
    last = blocks[-1][0]
    for metadata in grounding:
        pages = [_page(each) for each in objects_of(metadata.get("groundingChunks"))]
        supports = objects_of(metadata.get("groundingSupports"))
        for support in supports:
            segment = support.get("segment")
            place = cast("Json", segment) if isinstance(segment, dict) else {}
            for index in _numbers(support.get("groundingChunkIndices")):
                if index < len(pages) and pages[index]:
                    block, where = _place(place, blocks)
                    yield block, pages[index] | where
        if not supports:
            for page in pages:
                if page:
                    yield last, page
        for name in ("citationSources", "citations"):
            for source in objects_of(metadata.get(name)):
                block, where = _place(source, blocks)
                page = {"url": text_of(source.get("uri"))}
                if page["url"]:
                    yield block, {"type": "recitation"} | page | where


def _page(chunk: Json) -> Json:
    for kind in ("web", "retrievedContext", "maps"):
        source: Any = chunk.get(kind)
        if isinstance(source, dict):
            fields = cast("Json", source)
            url, title = text_of(fields.get("uri")), text_of(fields.get("title"))
            title = title or text_of(fields.get("fileSearchStore"))
            page = {"type": "grounding", "url": url, "title": title}
            return page if url or title else {}
    return {}


def _place(segment: Json, blocks: Sequence[tuple[int, bytes]]) -> tuple[int, Json]:
    """The block of a segment, and its characters there; bytes of the whole text."""
    start, end = count_of(segment.get("startIndex")), count_of(segment.get("endIndex"))
    before = 0
    for block, data in blocks:
        if end <= before + len(data):
            first = data[: max(0, start - before)].decode("utf-8", "ignore")
            upto = data[: max(0, end - before)].decode("utf-8", "ignore")
            where: Json = {"start_index": len(first), "end_index": len(upto)}
            quote = text_of(segment.get("text"))
            return block, (where if end else {}) | ({"said": quote} if quote else {})
        before += len(data)
    return blocks[-1][0], {}


def _numbers(value: object) -> list[int]:
    every = cast("list[Any]", value) if isinstance(value, list) else []
    return [each for each in every if isinstance(each, int) and each >= 0]
