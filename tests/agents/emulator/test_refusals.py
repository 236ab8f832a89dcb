"""The emulator refuses what the API is known to refuse."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from agents.backends.scripted.script import parse_script
from agents.emulator import Server, sample_script, serve
from agents.emulator.history_validation import Issued
from agents.emulator.improvisation import improvised
from agents.emulator.request_validation import RULES, refusals
from agents.emulator.schema_examples import Unfit, example
from tests.pictures import jpeg, png

TEXT = {"type": "text", "text": "x"}
QUESTION = {"role": "user", "content": "Which city?"}
OBJECT = {"type": "object"}


def body(*messages: Any, **more: Any) -> dict[str, Any]:
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 2_000,
        "messages": list(messages or (QUESTION,)),
        **more,
    }


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def model(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def tool(schema: Any = OBJECT, **more: Any) -> dict[str, Any]:
    return {"name": "t", "input_schema": schema, **more}


def image(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    source = {"type": "base64", "media_type": media_type, "data": encoded}
    return {"type": "image", "source": source}


def call(name: str = "t", id_: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": {}}


def result(content: Any = "ok", id_: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, "content": content}


SERVED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}
HITS = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": list[Any](),
}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


def strict(**property_: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"a": property_},
        "additionalProperties": False,
    }
    return tool(schema, strict=True)


REFUSED: list[tuple[dict[str, Any], str]] = [
    (body(tools=[tool({**OBJECT, "anyOf": []})]), "at the top level"),
    (body(tools=[tool({**OBJECT, "properties": {"$x": {}}})]), "Property keys"),
    (body(tools=[tool({**OBJECT, "properties": {"a": {"type": "int"}}})]), "2020-12"),
    (body(tools=[tool({**OBJECT, "properties": []})]), "should be an object"),
    (body(tools=[tool(strict=True)]), "'additionalProperties' must be"),
    (body(tools=[strict(type="integer", minimum=1)]), "'minimum' is not supported"),
    (body(tools=[strict(type="string", maxLength=1)]), "'maxLength' is not"),
    (body(tools=[strict(type="array", minItems=2)]), "'minItems'"),
    (body(tools=[strict(oneOf=[])]), "'oneOf' is not supported"),
    (body(tools=[tool(name="a.b")]), "String should match pattern"),
    (body(tools=[tool(), tool()]), "Tool names must be unique"),
    (body(tools=[tool(defer_loading=True)]), "At least one tool must be"),
    (
        body(tools=[tool(defer_loading=True, cache_control=SHORT), tool(name="u")]),
        "cannot use prompt caching",
    ),
    (body(user({"type": "text", "text": " \n"})), "must contain non-whitespace"),
    (body(user({**TEXT, "text": "", "cache_control": SHORT})), "for empty text blocks"),
    (body({"role": "user", "content": " "}), "must contain non-whitespace"),
    (body(system=[{"type": "text", "text": ""}]), "system: text content blocks"),
    (
        body(QUESTION, model(call()), user(result([{"type": "text", "text": ""}]))),
        "must be non-empty",
    ),
    (body(QUESTION, model(call("a.b")), user(result())), "tool_use.name: String"),
    (body(QUESTION, model(call("")), user(result())), "tool_use.name: String"),
    (
        body(QUESTION, model(call(id_="a:b")), user(result(id_="a:b"))),
        "tool_use.id: String",
    ),
    (body(QUESTION, model(TEXT, THOUGHT), QUESTION), "cannot be `thinking`"),
    (
        body(QUESTION, model({"type": "redacted_thinking", "data": "x"}), QUESTION),
        "cannot be `thinking`",
    ),
    (
        body(QUESTION, model(SERVED, HITS, {"type": "text", "text": "So. "})),
        "trailing whitespace",
    ),
    (body(QUESTION, model(SERVED), QUESTION), "without a corresponding"),
    (
        body(QUESTION, model(SERVED, call()), user(result(), TEXT)),
        "without a corresponding",
    ),
    (body(user(image(png(), "image/jpeg"))), "does not match the provided media type"),
    (body(user(image(b""))), "image cannot be empty"),
    (body(user(image(b"hi"))), "Could not process image"),
    (body(user(image(png()[:-9]))), "Could not process image"),
    (body(user(image(png(9_000, 1)))), "max allowed size: 8000 pixels"),
    (body(user(image(png() + b"0" * 8_000_000))), "exceeds 10 MB maximum"),
    (body(user(*[image(png(2_001, 1))] * 21)), "for many-image requests"),
    (body(user(*[image(png())] * 101)), "Too much media"),
    (
        body(QUESTION, model(call()), user(result([image(b"hi")]))),
        "Could not process image",
    ),
    (body(user(*[{**TEXT, "cache_control": SHORT}] * 5)), "A maximum of 4 blocks"),
    (
        body(
            user({**TEXT, "cache_control": LONG}),
            tools=[tool(cache_control=SHORT)],
        ),
        "must not come after a ttl='5m'",
    ),
    (body(user({**TEXT, "cache_control": {"type": "x"}})), "'ephemeral'"),
    (body(user({**TEXT, "cache_control": {**SHORT, "ttl": "1d"}})), "'5m' or '1h'"),
    (body(fallbacks=[{"model": "x"}]), "fallbacks: Extra inputs"),
    (body(compaction={"type": "summarize"}), "compaction: Extra inputs"),
    (body(diagnostics={}), "diagnostics: Extra inputs"),
    (body(output_config={"task_budget": {"total": 9}}), "task_budget: Extra inputs"),
    (body(container={"skills": []}), "container.skills: Extra inputs"),
    (body(thinking={"type": "adaptive", "block_binding": {}}), "block_binding: Extra"),
    (body({"role": "system", "content": "x"}), 'Unexpected role "system"'),
    (body({**QUESTION, "output_config": {}}), "output_config: Extra inputs"),
    (body(temperature=1), "`temperature` is not supported"),
    (body(of_tomorrow=1), "of_tomorrow: Extra inputs"),
    (body(model="claude-fable-5-2", thinking={"type": "disabled"}), "disabled"),
    (body(model="claude-opus-5-5-20261001", thinking={"type": "disabled"}), "disabled"),
    (
        body(
            model="us.anthropic.claude-sonnet-5-5-v1:0", thinking={"type": "disabled"}
        ),
        "disabled",
    ),
    (
        body(
            model="claude-opus-5-5", thinking={"type": "enabled", "budget_tokens": 1500}
        ),
        "enabled",
    ),
    (
        body(thinking={"type": "disabled"}, output_config={"effort": "max"}),
        "at effort 'max'",
    ),
    (body(thinking={"type": "enabled", "budget_tokens": 9}), "equal to 1024"),
    (body(thinking={"type": "enabled", "budget_tokens": 2_000}), "must be greater"),
    (body(thinking={"type": "sometimes"}), "does not match any of"),
    (
        body(QUESTION, model(call()), user(result([{"type": "refund", "of": 5}]))),
        "Input tag 'refund'",
    ),
    (
        body(QUESTION, model(call()), user(result([{"type": "search_result"}]))),
        "search_result.content: Field required",
    ),
    (body(max_tokens=200_000), "200000 > 128000, which is the maximum allowed number"),
]

TAKEN: list[tuple[dict[str, Any], str]] = [
    (body(), ""),
    (body(tools=[tool({**OBJECT, "properties": {"type": {"type": "string"}}})]), ""),
    (body(QUESTION, model(SERVED, call()), user(result())), ""),
    (
        body(
            QUESTION,
            model(SERVED, call()),
            user(result()),
            model(HITS, TEXT),
            QUESTION,
        ),
        "",
    ),
    (body(QUESTION, model(SERVED)), ""),
    (body(user(image(png()), image(jpeg(), "image/jpeg"), TEXT)), ""),
    (body(fallbacks=[{"model": "x"}]), "server-side-fallback-2026-07-01"),
    (body(QUESTION, {"role": "system", "content": "x"}), "per-turn-control-2026-07-01"),
    (
        body({**QUESTION, "output_config": {"effort": "low"}}),
        "per-turn-control-2026-07-01",
    ),
    (
        body(
            QUESTION,
            {
                "role": "system",
                "content": [
                    {
                        "type": "tool_removal",
                        "tool": {"type": "tool_reference", "name": tool()["name"]},
                    }
                ],
            },
            tools=[tool()],
        ),
        "mid-conversation-tool-changes-2026-07-01",
    ),
    (body(tools=[tool(), tool(name="u", defer_loading=True)]), ""),
    (body(thinking={"type": "adaptive", "display": "updates"}), ""),
    (body(thinking={"type": "disabled"}, output_config={"effort": "high"}), ""),
    (body(model="claude-sonnet-5-5", thinking={"type": "between_tools"}), ""),
    (body(tools=None, system=None, thinking=None, tool_choice=None), ""),
    (
        body(
            user({**TEXT, "cache_control": SHORT}),
            tools=[tool(cache_control=LONG)],
        ),
        "",
    ),
]


def said(asked: dict[str, Any], *betas: str) -> list[str]:
    issued = Issued(knows_all=False)
    return [words for _, words in refusals(asked, frozenset(betas), issued)]


@pytest.mark.parametrize(("asked", "words"), REFUSED)
def test_what_the_api_refuses_is_refused(asked: dict[str, Any], words: str) -> None:
    found = said(asked)
    assert any(words in each for each in found), found


@pytest.mark.parametrize(("asked", "beta"), TAKEN)
def test_what_the_api_takes_is_taken(asked: dict[str, Any], beta: str) -> None:
    assert said(asked, beta) == []


def test_each_rule_says_where_it_was_read_and_when() -> None:
    for rule in RULES:
        assert rule.source
        assert rule.read.startswith("2026-")
    assert len({rule.name for rule in RULES}) == len(RULES)


@asynccontextmanager
async def asking(
    script: Any = None,
) -> AsyncGenerator[tuple[Server, httpx2.AsyncClient]]:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    async with serve(script or sample_script()) as server:
        client = httpx2.AsyncClient(base_url=server.base_url, headers=headers)
        async with client:
            yield server, client


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:9"}, 200),
        ({"origin": "http://localhost:3000"}, 200),
        ({"host": "evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
    ],
)
async def test_other_hosts_and_pages_get_nothing(
    headers: dict[str, str], status: int
) -> None:
    async with asking() as (_, http):
        answer = await http.post("/v1/messages", json=body(), headers=headers)
        assert answer.status_code == status


@pytest.mark.real_time
async def test_a_body_without_a_key_is_not_kept() -> None:
    async with asking() as (server, http):
        del http.headers["x-api-key"]
        answer = await http.post("/v1/messages", content=b"x" * 1_000_000)
        assert answer.status_code == 401
        assert server.requests[-1].size_bytes == 0


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("claude-fable-5-2", 400),
        ("claude-opus-5-5", 400),
        ("claude-haiku-5-5", 400),
        ("claude-opus-4-8", 200),
    ],
)
@pytest.mark.parametrize("changed", ["system", "tools", "messages", "marks", "nothing"])
async def test_thinking_is_bound_to_its_prefix(
    name: str, status: int, changed: str
) -> None:
    script = parse_script(
        {
            "turns": [
                {
                    "repeat": True,
                    "lines": [{"thinking": "Hm."}, {"tool": "t", "input": {"a": 1}}],
                }
            ]
        }
    )
    first = body(model=name, system="Be brief.", tools=[tool()])
    async with asking(script) as (_, http):
        answer = (await http.post("/v1/messages", json=first)).json()
        turn = [QUESTION, model(*answer["content"])]
        turn.append(user(result(id_=answer["content"][-1]["id"])))
        more: dict[str, Any] = {
            "system": {"system": "Be long."},
            "tools": {"tools": [tool(), tool(name="u")]},
            "messages": {"messages": [{**QUESTION, "content": "What?"}, *turn[1:]]},
            "marks": {
                "system": [{**TEXT, "text": "Be brief.", "cache_control": SHORT}]
            },
            "nothing": {},
        }[changed]
        asked = {**first, "messages": turn, **more}
        answered = await http.post("/v1/messages", json=asked)
        is_same = changed in {"marks", "nothing"}
        assert answered.status_code == (200 if is_same else status)
        if not is_same and status == 400:
            assert "bound to a different conversation" in answered.text
            beta = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
            binding = {"prefix_mismatch_behavior": "drop_block"}
            thinking = {"type": "adaptive", "block_binding": binding}
            asked = {**asked, "thinking": thinking}
            answered = await http.post("/v1/messages", json=asked, headers=beta)
            assert answered.status_code == 200
            (dropped,) = answered.json()["input_transformations"]
            assert dropped["path"] == "messages.1.content.0"


@pytest.mark.real_time
async def test_clients_that_are_gone_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.emulator.script_routing.FORGOTTEN_S", 0.0)
    lines = [{"lines": ["one"]}, {"lines": ["two"]}]
    async with asking(parse_script({"turns": lines})) as (_, http):
        for _ in range(3):
            answer = await http.post("/v1/messages", json=body())
            assert answer.json()["content"][0]["text"] == "one"


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {
        "type": "object",
        "required": ["a", "b", "c", "d", "e", "f", "g", "h"],
        "properties": {
            "a": {"type": "integer", "minimum": 3, "multipleOf": 5},
            "b": {"type": "array", "items": {"$ref": "#/$defs/X"}, "minItems": 2},
            "c": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "d": {"type": ["null", "number"], "exclusiveMinimum": 0},
            "e": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
            "f": {"type": "string", "format": "date-time"},
            "g": {"allOf": [{"$ref": "#/$defs/X"}, {"required": ["n"]}]},
            "h": {"type": "string", "minLength": 40},
        },
        "$defs": {
            "X": {"type": "object", "properties": {"n": {"enum": [7]}}},
        },
    },
    {"type": "object", "properties": {}, "additionalProperties": False},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_arguments_of_any_schema_fit_it(schema: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(example(schema), schema)


def test_what_cannot_be_made_to_fit_is_not_made() -> None:
    with pytest.raises(Unfit):
        example({"type": "string", "pattern": "^never [0-9]{9} seen$"})
    with pytest.raises(Unfit):
        example({"$ref": "#"})


NEVER = {**OBJECT, "required": ["a"], "properties": {"a": {"pattern": "^$x"}}}


@pytest.mark.parametrize(
    ("tools", "called"),
    [
        ([], None),
        ([tool(name="Bash"), tool(name="look")], "look"),
        ([tool(name="Bash")], None),
        (
            [
                tool(
                    {
                        **OBJECT,
                        "required": ["a"],
                        "properties": {"a": {"pattern": "^$x"}},
                    }
                )
            ],
            None,
        ),
        ([{"type": "web_search_20250305", "name": "web_search"}], None),
        ([tool(name="late", defer_loading=True), tool(name="look")], "look"),
    ],
)
def test_a_strangers_tool_is_called_if_it_does_no_harm(
    tools: list[Any], called: str | None
) -> None:
    lines = improvised(body(tools=tools))
    assert [getattr(line, "tool", None) for line in lines][-1] == called


@pytest.mark.real_time
async def test_a_stranger_gets_a_call_and_then_text(
    body_of: Callable[..., dict[str, Any]],
) -> None:
    async with asking() as (_, http):
        asked = body_of(tools=[tool()])
        answer = (await http.post("/v1/messages", json=asked)).json()
        assert answer["content"][-1]["name"] == "t"
        asked["messages"] += [
            model(*answer["content"]),
            user(result(id_=answer["content"][-1]["id"])),
        ]
        answer = (await http.post("/v1/messages", json=asked)).json()
        assert [block["type"] for block in answer["content"]] == ["text"]
