"""A probe of a compatible server: the abilities that a team needs, tried one by one.

Three small requests: the list of models, and one streamed call of a tool in each of the
two dialects. A model that is asked well and calls nothing may just not want to, and is
told so.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import anyio
import httpx2
import msgspec

from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.compatible.servers import Api
from agents.backends.transport.clients import http_client
from agents.backends.transport.endpoint import bearer
from agents.errors import AgentError, BackendUnavailable
from agents.protocol.chunks import (
    ResponseEnded,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    UsageReported,
)

LIMIT_S = 60.0
"""How long one of the requests may take: a local model is loaded for the first."""
MAX_TOKENS = 400
"""Of one response; a model that thinks first needs some."""
LIST_BYTES = 1 << 20

State: TypeAlias = Literal["has", "lacks", "unknown"]

_ASKED = "Call the tool note once, with the text 'ready'. Say nothing else."
_TOOL = {
    "name": "note",
    "description": "Take a note.",
    "input_schema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
}


class Finding(NamedTuple):
    """One thing that was tried."""

    what: str
    """``models``, ``chat``, ``messages``, and of a dialect ``chat: tools``, …"""
    state: State
    told: str
    """The observation, in a sentence."""
    way_out: str = ""
    """The remedy where the ability is lacking."""


async def probe(
    base_url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    limit_s: float = LIMIT_S,
) -> list[Finding]:
    """Try a server.

    Args:
        base_url: With ``/v1`` where the server has that.
        model: Which to ask; ``None``: the first that the server lists.
        api_key: Where it asks for one.
        limit_s: How long each request may take.

    Returns:
        What was found; a server that cannot be reached is one finding.

    Raises:
        ValueError: ``base_url`` is no address.
    """
    listed, findings = await _listed(base_url, api_key, limit_s)
    if listed is None:
        return findings
    probed_model = model or next(iter(listed), None)
    if probed_model is None:
        problem = "no model is known to ask; name one"
        return [*findings, Finding("chat", "unknown", problem)]
    for api in ("chat", "messages"):
        findings += await _tried(base_url, api, probed_model, api_key, limit_s)
    return findings


async def _listed(
    base_url: str, api_key: str | None, limit_s: float
) -> tuple[list[str] | None, list[Finding]]:
    """The models that a server lists; ``None``: it does not answer."""
    headers, _ = bearer(api_key)
    url = f"{base_url.rstrip('/')}/models"
    try:
        with anyio.fail_after(limit_s):
            async with http_client(limit_s) as client:
                answer = await client.get(url, headers=headers)
                data = answer.content[:LIST_BYTES]
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise ValueError(f"base_url {base_url!r} is no address: {error}") from error
    except (httpx2.HTTPError, TimeoutError) as error:
        way = "start it, or look at the address and its port"
        problem = f"{base_url} does not answer: {error or type(error).__name__}"
        return None, [Finding("server", "lacks", problem, way)]
    if answer.status_code in {401, 403}:
        problem = f"{base_url} refuses the key ({answer.status_code})"
        return None, [Finding("key", "lacks", problem, "set the key that it takes")]
    names = _names(data) if answer.is_success else []
    if not names:
        problem = f"it lists no models ({answer.status_code})"
        return [], [Finding("models", "lacks", problem, "name the model yourself")]
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return names, [Finding("models", "has", f"{len(names)}: {shown}")]


def _names(data: bytes) -> list[str]:
    try:
        decoded: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    listed: Any = (
        cast("dict[str, Any]", decoded).get("data")
        if isinstance(decoded, dict)
        else decoded
    )
    if not isinstance(listed, list):
        return []
    models = cast("list[object]", listed)
    return [
        str(cast("dict[str, Any]", one)["id"])
        for one in models
        if isinstance(one, dict) and "id" in one
    ]


async def _tried(
    base_url: str, api: Api, model: str, api_key: str | None, limit_s: float
) -> list[Finding]:
    """The findings of a request for one tool call in a dialect."""
    backend = CompatibleBackend(
        model,
        base_url=base_url,
        api_key=api_key,
        api=api,
        max_tokens=MAX_TOKENS,
        idle_limit_s=limit_s,
    )
    try:
        with anyio.fail_after(limit_s):
            messages = [{"role": "user", "content": _ASKED}]
            stream = backend.stream_with_tools(messages, [_TOOL])
            async with aclosing(stream):
                chunks = [chunk async for chunk in stream]
    except TimeoutError:
        problem = f"{model} said nothing whole within {limit_s:g} s"
        way = "give it longer (idle_limit_s), or take a smaller model"
        return [Finding(api, "lacks", problem, way)]
    except AgentError as error:
        return [_refused(api, model, error)]
    finally:
        with anyio.move_on_after(1, shield=True):
            await backend.aclose()
    return list(_seen(api, model, chunks))


def _refused(api: Api, model: str, error: AgentError) -> Finding:
    other = "messages" if api == "chat" else "chat"
    if isinstance(error, BackendUnavailable):
        problem = f"{model} did not answer: {error}"
        return Finding(api, "unknown", problem, "try again later")
    return Finding(api, "lacks", f"it says: {error}", f"use 'api: {other}'")


def _seen(api: Api, model: str, chunks: list[StreamChunk]) -> list[Finding]:
    findings = [Finding(api, "has", f"{model} answers in a stream")]
    calls = [chunk for chunk in chunks if isinstance(chunk, ToolCalled)]
    if not calls:
        way = (
            "take a model that calls tools: without that it can neither answer nor vote"
        )
        findings.append(Finding(f"{api}: tools", "lacks", f"{model} called none", way))
    elif not all(call.is_valid for call in calls):
        problem = f"{model} called with input that is no JSON"
        findings.append(
            Finding(f"{api}: tools", "lacks", problem, "take another model")
        )
    else:
        findings.append(
            Finding(f"{api}: tools", "has", f"{model} called {calls[0].name}")
        )
    usage = [x.usage for x in chunks if isinstance(x, UsageReported)]
    if not usage or usage[-1].input_tokens + usage[-1].output_tokens == 0:
        problem = "it tells no usage: budgets are kept by estimates"
        findings.append(Finding(f"{api}: usage", "lacks", problem))
    else:
        findings.append(Finding(f"{api}: usage", "has", "it tells what was used"))
    if any(isinstance(chunk, ThinkingDelta) for chunk in chunks):
        findings.append(Finding(f"{api}: thinking", "has", "its thinking is seen"))
    written = [x for x in chunks if isinstance(x, TextDelta | ThinkingDelta)]
    ended = [x for x in chunks if isinstance(x, ResponseEnded)]
    if ended and ended[-1].why == "cut" and not calls:
        problem = (
            f"{model} wrote {len(written)} pieces and was cut at {MAX_TOKENS} tokens"
        )
        findings.append(
            Finding(f"{api}: brevity", "lacks", problem, "say 'effort: low'")
        )
    return findings
