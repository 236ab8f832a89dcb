"""The form of a script: what a pretended model says, line by line, as people write it.

One form drives two stages: :class:`agents.backends.scripted.backend.ScriptedBackend`
plays it in the process, :mod:`agents.emulator` plays it over HTTP as the Messages API
would. This module owns the words and their checks and is pure;
:mod:`agents.backends.scripted` decides which entry is played and what its lines amount
to. Reading files is the caller's::

    model: claude-haiku-5-5
    turns:
      - when: {task: draft}
        lines:
          - {thinking: "Capitals of France…", rate: 200}
          - {text: "Paris it is.", rate: 120, delay_s: 0.2}
          - {answer: "Paris"}
      - when: {task: review, sees: "Paris"}
        repeat: true
        lines: [{vote: "Paris", reason: "It is the capital."}]
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args

import msgspec

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]
Rate: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
JsonObject: TypeAlias = dict[str, Any]  # JSON that is only carried to the model's side


class ScriptInvalid(ValueError):
    """A script cannot be understood.

    Attributes:
        path: Where in it, e.g. ``turns[0].lines[2]``; empty for the whole.
        problem: What is wrong there and what would be right.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


# The first field of each class is the key that people write to name the line's kind.


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that every line may have beside its own."""

    delay_s: Seconds = 0.0
    """How long the model is silent before the line."""


class _Spoken(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that streams."""

    rate: Rate | None = None
    """Characters a second, word by word; ``None``: all at once."""
    size: Positive | None = None
    """Characters a delta, instead of words or of the whole."""


class Text(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Visible text, a block of its own."""

    text: str
    citations: tuple[JsonObject, ...] = ()
    """Sources, as the API sends them in ``citations_delta``."""


class Thinking(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thinking block; it is signed as the API would."""

    thinking: str


class RedactedThinking(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thinking block that only its maker can read."""

    redacted_thinking: str


class Tool(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call of a tool that the caller runs."""

    tool: str
    input: JsonObject = {}
    input_text: str | None = None
    """The input as typed, where it is to be broken JSON; replaces ``input``."""


class Answer(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call of ``new_answer``."""

    answer: str
    value: Any = msgspec.UNSET
    """The structured answer, where the team asks for one."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer meant otherwise than by its text; exactly one field is given."""

    label: str | None = None
    """The answer of this label, whether it is visible or not."""
    own: bool = False
    """The voter's own answer."""
    first: bool = False
    """The visible answer whose label sorts first."""

    def __post_init__(self) -> None:
        if (self.label is not None) + self.own + self.first != 1:
            raise ValueError("give one of label: agent1.1, own: true, first: true")


Pick: TypeAlias = str | Target
"""Which answer is meant; a string: the first visible one that contains it."""


class Vote(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ballot for one answer."""

    vote: Pick
    reason: str = ""


class Rank(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ballot that ranks answers, best first; an inner list is a tier of equals."""

    rank: tuple[Pick | tuple[Pick, ...], ...]
    reason: str = ""


class Approve(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ballot for every answer that is good enough."""

    approve: tuple[Pick, ...]
    reason: str = ""


class Score(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ballot with points; a key is text that the answer contains."""

    scores: dict[str, int | dict[str, int]]
    reason: str = ""


class Abstain(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ballot for nobody."""

    abstain: Literal[True]
    reason: str = ""


class ServerTool(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call of a tool that the API runs, and what came of it."""

    server_tool: str
    """``web_search``, ``web_fetch``, ``code_execution``, ``bash_code_execution``, …"""
    input: JsonObject = {}
    result: Any = None
    """The result block's ``content``, or a shorthand that
    :mod:`agents.backends.scripted.response` knows."""
    error_code: str = ""
    """The call failed with this code, e.g. ``max_uses_exceeded``."""
    runs_s: Seconds = 0.0
    """How long the tool takes."""


class McpTool(_Spoken, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call over the MCP connector, and its result."""

    mcp_tool: str
    server: str
    input: JsonObject = {}
    result: str = ""
    is_error: bool = False
    runs_s: Seconds = 0.0


class RepeatedText(msgspec.Struct, frozen=True, kw_only=True):
    """A text, how often it is repeated, and how many deltas one read brings."""

    text: str
    times: Positive
    batch: Positive = 32


class RepeatText(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same text delta many times, as fast as it is taken: for measurements."""

    repeat_text: RepeatedText


class Block(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole content block as the API would send it, in its start event."""

    block: JsonObject


class SetUsage(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The response's final usage, key by key; the rest stays estimated."""

    usage: JsonObject


class SetContainer(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code-execution container that the response reports."""

    container: str
    expires_at: str | None = None
    """When it expires, as the API says it; unset: in 2030."""


class SetStopReason(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ends the response with this reason; later lines are not played."""

    stop_reason: str
    category: str = ""
    """Of a refusal, as the API names it."""


class HttpError(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error as the API words it."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    type: str = ""
    """The API's name for it; follows from the status when left out."""
    message: str = ""
    retry_after_s: Seconds | None = None


class Fail(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Before anything streamed an HTTP status; later an ``error`` event."""

    error: HttpError


class Stall(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more comes, and the stream stays open."""

    stall: Literal[True]


class Truncate(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body ends cleanly in the middle."""

    truncate: Literal[True]


class Disconnect(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection breaks."""

    disconnect: Literal[True]


class Ping(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ``ping`` event."""

    ping: Literal[True]


class RawBytes(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text put on the wire as it is. Only a wire can carry it."""

    raw: str


Line: TypeAlias = (
    Text
    | Thinking
    | RedactedThinking
    | Tool
    | Answer
    | Vote
    | Rank
    | Approve
    | Score
    | Abstain
    | ServerTool
    | McpTool
    | RepeatText
    | Block
    | SetUsage
    | SetContainer
    | SetStopReason
    | Fail
    | Stall
    | Truncate
    | Disconnect
    | Ping
    | RawBytes
)


def _key(kind: type[_Line]) -> str:
    own = [name for name in kind.__annotations__ if name in kind.__struct_fields__]
    return own[0]


_KINDS: dict[str, type[_Line]] = {_key(kind): kind for kind in get_args(Line)}


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an entry fits a model call; what is left out does not matter."""

    task: Literal["draft", "review", "present", "divide", "work"] | None = None
    sees: str | None = None
    """A visible answer contains this."""
    lacks: str | None = None
    """No visible answer contains this."""
    call: Positive | None = None
    """The how-manieth call of the turn it is."""
    told: str | None = None
    """The last message to the model, tool results included, contains this."""
    offered: str | None = None
    """A tool of this name may be called."""
    after_error: bool | None = None
    """The agent's previous response failed on the way."""
    after_tool_error: bool | None = None
    """A tool result that the model is given now is an error."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How bytes are laid on the wire; the stage in the process has none."""

    cut_bytes: Positive | None = None
    """Write in pieces of so many bytes, wherever that cuts."""
    crlf: bool = False
    """End lines with carriage return and line feed."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One response of the model."""

    lines: tuple[Line, ...]
    when: When = When()
    repeat: bool = False
    """Whether it may be played any number of times, or once."""
    maybe: bool = False
    """Whether a scenario may end without it, or before its fault comes."""
    pings: bool = True
    """Whether a ``ping`` follows the first block's opening, as the API does."""
    wire: Wire = Wire()


class WrittenFile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A file that the pretended code execution has written, for ``/v1/files``."""

    id: str
    """As a line's ``result`` names it: ``content: [{file_id: …}]``."""
    name: str
    text: str = ""
    base64: str = ""
    """Its content where that is no text."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """All that a pretended model has to say."""

    turns: tuple[Entry, ...]
    """Tried in order for each call; the first unused one that fits is played."""
    model: str = "scripted"
    """The model whose name and prices are used."""
    files: tuple[WrittenFile, ...] = ()
    improvises: bool = False
    """Whether clients of another kind than ours, which a script knows nothing of, are
    answered by what they bring: a call of one of their tools, or text."""


def parse_script(data: object) -> Script:
    """Read a script from what YAML or JSON loads to.

    Raises:
        ScriptInvalid: Something in it is unknown, of the wrong type or missing.
    """
    top = _mapping(data, "", "a script", Script.__struct_fields__)
    turns = _sequence(top.get("turns", []), "turns")
    return Script(
        turns=tuple(_entry(turn, f"turns[{n}]") for n, turn in enumerate(turns)),
        model=_convert(top.get("model", "scripted"), str, "model"),
        files=_convert(top.get("files", ()), tuple[WrittenFile, ...], "files"),
        improvises=_convert(top.get("improvises", False), bool, "improvises"),
    )


def parse_scripts(data: object) -> Script | dict[str, Script]:
    """Read one script, or several under ``scripts``, by agent or model.

    Raises:
        ScriptInvalid: See :func:`parse_script`.
    """
    if not isinstance(data, Mapping) or "scripts" not in data:
        return parse_script(cast("object", data))
    top = _mapping(cast("object", data), "", "a file of scripts", ("scripts",))
    scripts = _convert(top["scripts"], dict[str, Any], "scripts")
    parsed: dict[str, Script] = {}
    for name, script in scripts.items():
        try:
            parsed[name] = parse_script(script)
        except ScriptInvalid as error:
            path = ".".join(part for part in ("scripts", name, error.path) if part)
            raise ScriptInvalid(path, error.problem) from None
    return parsed


def parse_line(data: object, path: str = "") -> Line:
    """Read one line; a bare string is a line of text.

    Raises:
        ScriptInvalid: It has no kind, two kinds, or a field that its kind lacks.
    """
    if isinstance(data, str):
        return Text(text=data)
    line = _mapping(data, path, "a line", None)
    kinds = [key for key in line if key in _KINDS]
    if not kinds:
        raise ScriptInvalid(path, _no_kind(list(line)))
    if len(kinds) > 1:
        # `text` beside `thinking` would be two things said in no stated order.
        raise ScriptInvalid(
            path, f"a line is one thing, this is {' and '.join(kinds)}; write two lines"
        )
    kind = _KINDS[kinds[0]]
    _known(line, path, f"a line of {kinds[0]}", kind.__struct_fields__)
    return cast("Line", _convert(dict(line), kind, path))


def _entry(data: object, path: str) -> Entry:
    entry = _mapping(data, path, "a turn", Entry.__struct_fields__)
    if "lines" not in entry:
        raise ScriptInvalid(path, "lines are missing; add `lines: […]`")
    lines = _sequence(entry["lines"], f"{path}.lines")
    return Entry(
        lines=tuple(
            parse_line(line, f"{path}.lines[{n}]") for n, line in enumerate(lines)
        ),
        when=_convert(entry.get("when", {}), When, f"{path}.when"),
        repeat=_convert(entry.get("repeat", False), bool, f"{path}.repeat"),
        maybe=_convert(entry.get("maybe", False), bool, f"{path}.maybe"),
        pings=_convert(entry.get("pings", True), bool, f"{path}.pings"),
        wire=_convert(entry.get("wire", {}), Wire, f"{path}.wire"),
    )


def _convert(data: object, type_: type[Any], path: str) -> Any:  # noqa: ANN401  (msgspec's own answer)
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        raise ScriptInvalid(path, str(error)) from None


def _mapping(
    data: object, path: str, what: str, known: tuple[str, ...] | None
) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise ScriptInvalid(path, f"{what} is a mapping, not {type(data).__name__}")
    mapping = {str(key): value for key, value in cast("Any", data).items()}
    if known is not None:
        _known(mapping, path, what, known)
    return mapping


def _sequence(data: object, path: str) -> list[object]:
    if not isinstance(data, list | tuple):
        raise ScriptInvalid(path, f"a list is wanted, not {type(data).__name__}")
    return list(cast("list[object]", data))


def _known(
    data: Mapping[str, object], path: str, what: str, known: tuple[str, ...]
) -> None:
    for key in data:
        if key not in known:
            near = get_close_matches(key, known, 1)
            way_out = (
                f"did you mean {near[0]!r}?" if near else f"has {', '.join(known)}"
            )
            raise ScriptInvalid(path, f"{what} has no {key!r}; {way_out}")


def _no_kind(keys: list[str]) -> str:
    near = [match for key in keys for match in get_close_matches(key, _KINDS, 1)]
    way_out = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(_KINDS)}"
    return f"no kind of line among {', '.join(keys) or 'nothing'}; {way_out}"
