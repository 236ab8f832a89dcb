"""Validation that thinking comes back behind the words it was made under.

A thinking block stands for the exact ``system``, ``tools`` and messages before it
(docs.claude.com, preserved thinking, read 2026-11-30). What a change costs depends on
the model, see :mod:`agents.backends.claude.model_limits`. Cache marks do not count.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, cast

import msgspec

from agents.backends.claude.model_limits import limits_of
from agents.backends.claude.settings import BINDING
from agents.emulator.refusal import Invalid

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject

REMEMBERED = 20_000
"""Thoughts whose prefixes are known; the oldest are forgotten."""


class Prefixes:
    """Under what each thought was made."""

    def __init__(self) -> None:
        self._made_under: OrderedDict[str, set[bytes]] = OrderedDict()

    def remember(self, body: JsonObject, content: list[JsonObject]) -> None:
        """Keep the prefix of the thoughts in ``content``, the response to ``body``."""
        seals = [seal for block in content if (seal := _seal(block))]
        if not seals:
            return
        *_, made_under = _digests(body)
        for seal in seals:
            # The same words are sealed the same, whenever a script says them.
            self._made_under.setdefault(seal, set()).add(made_under)
        while len(self._made_under) > REMEMBERED:
            self._made_under.popitem(last=False)

    def check(self, body: JsonObject, betas: frozenset[str]) -> None:
        """Check that each thought that is known comes behind its own prefix.

        Raises:
            Invalid: One does not, and the model refuses that.
        """
        if limits_of(str(body["model"])).other_prefix == "dropped":
            return
        if betas and _drops(body):
            return
        for path in self.mismatches(body):
            raise Invalid(
                f"{path}: Invalid `signature` in `thinking` block. The block is bound "
                "to a different conversation. Remove the block, or set "
                "`thinking.block_binding.prefix_mismatch_behavior` to "
                '"drop_block".'
            )

    def mismatches(self, body: JsonObject) -> list[str]:
        """The paths of the thoughts that are known and stand behind another prefix."""
        places = [
            (number, place, seal)
            for number, message in enumerate(body["messages"])
            if message["role"] == "assistant" and isinstance(message["content"], list)
            for place, block in enumerate(cast("list[JsonObject]", message["content"]))
            if (seal := _seal(block)) in self._made_under
        ]
        digests = _digests(body) if places else []
        return [
            f"messages.{number}.content.{place}"
            for number, place, seal in places
            if digests[number] not in self._made_under[seal]
        ]

    def transformations(
        self, body: JsonObject, betas: frozenset[str]
    ) -> list[JsonObject] | None:
        """The response's report of thoughts that were left out.

        ``None``: it has none, because the request did not ask under the beta.
        """
        if BINDING not in betas:
            return None
        return [
            {
                "type": "thinking_dropped",
                "path": path,
                "reason": "prefix_binding_mismatch",
            }
            for path in self.mismatches(body)
        ]


def _seal(block: JsonObject) -> str:
    if block.get("type") == "thinking":
        return str(block.get("signature", ""))
    return (
        str(block.get("data", "")) if block.get("type") == "redacted_thinking" else ""
    )


def _drops(body: JsonObject) -> bool:
    thinking: JsonObject = body.get("thinking") or {}
    binding: Any = thinking.get("block_binding")
    return (
        isinstance(binding, dict)
        and cast("JsonObject", binding).get("prefix_mismatch_behavior") == "drop_block"
    )


def _digests(body: JsonObject) -> list[bytes]:
    """Of what stands before each message, and before one more."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(_plain([_blocks(body.get("system")), body.get("tools") or []]))
    digests = [digest.digest()]
    role = ""
    for message in body["messages"]:
        # Neighbours of one role are one message to the API.
        if message["role"] != role:
            role = message["role"]
            digest.update(f"\n{role}\n".encode())
        for block in _blocks(message["content"]):
            digest.update(_plain(block))
        digests.append(digest.digest())
    return digests


def _blocks(content: object) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return cast("list[Any]", content or [])


def _plain(value: object) -> bytes:
    return msgspec.json.encode(_unmarked(value), order="deterministic")


def _unmarked(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        unmarked = {k: _unmarked(v) for k, v in fields.items() if k != "cache_control"}
        content = unmarked.get("content")
        if unmarked.get("type") == "tool_result" and isinstance(content, str):
            unmarked["content"] = _blocks(content)
        return unmarked
    if isinstance(value, list):
        return [_unmarked(part) for part in cast("list[object]", value)]
    return value
