"""The prompt cache, on a clock that the test holds."""

from __future__ import annotations

from typing import Any

from agents.backends.scripted.response import CacheCount
from agents.emulator.caching import PromptCache

LONG = "x" * 8000  # 2,000 tokens
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def text(words: str, mark: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": words, **(mark or {})}


def body(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    message = {"role": "user", "content": list(blocks)}
    return {"model": "m", "max_tokens": 9, "messages": [message], **more}


def ask(cache: PromptCache, asked: dict[str, Any], now: float) -> CacheCount:
    looked = cache.look_up(asked, now)
    cache.remember(looked, now)
    return looked.count


def test_a_second_request_reads_what_the_first_wrote() -> None:
    cache = PromptCache()
    assert ask(cache, body(text(LONG, MARK), text("a")), 0) == CacheCount(
        written_5m=2000
    )
    assert ask(cache, body(text(LONG, MARK), text("b")), 1) == CacheCount(read=2000)


def test_a_longer_prefix_reads_the_old_part_and_writes_the_new() -> None:
    cache = PromptCache()
    ask(cache, body(text(LONG, MARK)), 0)
    assert ask(cache, body(text(LONG), text(LONG, MARK)), 1) == CacheCount(
        read=2000, written_5m=2000
    )


def test_a_change_before_the_mark_misses() -> None:
    cache = PromptCache()
    ask(cache, body(text("a"), text(LONG, MARK)), 0)
    assert ask(cache, body(text("b"), text(LONG, MARK)), 1).read == 0


def test_a_short_prefix_is_not_cached() -> None:
    cache = PromptCache()
    assert ask(cache, body(text("short", MARK)), 0) == CacheCount()
    assert ask(cache, body(text("short", MARK)), 1) == CacheCount()


def test_an_entry_lives_five_minutes_from_its_last_use() -> None:
    cache = PromptCache()
    asked = body(text(LONG, MARK))
    assert [ask(cache, asked, now).read for now in (0, 299, 598, 899)] == [
        0,
        2000,
        2000,
        0,
    ]


def test_an_hour_is_kept_for_an_hour_and_counted_apart() -> None:
    cache = PromptCache()
    asked = body(text(LONG, HOUR))
    assert ask(cache, asked, 0) == CacheCount(written_1h=2000)
    assert ask(cache, asked, 3599).read == 2000


def test_another_model_has_a_cache_of_its_own() -> None:
    cache = PromptCache()
    asked = body(text(LONG, MARK))
    ask(cache, asked, 0)
    assert ask(cache, {**asked, "model": "other"}, 1).read == 0


def test_tools_and_system_come_before_messages() -> None:
    cache = PromptCache()
    tool: Any = {"name": "look", "description": LONG, "input_schema": {}}
    system = [text("be brief", MARK)]
    ask(cache, body(text("a"), tools=[tool], system=system), 0)
    assert ask(cache, body(text("b"), tools=[tool], system=system), 1).read > 2000
    assert ask(cache, body(text("b"), tools=[], system=system), 2).read == 0


def test_a_mark_at_the_top_means_the_last_block() -> None:
    cache = PromptCache()
    ask(cache, body(text(LONG), **MARK), 0)
    assert ask(cache, body(text(LONG), text("more"), **MARK), 1).read == 2000


def test_a_response_that_never_began_wrote_nothing() -> None:
    cache = PromptCache()
    asked = body(text(LONG, MARK))
    cache.look_up(asked, 0)
    assert cache.look_up(asked, 1).count.read == 0
