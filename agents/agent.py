"""An agent as its team sets it up: who it is, what it runs on, what it can do."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.boundary.guard import texts_of
from agents.limits.retry import OVERLOAD_LIMIT_S
from agents.protocol.backend import Backend, ToolSpec
from agents.protocol.unicode_text import whole_text
from agents.tools.answer_schema import AnswerForm
from agents.tools.approval import NONE_NEEDED, Approval
from agents.tools.base import Tool, Toolbox
from agents.tools.result_equality import ResultKey
from agents.tools.schema_fit import problem_of_encoded
from agents.tools.workflow import WORKFLOW_NAMES, Workflow

if TYPE_CHECKING:
    from agents.remote.wire import Elsewhere

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One member of a team. Its backend is closed by whoever made it.

    Raises:
        TypeError: A backend is none: a model's name, a class, something else.
        ValueError: Two tools share a name, or one bears a workflow tool's.
    """

    id: str
    backend: Backend
    fallbacks: Sequence[Backend] = ()
    """Models that take over, in this order, where the model before is not to be had,
    declines, or cannot read that much."""
    system: str = ""
    """Its own part of the system prompt, after the team's."""
    tools: Sequence[Tool] = ()
    toolboxes: Sequence[Toolbox] = ()
    """Opened when the session begins, closed when it ends; their tools come after
    ``tools``."""
    tool_timeout_s: float = 60.0
    overload_limit_s: float = OVERLOAD_LIMIT_S
    """How long a model that is overloaded is asked again, in seconds, where no fallback
    can take over; the session's deadline ends it in any case."""
    idle_limit_s: float | None = None
    """Seconds for which a stream may bring nothing before it is broken off and asked
    for again; ``None``: as its backend says, and a backend of one's own says nothing.
    """
    approval: Approval = NONE_NEEDED
    """Which of the tools somebody must approve before they run, and who that is."""
    answer_form: AnswerForm | None = None
    """The form of structured answers; the team's agents share it."""
    workflow: Workflow | None = None
    """The workflow tools of the session's turns, so that all turns offer the same;
    ``None``: each turn offers those that it needs."""
    elsewhere: Elsewhere | None = None
    """Where its actor runs; ``None``: where the session does. The agent's backend is a
    :class:`~agents.remote.stub.Stub` then, and its tools are where it lives."""
    result_key: ResultKey | None = None
    """The part of an answer that is compared where a team counts equal results; the
    team's agents share it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "system", whole_text(self.system))  # once it is made
        for name in ("fallbacks", "tools", "toolboxes"):
            many = tuple(getattr(self, name))
            object.__setattr__(self, name, many)  # frozen once it is made
        for backend in (self.backend, *self.fallbacks):
            _check_backend(self.id, backend)
        for name, times in Counter(tool.name for tool in self.tools).items():
            if times > 1:
                raise ValueError(
                    f"agent {self.id!r} has {times} tools named {name!r}; rename one"
                )
            if name in WORKFLOW_NAMES:
                raise ValueError(
                    f"agent {self.id!r}: the tool name {name!r} is reserved; rename it"
                )
        served = served_names(self)
        for tool in self.tools:
            if tool.name in served:
                raise ValueError(
                    f"agent {self.id!r} has a tool of yours and one of the API's named "
                    f"{tool.name!r}; rename yours"
                )
            if problem := unfit(tool):
                raise ValueError(f"agent {self.id!r}: tool {tool.name!r}: {problem}")

    def with_tools(
        self, tools: tuple[Tool, ...], toolboxes: Sequence[Toolbox] = ()
    ) -> Agent:
        """The same agent with other tools, as a session has read or opened them."""
        agent = copy.copy(self)  # not looked through again: its backends are a caller's
        object.__setattr__(agent, "tools", tools)
        object.__setattr__(agent, "toolboxes", toolboxes)
        return agent


def served_names(agent: Agent) -> frozenset[str]:
    """Names of tools that the API runs for the agent; a request has each name once."""
    # A backend of the caller's own may know nothing of them.
    return frozenset(
        name
        for backend in (agent.backend, *agent.fallbacks)
        for name in texts_of(backend, "server_tool_names")
    )


def unfit(tool: Tool) -> str:
    """Why no request may offer ``tool``; empty where it may."""
    if not _NAME.fullmatch(tool.name):
        return "its name is not of 1 to 128 letters, digits, '_' and '-'"
    if isinstance(tool.spec, ToolSpec):
        return problem_of_encoded(bytes(tool.spec.input_schema))
    return ""


def _check_backend(agent: str, backend: object) -> None:
    if isinstance(backend, str):
        way_out = f"give ClaudeBackend(model={backend!r}), or load a team file"
    elif isinstance(backend, type):
        way_out = f"make one: {backend.__name__}(…)"
    elif not callable(getattr(backend, "open_stream", None)):
        way_out = "give a ClaudeBackend, a ScriptedBackend, or one of your own"
    else:
        return
    raise TypeError(f"agent {agent!r}: {backend!r} is no backend; {way_out}")
