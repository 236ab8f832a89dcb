"""Validation of the history in a request, as the Messages API does it.

The heart of the checks: each tool call answered at once and once, no empty text, and
thinking returned exactly as it was said.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

from agents.backends.scripted.api_objects import sign
from agents.emulator.prefix_validation import Prefixes
from agents.emulator.refusal import Invalid

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject

_SERVER_CALLS = {"server_tool_use", "mcp_tool_use"}
_THOUGHTS = {"thinking", "redacted_thinking"}


class Issued:
    """Parts of the server's responses that must come back unchanged.

    Args:
        knows_all: Whether all thoughts and containers are this server's, so that
            signatures and ids can be checked.
    """

    def __init__(self, *, knows_all: bool = True) -> None:
        self.knows_all = knows_all
        self._containers: dict[str, datetime] = {}
        self._thoughts: dict[str, list[JsonObject]] = {}
        self.prefixes = Prefixes()
        """Under what the thoughts were made."""

    def remember(
        self, content: list[JsonObject], body: JsonObject | None = None
    ) -> None:
        """Keep a response's thoughts under each of its calls.

        Args:
            content: Of the response.
            body: Of the request, where it is known.
        """
        if body is not None:
            self.prefixes.remember(body, content)
        thoughts = [block for block in content if block["type"] in _THOUGHTS]
        for block in content:
            if block["type"] == "tool_use":
                self._thoughts[block["id"]] = thoughts

    def remember_container(self, container: object) -> None:
        """Keep the container that a response has run in, if any."""
        if isinstance(container, dict):
            fields = cast("JsonObject", container)
            try:
                ends = datetime.fromisoformat(str(fields["expires_at"]))
            except ValueError:
                ends = datetime.max  # noqa: DTZ901  (made one of UTC beneath)
            is_aware = ends.tzinfo is not None
            id_ = str(fields["id"])
            self._containers[id_] = ends if is_aware else ends.replace(tzinfo=UTC)

    def check_container(self, body: JsonObject) -> None:
        """Check that a request names a container that there is, or none.

        Raises:
            Invalid: It names another, or one that has expired.
        """
        named: Any = body.get("container")
        if isinstance(named, dict):
            named = cast("JsonObject", named).get("id")
        if not isinstance(named, str) or not self.knows_all:
            return
        if named not in self._containers:
            raise Invalid(f"container: Container {named} was not found.")
        if self._containers[named] <= datetime.now(UTC):
            raise Invalid(f"container: Container {named} has expired.")

    def thoughts_with(self, call_id: str) -> list[JsonObject] | None:
        """Give the thoughts said with a call; ``None`` for a call made elsewhere."""
        return self._thoughts.get(call_id)


TOOL_CHANGES = "mid-conversation-tool-changes-2026-07-01"
INLINE_TOOLS = "inline-tools-2026-09-15"
SYSTEM_BETAS = frozenset({"per-turn-control-2026-07-01", TOOL_CHANGES, INLINE_TOOLS})
"""Each allows ``role: system`` amid the messages (what Claude Code sends it under)."""


def check_history(
    body: JsonObject, issued: Issued, betas: frozenset[str] = frozenset()
) -> None:
    """Check ``messages``.

    Args:
        body: Of the request; its shape has been checked.
        issued: What this server's models have said.
        betas: What the request lists.

    Raises:
        Invalid: They are no history that a model could have been part of.
    """
    messages: list[JsonObject] = body["messages"]
    if not messages:
        raise Invalid("messages: at least one message is required")
    tools = cast("list[JsonObject]", body.get("tools") or [])
    names = {str(tool.get("name")) for tool in tools}
    for number, message in enumerate(messages):
        _check_role(message, f"messages.{number}", betas)
        if message["role"] == "system":
            _check_tool_changes(message, f"messages.{number}", betas, names)
        is_last = number == len(messages) - 1
        _check_content(message, f"messages.{number}", may_be_empty=is_last)
    if messages[0]["role"] != "user":
        raise Invalid('messages: first message must use the "user" role')
    turns = _merged(messages)
    thinking: JsonObject = body.get("thinking") or {}
    thinks = thinking.get("type") != "disabled"
    seen: set[str] = set()
    for number, (role, blocks) in enumerate(turns):
        if role == "assistant":
            after = turns[number + 1][1] if number + 1 < len(turns) else None
            _check_calls(number, blocks, after, seen)
            _check_server_calls(number, turns)
            if thinks or any(block["type"] in _THOUGHTS for block in blocks):
                _check_thoughts(number, blocks, str(body["model"]), issued)
        else:
            before = turns[number - 1][1] if number else []
            _check_results(number, blocks, before)
    _check_end(turns)


def _check_role(message: JsonObject, path: str, betas: frozenset[str]) -> None:
    role = message.get("role")
    known = {"role", "content"}
    if betas & SYSTEM_BETAS:
        known |= {"output_config"}
        if role == "system":
            return
    for key in message:
        if key not in known:
            raise Invalid(f"{path}.{key}: Extra inputs are not permitted")
    if role == "system":
        raise Invalid(
            'messages: Unexpected role "system". The Messages API accepts a top-level '
            '`system` parameter, not "system" as an input message role.'
        )
    if role not in {"user", "assistant"}:
        raise Invalid(f"{path}.role: Input should be 'user' or 'assistant'")


def _check_tool_changes(
    message: JsonObject, path: str, betas: frozenset[str], names: set[str]
) -> None:
    """Tools come and go under betas, and only what is known can be named.

    What the SDK says of its parameters (2.14.0, ``BetaRequestToolAdditionBlockParam``,
    read 2026-12-01); the words of the refusals are ours.

    Args:
        message: Of the system's.
        path: Where it stands.
        betas: What the request lists.
        names: What ``tools`` and the messages before define; added to.
    """
    content: Any = message.get("content")
    blocks = cast("list[JsonObject]", content if isinstance(content, list) else [])
    for number, block in enumerate(blocks):
        kind = block.get("type")
        if kind not in {"tool_addition", "tool_removal"}:
            continue
        where = f"{path}.content.{number}.{kind}"
        if TOOL_CHANGES not in betas:
            raise Invalid(f"{where}: Extra inputs are not permitted")
        if "tool" not in block:
            raise Invalid(f"{where}.tool: Field required")
        match block["tool"]:
            case {"type": "tool_reference", "name": str(name)}:
                if name not in names:
                    raise Invalid(
                        f"{where}.tool.name: `{name}` is neither in `tools` nor defined"
                        " by an earlier message"
                    )
            case {"type": "tool_definition", "definition": {"name": str(name)}}:
                if kind == "tool_removal" or INLINE_TOOLS not in betas:
                    raise Invalid(f"{where}.tool.definition: not permitted here")
                names.add(name)
            case {"type": "mcp_tool_reference" | "mcp_toolset_reference"}:
                pass
            case _:
                raise Invalid(f"{where}.tool: Input is no reference to a tool")


def _check_content(message: JsonObject, path: str, *, may_be_empty: bool) -> None:
    content: Any = message.get("content")
    if content is None:
        raise Invalid(f"{path}.content: Field required")
    if not content and not (may_be_empty and message["role"] == "assistant"):
        raise Invalid(
            f"{path}: all messages must have non-empty content except for the optional "
            "final assistant message"
        )
    if isinstance(content, str):
        return
    for number, block in enumerate(content):
        where = f"{path}.content.{number}"
        if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
            raise Invalid(f"{where}.tool_use.input: Input should be an object")


def _merged(messages: list[JsonObject]) -> list[tuple[str, list[JsonObject]]]:
    """Put neighbours of one role together, as the API does."""
    turns: list[tuple[str, list[JsonObject]]] = []
    for message in messages:
        content: Any = message["content"]
        blocks: list[JsonObject] = (
            [{"type": "text", "text": content}] if isinstance(content, str) else content
        )
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], [*blocks]))
    return turns


def _check_calls(
    number: int,
    blocks: list[JsonObject],
    after: list[JsonObject] | None,
    seen: set[str],
) -> None:
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if len({*ids}) < len(ids) or seen & {*ids}:
        raise Invalid("messages: `tool_use` ids must be unique")
    seen |= {*ids}
    answered = _leading_results(after or [])
    missing = [id_ for id_ in ids if id_ not in answered]
    if missing:
        raise Invalid(
            f"messages.{number}: `tool_use` ids were found without `tool_result` "
            f"blocks immediately after: {', '.join(missing)}. Each `tool_use` block "
            "must have a corresponding `tool_result` block in the next message."
        )


def _check_server_calls(number: int, turns: list[tuple[str, list[JsonObject]]]) -> None:
    """The API's own calls have a result, or are about to get one.

    An open one may end a paused response that is sent back as it is, and may stand
    before a user message of tool results alone (docs.claude.com, server tools, "Mixing
    server tools and client tools in one turn", read 2026-11-30).
    """
    blocks = turns[number][1]
    after = turns[number + 1][1] if number + 1 < len(turns) else None
    later = turns[number + 2][1] if number + 2 < len(turns) else ()
    is_awaited = after is None or (
        number + 2 >= len(turns) and all(b["type"] == "tool_result" for b in after)
    )
    returned = {
        b.get("tool_use_id") for b in (*blocks, *later) if b["type"] != "tool_result"
    }
    for block in blocks:
        if block["type"] not in _SERVER_CALLS or block["id"] in returned:
            continue
        if not is_awaited:
            raise Invalid(
                f"messages.{number}: `{block.get('name')}` tool use with id "
                f"`{block['id']}` was found without a corresponding "
                f"`{block.get('name')}_tool_result` block"
            )


def _leading_results(blocks: list[JsonObject]) -> list[str]:
    ids: list[str] = []
    for block in blocks:
        if block["type"] != "tool_result":
            break
        ids.append(str(block["tool_use_id"]))
    return ids


def _check_results(
    number: int, blocks: list[JsonObject], before: list[JsonObject]
) -> None:
    called = {block["id"] for block in before if block["type"] == "tool_use"}
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        if block["type"] != "tool_result":
            continue
        id_ = block["tool_use_id"]
        where = f"messages.{number}.content.{place}"
        if id_ not in called:
            raise Invalid(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{id_}. Each `tool_result` block must have a corresponding `tool_use` "
                "block in the previous message."
            )
        if id_ in seen:
            raise Invalid(
                f"{where}: each tool_use must have a single result. Found multiple "
                f"`tool_result` blocks with id: {id_}"
            )
        seen.add(id_)


def _check_thoughts(
    number: int, blocks: list[JsonObject], model: str, issued: Issued
) -> None:
    for place, block in enumerate(blocks):
        if block["type"] != "thinking" or not issued.knows_all:
            continue
        if block.get("signature") != sign(model, str(block.get("thinking"))):
            raise Invalid(
                f"messages.{number}.content.{place}: Invalid `signature` in `thinking` "
                "block"
            )
    thoughts = [_bare(block) for block in blocks if block["type"] in _THOUGHTS]
    expected: list[bytes] = []
    is_ours = False
    for block in blocks:
        with_call = issued.thoughts_with(block["id"]) if "id" in block else None
        if block["type"] == "tool_use" and with_call is not None:
            is_ours = True
            expected += [b for b in map(_bare, with_call) if b not in expected]
    if is_ours and any(thought not in thoughts for thought in expected):
        raise Invalid(
            f"messages.{number}.content.0: `thinking` or `redacted_thinking` blocks in "
            "the latest assistant message cannot be modified. These blocks must remain "
            "as they were in the original response."
        )


def _bare(block: JsonObject) -> bytes:
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    return msgspec.json.encode(bare, order="deterministic")


def _check_end(turns: list[tuple[str, list[JsonObject]]]) -> None:
    role, blocks = turns[-1]
    if role != "assistant" or any(block["type"] in _SERVER_CALLS for block in blocks):
        return
    raise Invalid(
        "This model does not support assistant message prefill. The conversation must "
        "end with a user message."
    )
