"""The team file: what people write about a team, as Structs.

Owns the form of ``team.yaml`` and the reading of it; nothing here opens a backend or
imports a tool. :mod:`coordinator.team.builder` makes a
:class:`~coordinator.team.team.Team` of it. The ``voting`` and ``limits`` sections are
the fields of :class:`~coordinator.consensus.rules.Rules` by the same names, so that a
new rule is a new key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    cast,
)

import msgspec

from agents.backends.scripted.script import Script, ScriptInvalid, parse_script
from agents.limits.retry import OVERLOAD_LIMIT_S
from agents.mcp.server_config import McpServer
from agents.protocol.attachments import Attach
from agents.protocol.chunks import AgentId
from coordinator.ballots import Record, learned_weights
from coordinator.ballots.voting_rules import spelled_out
from coordinator.consensus.rules import SETTINGS, Budget, Rules, setting_types
from coordinator.errors import ConfigInvalid
from coordinator.team.attachment_sources import placed
from coordinator.team.validation import check_agent, check_schema, said_at
from coordinator.team.yaml_document import (
    Document,
    Where,
    convert,
    parse,
    read,
    value_at,
)

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
JsonObject: TypeAlias = dict[str, Any]  # carried to the API as it is

DEMO = Path(__file__).with_name("demo.yaml")
"""The team that ``coordinator run --demo`` plays."""

LIMITS = (
    "answers_per_agent",
    "answers_total",
    "lead",
    "attempts",
    "restarts",
    "budget_tokens",
    "budget_usd",
    "agent_budget_tokens",
    "agent_budget_usd",
)
"""The rules that stand under ``limits``."""

TOP = ("deadline_s", "final")
"""The rules that stand at the top of the file, because everybody sets them."""

ELSEWHERE = ("budgets", "models", "prices")
"""The rules that agents' own settings and models say."""


class AgentSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What may be said of an agent, or of all of them under ``defaults``."""

    backend: Literal["claude", "scripted", "human"] | None = None
    """``human``: a person, heard through the session. ``scripted`` where there is a
    ``script``, otherwise ``claude``."""
    model: str | None = None
    system: str = ""
    """The agent's own instructions, before the question."""
    tools: tuple[str | JsonObject, ...] = ()
    """Server tools by name (``web_search``), by version, or by their whole API form,
    which needs ``name`` where a version is newer than this program; Python functions
    as ``module:function`` or ``{function: …, strict: …}``; ``bash``, ``text_editor``
    and ``memory``, which work in ``workspace``."""
    workspace: str | None = None
    """A folder, relative to the current one, in which each agent has one of its own."""
    fallback: tuple[str, ...] = ()
    """Models that take over, in this order, where the one before stays overloaded or
    cannot be reached, declines to answer, or has no room for what it should read."""
    compact_at_tokens: Positive | None = None
    """Prompts longer than this are summarised by the API; at least 50000."""
    tool_timeout_s: Seconds = 60.0
    approve: tuple[str, ...] = ()
    """Tools of ours that run only when a person has said yes: their names as the model
    calls them, or patterns (``files__*``, ``*``)."""
    max_tokens: Positive | None = None
    """Most tokens of one response."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    thinking: (
        Literal["adaptive", "disabled", "between_tools"] | Positive | JsonObject | None
    ) = None
    """A number: that many tokens to think with, for models that take a budget. A
    mapping: as the API takes it."""
    budget_tokens: Positive | None = None
    """What this agent may spend in the session; ``limits`` bound the whole team."""
    budget_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    betas: tuple[str, ...] = ()
    mcp_servers: tuple[JsonObject, ...] = ()
    """In the API's form; their toolsets follow."""
    mcp: tuple[McpServer, ...] = ()
    """MCP servers that we start or reach ourselves."""
    cache: bool = True
    """Whether to set breakpoints for the prompt cache."""
    extra: JsonObject = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them."""
    idle_limit_s: Seconds = 120.0
    """How long a stream may be silent before it counts as broken; of pings alone it may
    bring ten times as long."""
    overload_limit_s: Seconds = OVERLOAD_LIMIT_S
    """How long an overloaded model is asked again where no fallback can take over."""
    api_key_env: str | None = None
    """The environment variable that holds the key; a key itself is never written."""
    base_url: str | None = None
    proxy: str | None = None
    """A proxy for HTTP, ``http://host:port``; or ``$VARIABLE``, which may hold one with
    a password. Left out: ``HTTPS_PROXY`` and its kin."""
    ca_file: str | None = None
    """PEM certificates to trust beside those that are trusted anyway; a path, relative
    to this file."""
    provider: Literal["anthropic", "bedrock", "vertex", "foundry"] = "anthropic"
    """Who runs the model; the SDK's own client signs in there."""
    region: str | None = None
    """Of Bedrock or Vertex."""
    project: str | None = None
    """Of Vertex."""
    resource: str | None = None
    """Of Foundry."""
    script: str | JsonObject | None = None
    """What a scripted agent says: here, or the path of a file, relative to this one.
    With ``backend: claude``: what the emulated API answers under ``--emulate``."""

    def __repr__(self) -> str:
        # What is carried to the API as it is may hold tokens.
        return f"{type(self).__name__}(backend={self.backend!r}, model={self.model!r})"


class AgentEntry(AgentSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent."""

    id: str


def _section(name: str, fields: tuple[str, ...], doc: str) -> type[msgspec.Struct]:
    """A Struct of some of the rules, each optional."""
    kinds = {"policy": str, **setting_types()}
    return msgspec.defstruct(
        name,
        [(f, kinds[f] | msgspec.UnsetType, msgspec.UNSET) for f in fields],
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        module=__name__,
        namespace={"__doc__": doc},
    )


if TYPE_CHECKING:
    Limits: TypeAlias = msgspec.Struct
    Voting: TypeAlias = msgspec.Struct
else:
    Limits = _section("Limits", LIMITS, "Bounds on a session.")
    Voting = _section(
        "Voting",
        (
            "policy",
            *(name for name in SETTINGS if name not in (*LIMITS, *TOP, *ELSEWHERE)),
        ),
        "How the team decides; ``policy`` names the preset that the rest changes.",
    )


class TeamFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team file."""

    agents: tuple[AgentEntry, ...]
    question: str | None = None
    """Asked where the command line asks nothing."""
    attach: tuple[str | Attach, ...] = ()
    """Files and addresses that go with the question: a path from this file's folder, or
    a mapping with ``source`` and how to send it."""
    title: str = ""
    """Shown beside the name of the program."""
    defaults: AgentSettings = AgentSettings()
    """What every agent has that does not say otherwise."""
    voting: Voting = msgspec.field(default_factory=Voting)
    limits: Limits = msgspec.field(default_factory=Limits)
    deadline_s: Seconds | None = None
    final: Literal["present", "reuse", "synthesise"] | None = None
    seed: int | None = None
    answer_schema: JsonObject | str | None = None
    """What every answer brings beside its words: a JSON Schema, or a Python type as
    ``module:Type``."""
    records: dict[str, Record] = msgspec.field(default_factory=dict[str, Record])
    """How agents fared in sessions whose right answer is known; weights follow from it
    as log-odds, see :mod:`coordinator.ballots.learned_weights`."""


class TeamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A team file that has been read: its contents, its rules, its scripts."""

    file: TeamFile
    rules: Rules
    agents: tuple[AgentEntry, ...]
    """With what ``defaults`` says filled in."""
    scripts: dict[str, Script]
    """Agent → what it says, for those that are scripted."""
    is_emulated: bool = False
    """Whether its Claude agents ask a pretended API; see
    :mod:`coordinator.team.emulation`."""


def read_team(path: Path) -> TeamConfig:
    """Read a team file, and the scripts that it names.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return read_document(read(path))


def parse_team(text: str, path: Path) -> TeamConfig:
    """Read a team from text; ``path`` is its name in errors and where scripts are.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return read_document(parse(text, path))


def read_document(document: Document, form: type[TeamFile] = TeamFile) -> TeamConfig:
    """Make sense of a document that is a team file, or of a form that adds keys to one.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    if not isinstance(document.data, dict):
        raise document.error((), "a team file is a mapping; begin with 'agents:'")
    _spell_out_rule(document)
    file = convert(document, form)
    folder = document.path.parent
    placed_files = tuple(placed(each, folder) for each in file.attach)
    file = msgspec.structs.replace(file, attach=placed_files)
    if not file.agents:
        raise document.error(("agents",), "is empty; add an agent")
    if isinstance(file.answer_schema, dict):
        check_schema(document, file.answer_schema)
    agents = tuple(
        _filled(document, file.defaults, number, entry)
        for number, entry in enumerate(file.agents)
    )
    first: dict[str, int] = {}
    for number, entry in enumerate(agents):
        if first.setdefault(entry.id, number) != number:
            problem = f"{entry.id!r} is agents[{first[entry.id]}] already; ids differ"
            raise document.error(("agents", number, "id"), problem)
        check_agent(document, ("agents", number), entry)
    scripts = {
        entry.id: _script(
            document, said_at(document, ("agents", number), "script"), entry.script
        )
        for number, entry in enumerate(agents)
        if entry.script is not None
    }
    rules = _rules(document, file, agents)
    return TeamConfig(file=file, rules=rules, agents=agents, scripts=scripts)


def attached(file: TeamFile) -> tuple[Attach, ...]:
    """The files that go with the question, each in its long form."""
    return tuple(
        Attach(source=each) if isinstance(each, str) else each for each in file.attach
    )


def with_attached(config: TeamConfig, sources: Sequence[str]) -> TeamConfig:
    """The same team with more files to go with the question; paths are from here."""
    more = tuple(placed(source, Path.cwd()) for source in sources)
    file = msgspec.structs.replace(config.file, attach=(*config.file.attach, *more))
    return msgspec.structs.replace(config, file=file)


def _spell_out_rule(document: Document) -> None:
    voting = value_at(document, ("voting",))
    if isinstance(voting, dict) and voting.get("rule") is not None:
        try:
            voting["rule"] = cast("Any", spelled_out(voting["rule"]))
        except ConfigInvalid as error:
            raise document.error(("voting", "rule"), str(error)) from None


def _filled(
    document: Document, defaults: AgentSettings, number: int, entry: AgentEntry
) -> AgentEntry:
    """Let ``defaults`` speak where the agent is silent."""
    said = value_at(document, ("agents", number))
    assert isinstance(said, dict)
    silent = {
        name: getattr(defaults, name)
        for name in AgentSettings.__struct_fields__
        if name not in said
    }
    entry = msgspec.structs.replace(entry, **silent)
    if entry.ca_file is not None:
        place = document.path.parent / Path(entry.ca_file).expanduser()
        entry = msgspec.structs.replace(entry, ca_file=str(place.absolute()))
    if entry.backend is None:
        backend = "scripted" if entry.script is not None else "claude"
        entry = msgspec.structs.replace(entry, backend=backend)
    return entry


def _script(
    document: Document, where: Where, script: str | JsonObject | None
) -> Script:
    if isinstance(script, str):
        source = read(document.path.parent / script)
        where = ()
    else:
        source = document
    try:
        return parse_script(value_at(source, where))
    except ScriptInvalid as error:
        raise source.error((*where, *steps(error.path)), error.problem) from None


def steps(path: str) -> Where:
    """Take ``turns[0].lines[2]`` apart."""
    steps: list[str | int] = []
    for part in path.replace("[", ".[").split("."):
        is_index = part.startswith("[") and part.endswith("]")
        if part:
            steps.append(int(part[1:-1]) if is_index else part)
    return tuple(steps)


def _rules(document: Document, file: TeamFile, agents: tuple[AgentEntry, ...]) -> Rules:
    said: dict[str, Any] = {
        name: value
        for section in (file.voting, file.limits)
        for name, value in msgspec.structs.asdict(section).items()
        if value is not msgspec.UNSET
    }
    for name in TOP:
        if getattr(file, name) is not None:
            said[name] = getattr(file, name)
    budgets = {
        agent.id: Budget(tokens=agent.budget_tokens, usd=agent.budget_usd)
        for agent in agents
    }
    said["budgets"] = {name: own for name, own in budgets.items() if own != Budget()}
    for voter in said.get("weights", {}):
        if voter not in {agent.id for agent in file.agents}:
            problem = f"{voter!r} is not in the team; name one of its agents"
            raise document.error(("voting", "weights", voter), problem)
    if file.records:
        if "weights" in said:
            problem = "weights are given, or learned from records; leave one out"
            raise document.error(("voting", "weights"), problem)
        said["weights"] = _learned(document, file)
    try:
        return Rules(**said)
    except ConfigInvalid as error:
        raise document.error(_place_of(error.key), error.problem) from None


def _place_of(setting: str) -> Where:
    """Where a setting stands; contradictions are told where most settings stand."""
    if setting in TOP:
        return (setting,)
    section = "limits" if setting in LIMITS else "voting"
    return (section, setting) if setting else (section,)


def _learned(document: Document, file: TeamFile) -> dict[str, float]:
    """The weights that follow from the team's records."""
    ids = {agent.id for agent in file.agents}
    for voter in file.records:
        if voter not in ids:
            problem = f"{voter!r} is not in the team; name one of its agents"
            raise document.error(("records", voter), problem)
    records = {AgentId(voter): record for voter, record in file.records.items()}
    try:
        learned = learned_weights(records, options=max(2, len(ids)))
    except ValueError as error:
        raise document.error(("records",), str(error)) from None
    return {str(voter): weight for voter, weight in learned.items()}
