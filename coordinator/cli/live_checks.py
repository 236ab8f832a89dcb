"""``coordinator doctor --live``: one smallest request for each capability of the API.

Asks by plain HTTP, so that what is recorded is what the API sent; what comes is read by
the same reader as every session's. Costs are said before anything is asked.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from agents.backends.claude.server_tools import server_tool
from agents.backends.dialects.decoder import decode_stream
from agents.errors import AgentError
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import StreamChunk, Usage, UsageReported
from agents.protocol.redaction import Redactor
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import KEY_VARIABLES

if TYPE_CHECKING:
    from coordinator.cli.doctor import Finding

MODEL = "claude-haiku-5-5"
"""The least dear that can do all of it."""
VERSION = "2023-06-01"
FILES_BETA = "files-api-2025-04-14"
MCP_BETA = "mcp-client-2025-11-20"
MCP_SERVER = "https://mcp.deepwiki.com/mcp"
"""A public server without a key, of a documentation site."""
ANSWERED_S = 120.0
OK = 200
SEARCH_USD = 0.01
"""Of one web search (docs.claude.com, pricing, read 2026-11-30)."""

_WEATHER = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One request, and what its stream must hold."""

    name: str
    prompt: str
    expected: tuple[str, ...]
    """Kinds of chunks."""
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    betas: tuple[str, ...] = ()
    input_tokens: int = 100
    """At most about so many, for the price."""
    output_tokens: int = 64
    fee_usd: float = 0.0


def capabilities(model: str) -> tuple[Capability, ...]:
    """The requests to make, the cheapest first."""
    return (
        Capability(name="stream", prompt="Say: well.", expected=("text_delta",)),
        Capability(
            name="thinking",
            prompt="What is 17 times 23? Think it through.",
            expected=("text_delta",),
            more={"thinking": {"type": "enabled", "budget_tokens": 1024}},
            output_tokens=1100,
        ),
        Capability(
            name="tools",
            prompt="What is the weather in Lyon? Use the tool.",
            expected=("tool_called",),
            more={"tools": [_WEATHER], "tool_choice": {"type": "any"}},
            input_tokens=700,
        ),
        Capability(
            name="file",
            prompt="Which word does the file hold?",
            expected=("text_delta",),
            betas=(FILES_BETA,),
            input_tokens=400,
        ),
        Capability(
            name="code",
            prompt="Run: print(6 * 7)",
            expected=("server_tool_called", "server_tool_returned"),
            more={"tools": [server_tool("code_execution", model)]},
            input_tokens=4000,
            output_tokens=300,
        ),
        Capability(
            name="web search",
            prompt="Search once: who wrote anyio?",
            expected=("server_tool_called", "server_tool_returned"),
            more={"tools": [{**server_tool("web_search", model), "max_uses": 1}]},
            input_tokens=12_000,
            output_tokens=300,
            fee_usd=SEARCH_USD,
        ),
        Capability(
            name="MCP",
            prompt="Ask deepwiki for the wiki structure of agronholm/anyio.",
            expected=("server_tool_called", "server_tool_returned"),
            more={
                "mcp_servers": [{"type": "url", "name": "wiki", "url": MCP_SERVER}],
                "tools": [{"type": "mcp_toolset", "mcp_server_name": "wiki"}],
            },
            betas=(MCP_BETA,),
            input_tokens=6000,
            output_tokens=300,
        ),
    )


def price_usd(model: str, requests: tuple[Capability, ...]) -> float | None:
    """The highest cost of all requests, about; ``None``: the price is unknown."""
    total = 0.0
    for each in requests:
        usage = Usage(input_tokens=each.input_tokens, output_tokens=each.output_tokens)
        cost = cost_usd(model, usage)
        if cost is None:
            return None
        total += cost + each.fee_usd
    return total


def live_findings(
    model: str | None, record: Path | None, *, may_spend: bool
) -> Iterator[Finding]:
    """Ask, after the price is said and agreed to, and say what differs.

    Raises:
        ConfigInvalid: There is no key, nobody agrees, or the folder cannot be written.
    """
    from coordinator.cli.doctor import Finding  # noqa: PLC0415  (that imports this)

    model = model or MODEL
    if not _headers(os.environ):
        raise ConfigInvalid(
            f"--live asks the API, and {KEY_VARIABLES[0]} is not set; set it"
        )
    requests = capabilities(model)
    _agree(model, price_usd(model, requests), may_spend=may_spend)
    if record is not None:
        try:
            record.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigInvalid(f"--record {record}: {error.strerror}") from error
    spent = 0.0
    for each in requests:
        problem, cost, body = _tried(model, each)
        spent += (cost or 0.0) + each.fee_usd
        outcome = f"{problem or 'as expected'}, {cost or 0:.4f} USD"
        if record is not None and body:
            target = record / f"{each.name.replace(' ', '_').lower()}.sse"
            target.write_bytes(cleaned(body))
            outcome += f", kept as {target}"
        yield Finding(
            about=each.name,
            verdict="wrong" if problem else "well",
            told=outcome,
            way_out="the account, the model or the API may lack it" if problem else "",
        )
    yield Finding(about="spent", verdict="well", told=f"about {spent:.3f} USD")


def _agree(model: str, price: float | None, *, may_spend: bool) -> None:
    cost = "at an unknown price" if price is None else f"for about {price:.2f} USD"
    plan = f"seven small requests to {model}, {cost}"
    sys.stderr.write(f"coordinator: {plan}\n")
    if may_spend:
        return
    if not sys.stdin.isatty():
        raise ConfigInvalid(f"--live sends {plan}; say yes beforehand: --yes")
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise ConfigInvalid("nothing was asked, nothing was spent")


def _tried(model: str, capability: Capability) -> tuple[str, float | None, bytes]:
    """Ask once: what differs (empty: nothing), the cost in USD, the stream."""
    address = os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
    headers = {**_headers(os.environ), "content-type": "application/json"}
    if capability.betas:
        headers["anthropic-beta"] = ",".join(capability.betas)
    try:
        with httpx2.Client(
            base_url=address.rstrip("/"), headers=headers, timeout=ANSWERED_S
        ) as client:
            content: Any = capability.prompt
            file_id = ""
            if FILES_BETA in capability.betas:
                file_id = _uploaded(client)
                source = {"type": "file", "file_id": file_id}
                content = [
                    {"type": "document", "source": source},
                    {"type": "text", "text": capability.prompt},
                ]
            body = {
                "model": model,
                "max_tokens": max(capability.output_tokens, 64),
                "stream": True,
                "messages": [{"role": "user", "content": content}],
                **capability.more,
            }
            if "thinking" in capability.more:
                body["max_tokens"] = capability.output_tokens + 64
            try:
                answer = client.post("/v1/messages", json=body)
            finally:
                if file_id:
                    client.delete(f"/v1/files/{file_id}")
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {_masked(str(error))}", None, b""
    if answer.status_code != OK:
        return f"{answer.status_code}: {_masked(answer.text)[:300]}", None, b""
    chunks: list[StreamChunk] = []
    problem = ""
    try:
        chunks += decode_stream(answer.content, "messages")
    except AgentError as error:
        problem = str(error)
    kinds = {str(chunk.__struct_config__.tag) for chunk in chunks}
    absent = [kind for kind in capability.expected if kind not in kinds]
    if absent and not problem:
        problem = f"no {' and no '.join(absent)} came; {', '.join(sorted(kinds))} did"
    usage = [chunk.usage for chunk in chunks if isinstance(chunk, UsageReported)]
    return problem, cost_usd(model, usage[-1]) if usage else None, answer.content


def _uploaded(client: httpx2.Client) -> str:
    files = {"file": ("word.txt", b"The word is marzipan.", "text/plain")}
    multipart = {k: v for k, v in client.headers.items() if k != "content-type"}
    # Its boundary has to be in the header, so the one for JSON must go.
    client.headers = httpx2.Headers(multipart)
    answer = client.post("/v1/files", files=files)
    if answer.status_code != OK:
        raise ValueError(f"upload: {answer.status_code} {answer.text[:200]}")
    return str(answer.json()["id"])


_IDS = re.compile(rb"\b(msg|toolu|srvtoolu|mcptoolu|req|file|container)_[A-Za-z0-9]+")
_OPAQUE = re.compile(rb'"(signature|encrypted_content|encrypted_index)":"[^"]{12,}"')


def cleaned(body: bytes) -> bytes:
    """A stream without ids, signatures and keys; equal ids stay equal."""
    known: dict[bytes, bytes] = {}

    def numbered(match: re.Match[bytes]) -> bytes:
        name = match[1] + b"_%06d" % len(known)
        return known.setdefault(match[0], name)

    body = _IDS.sub(numbered, body)
    body = _OPAQUE.sub(lambda match: b'"%s":"removed"' % match[1], body)
    return _masked(body.decode("utf-8", "replace")).encode()


def _masked(text: str) -> str:
    values = (os.environ.get(name, "").strip() for name in KEY_VARIABLES)
    return Redactor(filter(None, values)).clean(text)


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    """How a request signs in; empty: not at all."""
    key, token = (environment.get(name, "").strip() for name in KEY_VARIABLES)
    if key:
        return {"x-api-key": key, "anthropic-version": VERSION}
    if token:
        return {"authorization": f"Bearer {token}", "anthropic-version": VERSION}
    return {}


def ask_api(
    address: str, environment: Mapping[str, str], path: str, *, limit_s: float
) -> tuple[int | None, str]:
    """Ask for something that costs nothing: the status, or why there is none."""
    headers = _headers(environment) or {"anthropic-version": VERSION}
    try:
        answer = httpx2.get(f"{address}{path}", headers=headers, timeout=limit_s)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return None, _masked(str(error)) or type(error).__name__
    return answer.status_code, ""
