"""A team: who takes part and by which rules; a session is opened with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack, cast

import anyio
import anyio.lowlevel
import msgspec

from agents.actor.person import HUMAN, Person
from agents.agent import Agent
from agents.boundary.guard import log_error, model_of, offers, text_attribute
from agents.boundary.root import RootTask
from agents.conversation.prompts import system_prompt
from agents.limits.limiter import Limiter
from agents.limits.model_makers import maker_of
from agents.limits.pricing import cost_usd
from agents.limits.shared_limits import shared_limiter
from agents.limits.turn_budget import price_of
from agents.protocol.attachments import Attach
from agents.protocol.backend import Backend, Priced
from agents.protocol.chunks import AgentId, Usage
from agents.tools.answer_schema import AnswerForm, answer_form
from agents.tools.result_equality import result_key
from agents.tools.workflow import Workflow
from coordinator.ballots import form
from coordinator.consensus import session_budget
from coordinator.consensus.rules import Price, Rules, RulesRecord
from coordinator.consensus.team_growth import escalation_fault
from coordinator.errors import ConfigInvalid
from coordinator.protocol.result import T
from coordinator.team.agent_ids import id_fault

CLOSE_GRACE_S = 5.0
"""How long backends may take to close, in seconds: a TLS goodbye takes one way."""

WORDS_MOST = 20_000_000
"""Characters of a question, and of what a person says: twice the largest context window
there is (10 million tokens)."""

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from coordinator.session.options import OpenOptions
    from coordinator.session.stream import EventStream
    from coordinator.team.answer_checks import Given


@dataclass(frozen=True, kw_only=True)
class Team(Generic[T]):
    """Agents and the rules by which they come to one answer.

    Raises:
        ConfigInvalid: No agents, an id twice, an id that is not a plain word, or a
            weight for nobody.
    """

    agents: Sequence[Agent | Person]
    """Its members, in the order that breaks ties."""
    rules: Rules = field(default_factory=Rules)
    seed: int | None = None
    """Decides every lot; ``None``: drawn when the session opens, and recorded."""
    source: bytes = b"null"
    """The source of the team as JSON: journals keep it, so that the team can be made
    again. Never a key."""
    attachments: tuple[Attach, ...] = ()
    """Files that go with every question; paths are absolute, or from where the program
    runs."""
    answer_type: type[T] | UnionType | Mapping[str, Any] | None = None
    """The type of ``Result.value``: a type that msgspec knows, a pydantic model, or a
    JSON Schema as a mapping. Every agent hands one in with its answer. ``None``: words
    are enough."""
    equal: Callable[[Any], object] | None = None
    """The part of an answer that is compared where equal results are counted, in place
    of the rules' own ``equal``: a function of the decoded value, or of the words where
    answers have none. ``None`` from it: the answer has no result."""
    checks: Sequence[Given] = ()
    """Checks of an answer beside the rules' own ``checks``: commands, functions of the
    decoded value (of the words, where answers have none), or
    :class:`~agents.protocol.checks.Check`."""
    check_functions: Mapping[str, Callable[[Any], object]] = field(
        init=False, default_factory=dict[str, Callable[[Any], object]], repr=False
    )
    """Check's name → the function that it runs."""
    answer_form: AnswerForm | None = field(init=False, default=None, repr=False)
    """The form of ``answer_type``; each agent has it."""

    async def aclose(self) -> None:
        """Close what its backends have open in this event loop.

        Bounded, and done also where the caller is cancelled; raises nothing.
        """
        tasks = [
            RootTask(f"closing {model_of(backend)}", lambda one=backend: one.aclose())
            for backend in self.backends
        ]
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            for task in tasks:
                await task.wait()
        for task in tasks:
            if task.error is not None:
                log_error(task.name, task.error)
            if not task.is_over:
                await task.end("it takes too long", 0.0)

    async def __aenter__(self) -> Self:
        await anyio.lowlevel.checkpoint()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def stream(
        self, question: str, **options: Unpack[OpenOptions]
    ) -> AbstractAsyncContextManager[EventStream[T]]:
        """Run a session on ``question`` and read it; safe to break out of.

            async with team.stream("Who?") as events:
                async for event in events: ...

        See :func:`coordinator.session.stream.stream`.
        """
        # The one arrow that goes up: a team is what people hold when they begin.
        from coordinator.session.stream import stream  # noqa: PLC0415

        return stream(question, self, **options)

    def described(self) -> msgspec.Raw:
        """The team as JSON: its rules, and what it was made from."""
        description = {"rules": self.rules.record(), "source": msgspec.Raw(self.source)}
        return msgspec.Raw(msgspec.json.encode(description))

    def limiters(self) -> dict[AgentId, tuple[Limiter, ...]]:
        """One limiter for each rate limit, shared by the agents that are under it.

        For each agent its own model's, then those of its fallbacks. Sessions of one
        event loop share them.
        """
        free = Limiter.unlimited()

        def limiter(backend: Backend) -> Limiter:
            # A backend of the caller's own may know nothing of limits.
            key = text_attribute(backend, "limit_key")
            return shared_limiter(key) if key else free

        return {
            AgentId(agent.id): tuple(map(limiter, (agent.backend, *agent.fallbacks)))
            for agent in self.with_models
        }

    @property
    def ids(self) -> tuple[AgentId, ...]:
        """Its agents' names, in their order."""
        return tuple(AgentId(agent.id) for agent in self.agents)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """All that its agents may ask, each once."""
        backends_of_all = (
            x for one in self.with_models for x in (one.backend, *one.fallbacks)
        )
        return tuple({id(backend): backend for backend in backends_of_all}.values())

    @property
    def with_models(self) -> tuple[Agent, ...]:
        """Its members but the people, in their order."""
        return tuple(one for one in self.agents if isinstance(one, Agent))

    @property
    def people(self) -> tuple[Person, ...]:
        """Its members who are people."""
        return tuple(one for one in self.agents if isinstance(one, Person))

    @property
    def models(self) -> dict[AgentId, str]:
        """Each member → the model that it runs on, :data:`HUMAN` for people."""
        return {
            AgentId(one.id): HUMAN if isinstance(one, Person) else model_of(one.backend)
            for one in self.agents
        }

    def changed(self, change: Callable[[Agent], Agent]) -> Team[T]:
        """The team with ``change`` made to each agent; people stay as they are."""
        return replace(self, agents=self._mapped(change))

    def _mapped(self, change: Callable[[Agent], Agent]) -> tuple[Agent | Person, ...]:
        return tuple(
            one if isinstance(one, Person) else change(one) for one in self.agents
        )

    def __post_init__(self) -> None:
        members = _checked_agents(self.agents)
        object.__setattr__(self, "agents", members)  # frozen once it is made
        _check_rules(self.rules)
        _check_seed(self.seed)
        if not self.agents:
            raise ConfigInvalid("a team needs at least one agent; add one to 'agents'")
        for agent, times in Counter(agent.id for agent in self.agents).items():
            if fault := id_fault(agent):
                raise ConfigInvalid(f"agent id {fault}")
            if times > 1:
                raise ConfigInvalid(
                    f"agent id {agent!r} is used {times} times; ids must differ"
                )
        ids = {agent.id for agent in self.agents}
        _check_named(self.rules, ids)
        if self.answer_type is not None:
            _check_final(self.rules)
            self._ask_for_values()
        workflow = workflow_of(self.rules)
        if any(agent.workflow != workflow for agent in self.with_models):
            self._change(lambda agent: replace(agent, workflow=workflow))
        if self.rules.drafting.checks or self.checks:
            self._prepare_checks()
        if self.rules.drafting.equal != "none":
            self._compare_results()
        straggler = self.rules.drafting.straggler
        is_by_model = straggler is not None and straggler.among == "model"
        escalate = self.rules.drafting.escalate
        if self.rules.voting.panel == "auto" or is_by_model or escalate is not None:
            self._name_models()
        if fault := escalation_fault(self.rules):
            raise ConfigInvalid(fault)
        self._name_people()
        if session_budget.is_set(self.rules):
            self._price_budgets()
        _check_weighed(self.rules, ids)

    def _change(self, change: Callable[[Agent], Agent]) -> None:
        object.__setattr__(self, "agents", self._mapped(change))  # frozen once made

    def _price_budgets(self) -> None:
        """Have the rules know what models cost, where a budget in USD depends on it."""
        rules = self.rules
        in_usd = {
            agent for agent, own in rules.limits.budgets.items() if own.usd is not None
        }
        if (
            rules.limits.budget_usd is not None
            or rules.limits.agent_budget_usd is not None
        ):
            in_usd |= {agent.id for agent in self.agents}
        prices: dict[str, Price] = {}
        for agent in self.agents:
            if isinstance(agent, Person):
                prices[agent.id] = Price(takes_tokens=False)
                continue
            price = _price(agent) if agent.id in in_usd else Price()
            if not getattr(agent.backend, "sets_usage", False):
                overhead = overhead_tokens(agent)
                price = msgspec.structs.replace(price, overhead_tokens=overhead)
            if price != Price():
                prices[agent.id] = price
        if prices != rules.limits.prices:
            priced = rules.replace(prices=prices)
            object.__setattr__(self, "rules", priced)  # frozen once it is made

    def _prepare_checks(self) -> None:
        """Have the rules know all checks, and the functions that they run."""
        # Reading schemas takes a library that few teams need.
        from coordinator.team.answer_checks import with_checks  # noqa: PLC0415

        rules, functions = with_checks(self.rules, self.checks)
        object.__setattr__(self, "rules", rules)  # frozen once it is made
        object.__setattr__(self, "check_functions", functions)

    def _compare_results(self) -> None:
        """Have every agent say the result of its answer as the rules compare it."""
        equal = self.rules.drafting.equal
        is_typed = self.answer_type is not None
        if equal == "auto":
            equal = "value" if is_typed else "text"
        if self.equal is None and equal != "text" and not is_typed:
            raise ConfigInvalid(
                f"'equal: {equal}' compares structured answers, and this team's are "
                "words; give it an answer's type, or say 'equal: text'"
            )
        key = result_key(equal if self.equal is None else self.equal)
        members = tuple(replace(one, result_key=key) for one in self.agents)
        object.__setattr__(self, "agents", members)  # frozen once it is made

    def _name_people(self) -> None:
        """Have the rules know who is a person, and is waited for."""
        people = tuple(person.id for person in self.people)
        if people != self.rules.voting.people:
            named = self.rules.replace(people=people)
            object.__setattr__(self, "rules", named)  # frozen once it is made

    def _name_models(self) -> None:
        """Have the rules know which voters share a model, and its maker."""
        models = {str(agent.id): agent.backend.model for agent in self.with_models}
        makers = {str(agent.id): _maker(agent.backend) for agent in self.with_models}
        voting = self.rules.voting
        if (models, makers) != (voting.models, voting.makers):
            named = self.rules.replace(models=models, makers=makers)
            object.__setattr__(self, "rules", named)  # frozen once it is made

    def _ask_for_values(self) -> None:
        """Give every agent the form of a structured answer."""
        if self.rules.drafting.division is not None:
            raise ConfigInvalid(
                "a divided task is put together in words and has no structured answer; "
                "leave out either the answer's type or 'voting.division'"
            )
        for person in self.people:
            raise ConfigInvalid(
                f"agent {person.id!r} is a person, who cannot hand in a structured "
                "answer; leave out either"
            )
        try:
            form = answer_form(self.answer_type)
        except (TypeError, ValueError, NameError) as error:
            raise ConfigInvalid(f"the answer's type is not usable: {error}") from error
        object.__setattr__(self, "answer_form", form)  # frozen once it is made
        self._change(lambda agent: replace(agent, answer_form=form))


def _maker(backend: Backend) -> str:
    """The maker of a backend's model; a backend of the caller's own may have none."""
    return str(getattr(backend, "maker", "")) or maker_of(model_of(backend))


def workflow_of(rules: Rules) -> Workflow:
    """All that turns under ``rules`` may ask to be handed in."""
    if rules.drafting.division is not None:
        return Workflow(answers=False, parts=rules.drafting.division.parts)
    return Workflow(
        ballot=msgspec.structs.replace(
            form(rules.voting.rule, (), may_abstain=rules.voting.may_abstain),
            criteria=rules.voting.each_criterion(),
        ),
        restarts=rules.final.restarts > 0,
    )


def _checked_agents(agents: object) -> tuple[Agent | Person, ...]:
    """The members as a tuple; a type checker is not asked by everybody."""
    if isinstance(agents, Agent | Person):
        raise ConfigInvalid("'agents' is one agent; write agents=[agent]")
    if not isinstance(agents, list | tuple):
        raise ConfigInvalid(f"'agents' is {agents!r}; give a list of agents")
    for number, agent in enumerate(cast("tuple[object, ...]", agents)):
        if not isinstance(agent, Agent | Person):
            raise ConfigInvalid(
                f"agents[{number}] is {agent!r}, which is no agent; write "
                "Agent(id=…, backend=…)"
            )
    return tuple(cast("tuple[Agent | Person, ...]", agents))


def _check_named(rules: Rules, ids: Collection[str]) -> None:
    """Refuse a part or a budget that is for nobody."""
    division = rules.drafting.division
    for name in (division.lead, division.integrator) if division else ():
        if name is not None:
            _check_is_in(name, ids, f"voting.division names {name!r}")
    for name in rules.limits.budgets:
        _check_is_in(name, ids, f"a budget is given to {name!r}")


def _check_weighed(rules: Rules, ids: Collection[str]) -> None:
    for voter in rules.voting.weights:
        _check_is_in(voter, ids, f"voting.weights names {voter!r}")


def _check_is_in(name: str, ids: Collection[str], problem: str) -> None:
    if name not in ids:
        raise ConfigInvalid(
            f"{problem}, who is not in the team; choose from {', '.join(sorted(ids))}"
        )


def _check_rules(rules: object) -> None:
    if not isinstance(rules, Rules):
        policy = f"policy={rules!r}" if isinstance(rules, str) else ""
        raise ConfigInvalid(f"'rules' is {rules!r}; write Rules({policy})")


def check_asked(question: object, team: object) -> None:
    """Refuse what no session can be opened with, before anything runs.

    Raises:
        ConfigInvalid: The question is no text or empty, or the team is none.
    """
    if not isinstance(question, str):
        raise ConfigInvalid(
            f"the question is {question!r}; give it as text, before the team"
        )
    if not question.strip():
        raise ConfigInvalid("the question is empty; say what the team shall answer")
    if len(question) > WORDS_MOST:
        raise ConfigInvalid(
            f"the question has {len(question):,} characters, which no model reads; the "
            f"most is {WORDS_MOST:,}, and files are attached"
        )
    if isinstance(team, Team):
        return
    if isinstance(team, Agent):
        way_out = "write Team(agents=[agent])"
    elif isinstance(team, list | tuple):
        way_out = "write Team(agents=[…])"
    elif isinstance(team, str | Path):
        way_out = f"write load_team({str(team)!r})"
    else:
        way_out = "write Team(agents=[…]), or load_team(path)"
    kind = type(cast("object", team)).__name__
    raise ConfigInvalid(f"the team is of type {kind}, which is no Team; {way_out}")


class _Described(msgspec.Struct):
    rules: RulesRecord
    source: msgspec.Raw = msgspec.Raw(b"null")


def read_described(description: msgspec.Raw) -> tuple[Rules, bytes]:
    """Read what :meth:`Team.described` wrote: the rules, and the source.

    Raises:
        ConfigInvalid: A later version wrote it.
    """
    try:
        read = msgspec.json.decode(description, type=_Described)
        rules = Rules.from_record(read.rules)
    except (msgspec.DecodeError, ConfigInvalid) as error:
        raise ConfigInvalid(
            f"the journal's team cannot be read: {error}; it may have been kept by a "
            "later version; upgrade massgen-coordinator"
        ) from error
    return rules, bytes(read.source)


ASKING_CHARACTERS = 300
"""The words of a task, the shortest of them."""


def overhead_tokens(agent: Agent) -> int:
    """Input tokens of every call of ``agent``'s model, at least, whatever is asked."""
    tools = [tool.spec for tool in agent.tools]
    if agent.workflow is not None:
        tools += agent.workflow.tools(agent.answer_form)
    characters = len(system_prompt(agent.system)) + ASKING_CHARACTERS
    for spec in tools:
        characters += len(spec.name) + len(getattr(spec, "description", ""))
        # Half of a schema is quotes and brackets, which tokens hold many of.
        characters += len(bytes(getattr(spec, "input_schema", b""))) // 2
    return characters // session_budget.CHARACTERS_A_TOKEN


def _cost_usd(backend: Backend, usage: Usage) -> float | None:
    """The cost of ``usage``, by the backend, or by its model's name."""
    if offers(backend, Priced):
        return backend.cost_usd(usage)
    return cost_usd(backend.model, usage)


def _price(agent: Agent) -> Price:
    """The price of a token of the dearest model that the agent may use.

    Raises:
        ConfigInvalid: A price is unknown, so no budget in USD could be kept.
    """
    dearest = Price()
    for backend in (agent.backend, *agent.fallbacks):
        price = price_of(backend) or partial(_cost_usd, backend)
        reading = price(Usage(input_tokens=1))
        writing = price(Usage(output_tokens=1))
        cached = price(Usage(cache_read_input_tokens=1))
        written = price(Usage(cache_creation_input_tokens=1))
        if reading is None or writing is None:
            raise ConfigInvalid(
                f"agent {agent.id!r} has a budget in USD, but the price of its model "
                f"{backend.model!r} is unknown; say it under "
                "'price' (input, output), or give a budget in tokens instead"
            )
        dearest = Price(
            input_usd=max(dearest.input_usd, reading),
            output_usd=max(dearest.output_usd, writing),
            written_usd=max(dearest.written_usd or 0.0, written or reading),
            cached_usd=max(
                dearest.cached_usd or 0.0, reading if cached is None else cached
            ),
        )
    return dearest


def _check_seed(seed: int | None) -> None:
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise ConfigInvalid(
            f"seed {seed} is too large; use one between -2^63 and 2^63 - 1"
        )


def _check_final(rules: Rules) -> None:
    if rules.final.mode == "synthesise":
        raise ConfigInvalid(
            "a synthesis is words alone, and would come with the value of another "
            "answer; with an answer type use 'final: present' or 'final: reuse'"
        )
