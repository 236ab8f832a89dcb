"""The process of Claude Code: the one file that touches ``claude-agent-sdk``.

Read and tried with 0.2.189 (2026-11-30), on asyncio and on trio. Its messages come out
as plain data. It is ended by an interrupt first, which takes it some hundredths of a
second and stops its commands; to cancel it takes seconds. Where bubblewrap works, its
processes have a namespace of their own: what it has left running ends with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import anyio
import anyio.lowlevel

from agents.backends.claude_code.prompt import Prompt
from agents.backends.claude_code.reader import PREFIX, SERVER
from agents.backends.claude_code.settings import ClaudeCodeSettings
from agents.backends.dialects.json_values import Json
from agents.boundary.threads import in_thread
from agents.errors import BackendRefused
from agents.tools.workspace import sandbox

INTERRUPT_S = 1.0
"""How long Claude Code may take to stop what it does."""
CLOSE_S = 10.0
"""How long its process may take to end; the SDK kills it before that."""
BUFFER_BYTES = 64 * 1024 * 1024
"""The longest message that its process may write: a file that was read, in base64."""

_SECRETS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_WITHOUT_SECRETS = f"unset {' '.join(_SECRETS)}; "
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "ENABLE_TOOL_SEARCH": "false",  # else the team's tools would have to be searched
    "CLAUDE_CODE_MAX_RETRIES": "0",  # one layer retries, and it is not this one
}
_TAKEN = "Taken. Its result comes with the next message; say nothing until then."

Allow: TypeAlias = Callable[[str, Json, str], Awaitable[str | None]]
"""Asked before one of its own tools runs, with name, input and the call's id; gives why
it may not."""


class ToolForm(NamedTuple):
    """A tool of ours, as Claude Code is told of it."""

    name: str
    description: str
    schema: Json


class Bounds(NamedTuple):
    """The limits of one call."""

    max_tokens: int | None
    budget_usd: float | None


class Event(NamedTuple):
    """One message of Claude Code's, as plain data."""

    kind: str
    """``stream``, ``returned``, ``failed``, ``result``."""
    told: Json


def is_installed() -> bool:
    """Whether ``claude-agent-sdk`` can be imported."""
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("claude_agent_sdk") is not None


def sdk() -> Any:  # noqa: ANN401  (an optional package)
    """The SDK.

    Raises:
        BackendRefused: It is not installed.
    """
    try:
        return import_module("claude_agent_sdk")
    except ImportError as error:
        raise BackendRefused(
            "Claude Code needs the package claude-agent-sdk (400 MB); run: pip install "
            "'massgen-coordinator[claude_code]'"
        ) from error


@asynccontextmanager
async def running(
    settings: ClaudeCodeSettings,
    prompt: Prompt,
    *,
    system: str,
    tools: list[ToolForm],
    bounds: Bounds,
    allow: Allow,
) -> AsyncGenerator[AsyncIterator[Event]]:
    """Start Claude Code, tell it ``prompt``, and give what it says.

    Raises:
        BackendRefused: It is not installed.
        Exception: What the SDK raises; see :mod:`agents.backends.claude_code.errors`.
    """
    package = await in_thread(sdk, name="import of claude-agent-sdk")
    _make_folders(settings)
    options = _options(package, settings, prompt, system, tools, bounds, allow)
    client = package.ClaudeSDKClient(options=options)
    messages: AsyncGenerator[Any] | None = None
    try:
        await client.connect()
        await client.query(_messages(prompt))
        messages = received = client.receive_messages()
        async with aclosing(_events(received)) as events:
            yield events
    finally:
        with (
            anyio.move_on_after(INTERRUPT_S, shield=True),
            suppress(Exception),  # it has ended, or never begun
        ):
            await client.interrupt()
        with anyio.move_on_after(CLOSE_S, shield=True):
            await client.disconnect()
            if messages is not None:
                # It iterates another generator, which only its end closes.
                with suppress(Exception):
                    async for _ in messages:
                        pass


async def _messages(prompt: Prompt) -> AsyncGenerator[Json]:
    await anyio.lowlevel.checkpoint()
    message = {"role": "user", "content": prompt.blocks}
    yield {"type": "user", "message": message, "parent_tool_use_id": None}


async def _events(messages: AsyncGenerator[Any]) -> AsyncGenerator[Event]:
    """The messages that matter, until the model has nothing more to say."""
    async for message in messages:
        match type(message).__name__:
            case "StreamEvent" if message.parent_tool_use_id is None:
                yield Event("stream", message.event)
            case "UserMessage" if message.parent_tool_use_id is None:
                for event in _returned(message):
                    yield event
            case "AssistantMessage" if message.error is not None:
                words = [getattr(block, "text", "") for block in message.content]
                problem = {"error": message.error, "message": " ".join(words).strip()}
                yield Event("failed", problem)
            case "ResultMessage":
                yield Event(
                    "result",
                    {
                        "session": message.session_id,
                        "subtype": message.subtype,
                        "is_error": message.is_error,
                        "status": message.api_error_status,
                        "message": message.result or " ".join(message.errors or ()),
                    },
                )
                return
            case _:
                pass


def _returned(message: Any) -> list[Event]:  # noqa: ANN401  (the SDK's)
    if isinstance(message.content, str):
        return []
    return [
        Event(
            "returned",
            {
                "id": block.tool_use_id,
                "content": block.content,
                "is_error": bool(block.is_error),
            },
        )
        for block in message.content
        if type(block).__name__ == "ToolResultBlock"
    ]


def _make_folders(settings: ClaudeCodeSettings) -> None:
    settings.folder.mkdir(parents=True, exist_ok=True)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.home / "tmp").mkdir(exist_ok=True, mode=0o700)


def _options(  # noqa: PLR0917  (all that a process is started with)
    package: Any,  # noqa: ANN401  (the SDK)
    settings: ClaudeCodeSettings,
    prompt: Prompt,
    system: str,
    tools: list[ToolForm],
    bounds: Bounds,
    allow: Allow,
) -> Any:  # noqa: ANN401  (the SDK's)
    served = package.create_sdk_mcp_server(
        SERVER,
        tools=[
            package.SdkMcpTool(each.name, each.description, each.schema, _take)
            for each in tools
        ],
    )
    matcher = package.HookMatcher
    own = settings.tools
    return package.ClaudeAgentOptions(
        model=settings.model,
        system_prompt={"type": "preset", "preset": "claude_code", "append": system},
        tools={"type": "preset", "preset": "claude_code"} if own is None else list(own),
        mcp_servers={SERVER: served},
        strict_mcp_config=True,
        allowed_tools=[PREFIX + each.name for each in tools],
        setting_sources=[],
        resume=prompt.session,
        cwd=settings.folder,
        cli_path=program(package, settings),
        env=_environment(settings, bounds),
        max_turns=settings.max_turns,
        max_budget_usd=bounds.budget_usd,
        max_buffer_size=BUFFER_BYTES,
        include_partial_messages=True,
        stderr=_drop,
        extra_args={} if settings.effort is None else {"effort": settings.effort},
        hooks={
            "PreToolUse": [matcher(hooks=[_asking(allow)])],
            "PostToolUse": [matcher(matcher=f"{PREFIX}.*", hooks=[_stop])],
        },
    )


def _drop(_line: str) -> None:
    """Let go what Claude Code writes beside its messages: notices for a terminal."""


async def _take(_given: Any) -> Json:  # noqa: ANN401  (a tool's input)
    """Stand for a tool of ours: the team runs it once the response has ended."""
    await anyio.lowlevel.checkpoint()
    return {"content": [{"type": "text", "text": _TAKEN}]}


async def _stop(_given: Any, _call: str | None, _context: Any) -> Json:  # noqa: ANN401  (the SDK's)
    """Let Claude Code stop after a call of a tool of ours."""
    await anyio.lowlevel.checkpoint()
    return {"continue_": False, "stopReason": "its result comes next"}


def _asking(allow: Allow) -> Callable[[Any, str | None, Any], Awaitable[Json]]:
    """The hook that asks before any tool runs; it keeps keys out of the shell."""

    async def ask(given: Any, call: str | None, _context: Any) -> Json:  # noqa: ANN401  (the SDK's)
        name, arguments = str(given["tool_name"]), dict(given.get("tool_input") or {})
        decision: Json = {"hookEventName": "PreToolUse", "permissionDecision": "allow"}
        if not name.startswith(PREFIX):
            refused = await allow(name, arguments, call or "")
            if refused is not None:
                decision["permissionDecision"] = "deny"
                decision["permissionDecisionReason"] = refused
            elif name == "Bash" and isinstance(arguments.get("command"), str):
                arguments["command"] = _WITHOUT_SECRETS + arguments["command"]
                decision["updatedInput"] = arguments
        return {"hookSpecificOutput": decision}

    return ask


def _environment(settings: ClaudeCodeSettings, bounds: Bounds) -> dict[str, str]:
    variables = {
        "HOME": str(settings.home),
        "TMPDIR": str(settings.home / "tmp"),
        "CLAUDE_CONFIG_DIR": str(settings.home / ".claude"),
        **_QUIET,
        # An empty variable counts as none: what is ours does not get in by itself.
        **dict.fromkeys(_SECRETS, ""),
        **settings.env,
    }
    if settings.api_key is not None:
        variables["ANTHROPIC_API_KEY"] = settings.api_key
    if settings.base_url is not None:
        variables["ANTHROPIC_BASE_URL"] = settings.base_url
    if bounds.max_tokens is not None:
        variables["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(bounds.max_tokens)
    return variables


def program(package: Any, settings: ClaudeCodeSettings) -> str | None:  # noqa: ANN401  (the SDK)
    """The program to start: the package's own, in a namespace of its own.

    ``None``: the SDK finds it, and what it leaves running in its shell may stay.
    """
    bundled = Path(package.__file__).parent / "_bundled" / "claude"
    if not settings.sandbox or not bundled.exists() or not has_namespaces():
        return None
    wrapper = settings.home / "claude"
    bwrap = shutil.which(sandbox.PROGRAM) or sandbox.PROGRAM
    text = (
        "#!/bin/sh\n"
        # No exec: bwrap would end with the thread that has started it, and trio's end
        # when they are idle. This shell lives as long as the program.
        f"'{bwrap}' --unshare-pid --die-with-parent --dev-bind / / --proc /proc "
        f"-- '{bundled}' \"$@\"\n"
        "exit $?\n"
    )
    if not wrapper.exists() or wrapper.read_text() != text:
        part = wrapper.with_suffix(f".{os.getpid()}")
        part.write_text(text)
        part.chmod(0o700)
        part.replace(wrapper)
    return str(wrapper)


def has_namespaces() -> bool:
    """Whether processes can have a namespace of their own here."""
    return sandbox.kind() == "bubblewrap"
