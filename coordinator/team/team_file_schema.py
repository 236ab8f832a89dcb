"""The team file as Structs: every key, its type, default, bound and sentence.

The ``voting`` and ``limits`` sections are the settings of
:class:`~coordinator.consensus.rules.Rules` by the same names, so that a new rule is a
new key. Reading a file is :mod:`coordinator.team.reader`'s, what makes no sense in it
:mod:`coordinator.team.validation`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from agents.backends.scripted.script import Script
from agents.limits.retry import OVERLOAD_LIMIT_S
from agents.limits.stated_price import TokenPrice
from agents.mcp.server_config import McpServer
from agents.protocol.attachments import Attach
from coordinator.ballots import Record
from coordinator.consensus.rules import SETTINGS, Rules, setting_types

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
JsonObject: TypeAlias = dict[str, Any]  # carried to the API as it is

LIMITS = (
    "answers_per_agent",
    "answers_total",
    "lead",
    "ahead",
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

ELSEWHERE = ("budgets", "makers", "models", "prices")
"""The rules that agents' own settings and models say."""


class WorkloadIdentity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A service account of OpenAI's, for what runs in a cloud without a key."""

    identity_provider_id: str
    """Of the cloud, as OpenAI knows it."""
    service_account_id: str
    """The account that it signs in as."""
    token_file: str
    """Where the cloud keeps the workload's token, as Kubernetes mounts it."""


class RayPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where on a Ray cluster an agent runs."""

    on: Literal["ray"] = "ray"
    """The framework that runs it there."""
    address: str = "ray"
    """``ray``: the cluster that is here, or begins here; ``ray://HOST:PORT``."""
    resources: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    """Custom resources that its node must have, as Ray counts them: ``{db: 1}``."""
    labels: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Labels that its node must have: ``{ray.io/region: eu}``."""
    cpus: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Cores to reserve; an agent mostly waits, so none by itself."""
    gpus: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """GPUs to reserve, for a model or a tool that runs beside the agent."""
    batch: Annotated[int, msgspec.Meta(ge=1, le=256)] = 32
    """So many frames travel together at most."""
    linger_ms: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 2.0
    """So long a frame waits for others to travel with, in milliseconds."""


class TextFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that stands in a file of its own."""

    file: str
    """Its path, relative to the team file."""


class AgentSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of an agent, or of all of them under ``defaults``."""

    backend: (
        Literal[
            "claude",
            "openai",
            "grok",
            "gemini",
            "compatible",
            "claude_code",
            "scripted",
            "human",
        ]
        | None
    ) = None
    """Left out: as ``model`` says, else ``scripted`` where there is a ``script``, else
    ``claude``. ``compatible``: any server that speaks Chat Completions or Messages.
    ``claude_code``: the program, at work in ``workspace`` with tools of its own.
    ``human``: a person, heard through the session."""
    model: str | None = None
    """Its name, or ``provider/name``: ``openai/gpt-5.6``, ``gemini/…``, ``grok/…``, or
    a server's (``ollama/qwen3``, ``openrouter/moonshotai/kimi-k2``)."""
    server: str | None = None
    """Of a compatible backend: openrouter, groq, mistral, deepseek, together, cerebras,
    qwen, zai, ollama, lmstudio, vllm, sglang or llamacpp; any other by ``base_url``."""
    api: Literal["responses", "chat", "messages"] | None = None
    """In which form the model is asked, where its server has several."""
    price: TokenPrice | Literal["free"] | None = None
    """USD for a million tokens (``{input: 0.5, output: 2, cached: 0.1}``), or ``free``;
    left out: as the price list says. Local models are free."""
    system: str | TextFile = ""
    """The agent's own instructions, before the question; or ``{file: persona.md}``, the
    text of a file, relative to this one."""
    tools: tuple[str | JsonObject, ...] = ()
    """Server tools by name (``web_search``), by version, or by their whole API form,
    which needs ``name`` where a version is newer than this program; Python functions
    as ``module:function`` or ``{function: …, strict: …}``; ``bash``, ``text_editor``
    and ``memory``, which work in ``workspace``."""
    workspace: str | None = None
    """A folder, relative to the current one, in which each session has one, and in it
    each agent. Memories are kept from session to session. ``~`` and variables are
    filled in, as in every path."""
    workspace_shown: bool = False
    """Whether others see an answer with the files in its author's workspace, up to
    30,000 characters of text, as a difference; larger and other files by name."""
    workspace_lasts: bool = False
    """Whether an agent works in the same folder in every session; one session at a time
    then, and who comes second is told which has it."""
    sandbox: Literal["on", "off"] = "on"
    """``on``: the agent's commands see its folder alone and no network, which takes
    bubblewrap or user namespaces. ``off``: they see the whole file system; as root,
    keys too."""
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
    effort: (
        Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    ) = None
    """How hard to think, as far as the model takes it; Claude: from ``low`` on."""
    thinking: (
        Literal["adaptive", "disabled", "between_tools"] | Positive | JsonObject | None
    ) = None
    """A number: that many tokens to think with, for models that take a budget. A
    mapping: as the API takes it."""
    budget_tokens: Positive | None = None
    """This agent's budget in the session; ``limits`` bound the whole team."""
    budget_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    betas: tuple[str, ...] = ()
    mcp_servers: tuple[JsonObject, ...] = ()
    """In the API's form; their toolsets follow."""
    mcp: tuple[McpServer, ...] = ()
    """MCP servers that we start or reach ourselves."""
    cache: bool | Literal["5m", "1h"] | None = None
    """Whether to set breakpoints for the prompt cache, and how long what is behind them
    lives. Left out: an hour where people take part, else five minutes."""
    speed: Literal["standard", "fast"] | None = None
    """``fast`` is quicker and dearer, on models that have it."""
    service_tier: Literal["auto", "standard_only"] | None = None
    """Whether capacity that is committed to may serve; the API's word."""
    inference_geo: str | None = None
    """The country that inference is kept in, at 1.1 times the price."""
    task_budget: Positive | None = None
    """Tokens that the model is told it has for a whole task, and paces itself by."""
    skills: tuple[str | JsonObject, ...] = ()
    """Agent Skills for code execution: names of Anthropic's own (``pptx``, ``xlsx``,
    ``docx``, ``pdf``), or objects with ``type``, ``skill_id`` and ``version``."""
    skill_folders: tuple[str, ...] = ()
    """Folders of Agent Skills in the open form, each a folder with a ``SKILL.md``, for
    any maker's model; relative to this file. Names and descriptions are in the prompt,
    the rest is read with ``read_skill`` where a task calls for it."""
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
    provider: Literal["anthropic", "bedrock", "vertex", "foundry", "azure"] = (
        "anthropic"
    )
    """The provider that runs the model, if not its maker: Claude's at bedrock, vertex
    or foundry, OpenAI's at azure."""
    region: str | None = None
    """Of Bedrock or Vertex."""
    project: str | None = None
    """Of Vertex."""
    resource: str | None = None
    """Of Foundry, or of Azure."""
    sign_in: str | WorkloadIdentity | None = None
    """Instead of a key, for OpenAI's models: ``module:function`` gives a token of Entra
    ID for each request to Azure; a mapping is the identity of a workload at OpenAI,
    which the extra ``[openai]`` exchanges."""
    place: Literal["ray"] | RayPlace | None = None
    """Where it runs, if not where the session does: ``ray``, or a mapping with what its
    node must have. Its keys, tools and folders are that machine's. Needs the extra
    ``[ray]``."""
    script: str | JsonObject | None = None
    """The script of a scripted agent: here, or the path of a file, relative to this
    one. With ``backend: claude``: the emulated API's answers under ``--emulate``."""

    @property
    def instructions(self) -> str:
        """The text of ``system``; the team file's reader has read a file by then."""
        return self.system if isinstance(self.system, str) else ""

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


class SharedEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A folder of the user's that agents see in their workspaces."""

    path: str
    """A folder or a file, relative to this file."""
    name: str = ""
    """The folder's name in a workspace; left out: as its path ends."""
    write: Literal["never", "ask", "always"] = "never"
    """Whether what the winner has changed goes back: ``ask`` shows the difference and
    asks at a terminal (``--yes`` says yes), ``always`` writes it. A file that has
    changed meanwhile is kept."""
    protect: tuple[str, ...] = ()
    """Files and folders in it that are never written, by their paths within it."""


class TeamFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team file."""

    agents: tuple[AgentEntry, ...]
    question: str | None = None
    """Asked where the command line asks nothing."""
    attach: tuple[str | Attach, ...] = ()
    """Files and addresses that go with the question: a path from this file's folder, or
    a mapping with ``source`` and how to send it."""
    shared: tuple[str | SharedEntry, ...] = ()
    """Folders of yours that agents with a ``workspace`` work on, each in a copy of its
    own; a path, or a mapping with what becomes of changes. Voters see an answer with
    the changes that its author has made."""
    title: str = ""
    """Shown beside the name of the program."""
    defaults: AgentSettings = AgentSettings()
    """Settings of every agent that does not set them itself."""
    voting: Voting = msgspec.field(default_factory=Voting)
    limits: Limits = msgspec.field(default_factory=Limits)
    deadline_s: Seconds | None = None
    final: Literal["present", "reuse", "synthesise"] | None = None
    seed: int | None = None
    answer_schema: JsonObject | str | None = None
    """The form of the value that every answer has beside its words: a JSON Schema, or
    a Python type as ``module:Type``."""
    records: dict[str, Record] = msgspec.field(default_factory=dict[str, Record])
    """How agents fared in sessions whose right answer is known; weights follow from it
    as log-odds, see :mod:`coordinator.ballots.learned_weights`."""

    @property
    def shared_entries(self) -> tuple[SharedEntry, ...]:
        """The shared folders, each in its long form."""
        return tuple(
            SharedEntry(path=each) if isinstance(each, str) else each
            for each in self.shared
        )


class TeamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A team file that has been read: its contents, its rules, its scripts."""

    file: TeamFile
    rules: Rules
    agents: tuple[AgentEntry, ...]
    """With what ``defaults`` says filled in."""
    scripts: dict[str, Script]
    """Agent → what it says, for those that are scripted."""
    folder: str = ""
    """Of the team file: modules of tools, and relative commands, are sought there."""
    path: str = ""
    """The team file's; empty where there is none."""
    is_emulated: bool = False
    """Whether its Claude agents ask a pretended API; see
    :mod:`coordinator.team.emulation`."""


def attached(file: TeamFile) -> tuple[Attach, ...]:
    """The files that go with the question, each in its long form."""
    return tuple(
        Attach(source=each) if isinstance(each, str) else each for each in file.attach
    )
