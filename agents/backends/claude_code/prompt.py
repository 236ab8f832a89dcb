"""The words of a request for Claude Code, and the session they go to. Pure.

Its process is started for each call and resumes the session in which the conversation
stands. The session's id goes with the response, as the items of other makers do, so it
is in the journal too. Only what came since is told; where there is no such session (a
fallback, another machine) everything is.
"""

from __future__ import annotations

from typing import NamedTuple

from agents.backends.dialects.history import Call, Entry, File, Result, Text, entries
from agents.backends.dialects.json_values import Json
from agents.protocol.backend import Request

BY = "claude_code"
"""The maker of the items that carry the session."""
SESSION = "claude_code_session"

GO_ON = "Go on."


class Prompt(NamedTuple):
    """One message for Claude Code."""

    session: str | None
    """The session to resume; ``None``: a new one."""
    blocks: list[Json]
    """Content blocks, as the Messages API takes them."""


def prompt_of(request: Request) -> Prompt:
    """The prompt of a request, and the session that it continues."""
    history = entries(request, BY)
    session: str | None = None
    since = 0
    for place, entry in enumerate(history):
        for item in entry.items:
            if item.get("type") == SESSION:
                session, since = str(item["id"]), place + 1
    return Prompt(session, _blocks(history[since:], request))


def whole_prompt(request: Request) -> Prompt:
    """Everything, for a new session: the one that there was cannot be resumed."""
    return Prompt(None, _blocks(entries(request, ""), request))


def session_item(session: str) -> Json:
    """The item of a response by which the next request resumes its session."""
    return {"type": SESSION, "id": session}


def _blocks(history: list[Entry], request: Request) -> list[Json]:
    names = _names(request)
    blocks: list[Json] = []
    for entry in history:
        for part in entry.parts:
            match part:
                case Text(text):
                    line = text if entry.is_user else f"You have said:\n{text}"
                    blocks.append({"type": "text", "text": line})
                case File():
                    blocks.append(_file(part))
                case Call(_, name, arguments):
                    line = f"You have called {name} with {arguments}"
                    blocks.append({"type": "text", "text": line})
                case Result(call_id, _, is_error):
                    name = names.get(call_id, "the tool")
                    kind = "error" if is_error else "result"
                    line = f"The {kind} of {name}:\n{part.text}"
                    blocks.append({"type": "text", "text": line})
                    blocks += map(_file, part.files)
    return blocks or [{"type": "text", "text": GO_ON}]


def _names(request: Request) -> dict[str, str]:
    """Call → the tool that it called."""
    return {
        part.id: part.name
        for entry in entries(request, "")
        for part in entry.parts
        if isinstance(part, Call)
    }


def _file(file: File) -> Json:
    kind = "image" if file.media_type.startswith("image/") else "document"
    source = {"type": "base64", "media_type": file.media_type, "data": file.data}
    return {"type": kind, "source": source}
