"""Asks Claude Code, by the SDK's own package; run by an environment that has it.

``python claude_code_program.py RUNTIME`` reads ``{"prompts": […]}`` from standard input
and writes one line of JSON for each message of the conversation.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

import anyio


async def _main(prompts: list[str]) -> None:
    sdk: Any = import_module("claude_agent_sdk")

    @sdk.tool("weather", "Tell the weather.", {"city": str})
    async def weather(given: dict[str, Any]) -> dict[str, Any]:
        await anyio.lowlevel.checkpoint()
        return {"content": [{"type": "text", "text": f"Rain in {given['city']}."}]}

    server = sdk.create_sdk_mcp_server("sky", tools=[weather])
    options = sdk.ClaudeAgentOptions(
        cwd=os.environ["HOME"],
        setting_sources=[],
        mcp_servers={"sky": server},
        allowed_tools=["mcp__sky__weather"],
        max_turns=8,
        model=os.environ.get("MODEL"),
    )
    async with sdk.ClaudeSDKClient(options=options) as client:
        for prompt in prompts:
            await client.query(prompt)
            async for message in client.receive_response():
                told = {"kind": type(message).__name__, "said": _said(message)}
                sys.stdout.write(json.dumps(told) + "\n")
                sys.stdout.flush()


def _said(message: Any) -> Any:
    if hasattr(message, "result"):
        return [message.subtype, message.result, message.is_error]
    content: Any = getattr(message, "content", None)
    if not isinstance(content, list):
        return None
    blocks: list[Any] = [*content]
    return [
        {
            name: value
            for name in ("text", "name", "input", "content", "is_error")
            if (value := getattr(block, name, None)) is not None
        }
        for block in blocks
    ]


if __name__ == "__main__":
    anyio.run(_main, json.load(sys.stdin)["prompts"], backend=sys.argv[1])
