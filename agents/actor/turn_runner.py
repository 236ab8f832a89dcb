"""One turn carried out: model calls, tools and retries, until it has an outcome.

    ask ──► response ──► hands in its work ───────────────► the outcome
     ▲         │ ├─────► other tools: run them ──┐
     │         │ └─────► text where a call is due┤ at most ``turn.attempts`` times
     │         └───────► paused: go on ──────────┤
     └───────────────────────────────────────────┘ at most MAX_CALLS times

Every loop has a bound, and each round of it costs a model call that waits for the
limiter, so a model that never does as asked cannot make it hot. What a turn's end means
for the conversation and the outbox is :mod:`agents.actor.actor`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from agents.actor.model_call import ask
from agents.actor.outcomes import Last, Outcomes
from agents.actor.refusals import may_be_containers, may_be_results
from agents.actor.shown_work import with_work
from agents.actor.stop_reasons import (
    WAY_OUT,
    has_server_call,
    refusal_of,
    restarted,
    revised,
)
from agents.actor.tool_calls import Calling
from agents.boundary.guard import model_of, offers
from agents.conversation import prompts
from agents.conversation.tool_offers import Offer, change_of, read, recorded
from agents.errors import (
    BackendBroken,
    BackendRefused,
    BackendUnavailable,
    BudgetExhausted,
    ContextExceeded,
    ToolFailed,
)
from agents.limits.turn_budget import Purse
from agents.protocol.backend import Recalls, Request
from agents.protocol.chunks import (
    ResponseAbandoned,
    StatusChanged,
    ToolCalled,
    ToolReturned,
    ToolsOffered,
    TurnStarted,
)
from agents.protocol.citations import Sources
from agents.protocol.endings import Ending
from agents.protocol.turns import (
    BallotForm,
    News,
    Review,
    Turn,
    task_name,
)
from agents.recovery.conversation_replay import begun_afresh, offered_tools
from agents.recovery.turn_record import LOST
from agents.tools.submissions import (
    read_calls,
)
from agents.tools.workflow import counting

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.actor.toolboxes import Toolboxes
    from agents.agent import Agent
    from agents.conversation.accumulator import Transcript
    from agents.conversation.conversation import Conversation
    from agents.conversation.uploads import SessionFiles
    from agents.limits.limiter import Limiter
    from agents.limits.retry import RetryPolicy
    from agents.protocol.backend import Backend
    from agents.recovery.turn_replay import Memory

MAX_CALLS = 60
"""Model calls a turn: a long piece of work with tools takes some thirty."""
MAX_PAUSES = 10
"""``pause_turn`` answers a turn; the API pauses a response after about ten searches."""


@dataclass(slots=True, kw_only=True)
class RunningTurn:
    """A turn under way. :meth:`play` is called once; :meth:`tell` at any time."""

    turn: Turn
    agent: Agent
    conversation: Conversation
    voice: Voice
    limiter: Limiter
    retry: RetryPolicy
    fallback_limiters: Sequence[Limiter] = ()
    """One for each of the agent's fallbacks."""
    memory: Memory | None = None
    """Results that an earlier process obtained in this turn, while it has them."""
    toolboxes: Toolboxes | None = None
    """The sources of the agent's other tools, until they are opened; what is missing is
    told once, to people."""
    has_toolboxes: bool = False
    """Whether some of the agent's tools come from elsewhere, and may change."""
    files: SessionFiles | None = None
    _news: list[News] = field(default_factory=list[News])
    """News that the model has yet to be told."""
    _told: list[News] = field(default_factory=list[News])
    """News that it has been told, since the turn began or began afresh."""
    _outcomes: Outcomes = field(init=False)
    _form: BallotForm | None = None
    """The ballot as it is now: news may add labels to the task's."""
    _call: int = 0
    """The last model call's number since the turn began, or began afresh."""
    _failures: int = 0
    _pauses: int = 0
    _was_cut: bool = False
    _purse: Purse = field(init=False)
    """The rest of the turn's budget, where it has one."""

    def __post_init__(self) -> None:
        self._purse = Purse.of(self.turn)
        if self.memory is not None:
            self._purse.pay(self.memory.said)
        task = self.turn.task
        self._outcomes = Outcomes(
            task=task,
            voice=self.voice,
            has_form=self.agent.answer_form is not None,
            result_key=self.agent.result_key,
        )
        if isinstance(task, Review):
            self._form = task.ballot

    def tell(self, news: News) -> None:
        """Say ``news`` before the next model call, if there is one."""
        self._news.append(news)

    async def play(self) -> Last:
        """Carry the turn out; all but its last chunks are published on the way.

        Raises:
            AgentError: The model cannot be asked, by the retry policy's measure.
        """
        if self.memory is None:
            await self.voice.say(
                TurnStarted(**self.voice.stamp(), task=task_name(self.turn.task))
            )
        if self.toolboxes is not None:
            self.agent, problems = await self.toolboxes.ready()
            for problem in problems:
                stamp = self.voice.stamp()
                await self.voice.say(
                    StatusChanged(**stamp, status="tools_missing", detail=problem)
                )
        self.conversation.begin(self.turn)
        if self.memory is not None and self.memory.lost:
            self._lose(self.memory)
        for _ in range(MAX_CALLS):
            self._call += 1
            try:
                response = await self._respond_somehow(self._call)
            except BudgetExhausted as error:
                return self._outcomes.end("cut", str(error))
            if response is None:
                continue
            last = await self._follow(response)
            if last is not None:
                return await with_work(self.agent, last)
        return self._outcomes.end(
            "silent", f"{MAX_CALLS} model calls brought no result"
        )

    def _request(self, call: int) -> Request:
        return Request(
            turn=self.turn,
            call=call,
            system=prompts.system_prompt(self.agent.system),
            messages=self.conversation.messages(),
            tools=offered_tools(self.agent, self.turn.task),
            container=self.conversation.container_at(datetime.now(UTC)),
        )

    async def _respond_somehow(self, call: int) -> Transcript | None:
        """A response, or ``None`` where the turn has begun again without one.

        Raises:
            AgentError: There is no other way to go on.
        """
        trouble: BackendUnavailable | BackendBroken | BackendRefused
        try:
            return await self._respond(call)
        except (BackendUnavailable, BackendBroken, BackendRefused) as error:
            trouble = error
        if self.conversation.container is not None and may_be_containers(trouble):
            self.conversation.container = None
            try:
                return await self._respond(call)
            except (BackendUnavailable, BackendBroken, BackendRefused) as error:
                trouble = error
        if isinstance(trouble, BackendRefused) and trouble.lost_container:
            return await self._respond_without_code(call, trouble)
        if isinstance(trouble, BackendRefused) and trouble.lost_thoughts:
            return await self._respond_without_thoughts(call, trouble)
        is_full = isinstance(trouble, ContextExceeded)
        if isinstance(trouble, BackendRefused) and not (is_full or trouble.is_declined):
            return await self._respond_without_results(call, trouble)
        if await self._begin_afresh(str(trouble), may_forget=is_full):
            return None
        raise trouble

    async def _respond_without_code(
        self, call: int, trouble: BackendRefused
    ) -> Transcript | None:
        """Begin again where code waits whose container is gone: it cannot go on.

        Raises:
            BackendRefused: The turn begins with what is refused.
        """
        if call == 1 and not self.conversation.has_past:
            raise trouble
        await self._begin_again(str(trouble), self.conversation.fallbacks)
        return None

    async def _respond_without_thoughts(
        self, call: int, trouble: BackendRefused
    ) -> Transcript | None:
        """Ask again without the thoughts that are refused; failing that, afresh.

        Raises:
            AgentError: There are none, or the turn begins with what is refused.
        """
        if self.conversation.forget_thoughts():
            try:
                return await self._respond(call)
            except BackendRefused as error:
                if not error.lost_thoughts:
                    raise
        if call > 1 or self.conversation.has_past:
            await self._begin_again(str(trouble), self.conversation.fallbacks)
            return None
        raise trouble

    async def _respond_without_results(
        self, call: int, trouble: BackendRefused
    ) -> Transcript:
        """Ask again, once, with the refusal in the place of the results it came with.

        Results are looked at before they are sent; but servers refuse more than is
        known of them, and one result must not cost the agent all it has done.

        Raises:
            BackendRefused: The results are not at fault, or there are none.
        """
        if not may_be_results(trouble):
            raise trouble
        reason = f"the result cannot be shown to you; the API says: {trouble}"
        refused = self.conversation.refuse_results(reason)
        if not refused:
            raise trouble
        content = msgspec.Raw(msgspec.json.encode(reason))
        for id_, name in refused:
            await self.voice.say(
                ToolReturned(
                    **self.voice.stamp(),
                    id=id_,
                    name=name,
                    content=content,
                    is_error=True,
                    elapsed_s=0.0,
                )
            )
        return await self._respond(call)

    async def _respond(self, call: int) -> Transcript:
        request = self._request(call)
        if self.memory is not None:
            remembered = self._recall(request, self.memory)
            if self.memory.offer is not None:
                self.conversation.note_offer(read(self.memory.offer.tools))
            if remembered is not None:
                return remembered
            if self.memory.has_broken_response:
                stamp = self.voice.stamp()
                await self.voice.say(
                    ResponseAbandoned(**stamp, reason=LOST, retry_in_s=0.0)
                )
            self.memory = None
        elif call > 1 or self._has_uploads:
            await self.voice.recorded()
        if self.has_toolboxes and await self._offers_other_tools(request.tools):
            request = self._request(call)
        limiters = (self.limiter, *self.fallback_limiters)
        return await ask(
            self._backend,
            request,
            self.voice,
            limiter=limiters[min(self.conversation.fallbacks, len(limiters) - 1)],
            retry=self._retry,
            purse=self._purse,
            files=self.files,
            idle_limit_s=self.agent.idle_limit_s,
        )

    async def _offers_other_tools(self, offer: Offer) -> bool:
        """Note what may be called, unless that is what the conversation knows."""
        before = self.conversation.offer
        added, removed = change_of(before, offer)
        if not (added or removed):
            return False
        if before:
            words = [f"{tool.name} has come" for tool in added]
            words += [f"{name} is gone" for name in removed]
            stamp = self.voice.stamp()
            await self.voice.say(
                StatusChanged(**stamp, status="tools_changed", detail=", ".join(words))
            )
        stamp = self.voice.stamp()
        await self.voice.say(ToolsOffered(**stamp, tools=recorded(offer)))
        self.conversation.note_offer(offer)
        return True

    @property
    def _has_uploads(self) -> bool:
        """Whether the next call may upload a file, which a second one would double."""
        return self.files is not None and self.files.may_upload(self._backend)

    @property
    def _retry(self) -> RetryPolicy:
        """How long an overloaded model is asked: briefly where another may be."""
        has_another = self.conversation.fallbacks < len(self.agent.fallbacks)
        limit_s = 0.0 if has_another else self.agent.overload_limit_s
        if self.retry.overload_limit_s == limit_s:
            return self.retry
        return replace(self.retry, overload_limit_s=limit_s)

    @property
    def _backend(self) -> Backend:
        """The first of the agent's models that has not been given up."""
        # A journal may tell of more than the agent has now, mended after a refusal.
        models = (self.agent.backend, *self.agent.fallbacks)
        return models[min(self.conversation.fallbacks, len(models) - 1)]

    async def _begin_afresh(self, reason: str, *, may_forget: bool = False) -> bool:
        """Begin again with less to read, where it ``may_forget``, or another model.

        Returns:
            Whether anything is left to be tried.
        """
        given_up = self.conversation.fallbacks
        if not (may_forget and self.conversation.has_past):
            given_up += 1
        if given_up > len(self.agent.fallbacks):
            return False
        await self._begin_again(reason, given_up)
        return True

    async def _begin_again(self, reason: str, given_up: int) -> None:
        """Ask the turn's own question of the model that is left, without a past."""
        self.conversation.begin_afresh(self.turn, given_up)
        self._call = 0
        self._outcomes.sources, self._was_cut = Sources(), False
        self._failures = self._pauses = 0
        await self.voice.say(
            restarted(self.voice.stamp(), self.conversation, self._backend, reason)
        )
        self._forget_news()
        await self._break_news()

    def _forget_news(self) -> None:
        """The new conversation shows the task's own answers; what came has to be told.

        Nobody may vote on what it was not shown.
        """
        task = self.turn.task
        if isinstance(task, Review):
            self._form = task.ballot
            self._outcomes.seen = tuple(answer.label for answer in task.answers)
        self._news[:0], self._told = self._told, []

    def _lose(self, memory: Memory) -> None:
        """Go to where the turn had begun afresh; what was paid until then, was."""
        begun_afresh(self.agent, self.conversation, self.turn, memory)
        for news in tuple(self._news):
            text = prompts.news_text(news, self.turn.nonce)
            if text in memory.told_first:
                self._news.remove(news)
                self._show(news)
                self.conversation.told(text)

    def _recall(self, request: Request, memory: Memory) -> Transcript | None:
        """The response that was bought before, if it was."""
        response, backend = memory.response(), self._backend
        if offers(backend, Recalls):
            for _ in range(memory.tries):
                backend.recall(request)
        return response

    async def _follow(self, response: Transcript) -> Last | None:
        """Do what ``response`` calls for; the turn's end, or ``None`` to ask on."""
        self._outcomes.stop_reason = response.stop_reason
        match response.why:
            case "refused":
                category = refusal_of(response)
                model = model_of(self._backend)
                if await self._begin_afresh(
                    f"{model} declined: {category or 'no why'}"
                ):
                    return None
                return self._outcomes.end("refused", category)
            case "window_full":
                full = f"the context window of {model_of(self._backend)} is full"
                if await self._begin_afresh(full, may_forget=True):
                    return None
                return self._outcomes.end("cut", f"{full}; {WAY_OUT}")
            case "cut":
                return await self._cut(response)
            case _:
                pass
        self._was_cut = False
        self.conversation.absorb(response)
        self._outcomes.sources.absorb(response.blocks)
        if response.tool_calls:
            return await self._follow_calls(response.tool_calls)
        if response.why == "paused":
            self._pauses += 1
            if self._pauses > MAX_PAUSES:
                return self._outcomes.end(
                    "silent", f"paused more than {MAX_PAUSES} times"
                )
            if not has_server_call(response):
                await self._ask_again(prompts.GO_ON)
            return None
        return await self._follow_text(response.why)

    async def _cut(self, response: Transcript) -> Last | None:
        if self._was_cut:
            return self._outcomes.end("cut", "the output limit was hit twice")
        self._was_cut = True
        self._outcomes.sources.forget_said()
        self.conversation.absorb(response)
        await self._ask_again(prompts.CUT_SHORT)
        return None

    async def _follow_text(self, why: Ending | None) -> Last | None:
        """Text alone: the work itself where that will do, else asked again."""
        last = self._outcomes.of_text(why)
        if last is not None:
            return last
        self._outcomes.sources.forget_said()
        self._failures += 1
        if self._failures >= self.turn.attempts:
            return self._outcomes.end(
                "silent", "wrote text where a tool call was asked for"
            )
        await self._ask_again(prompts.ask_again(self.turn))
        return None

    async def _ask_again(self, text: str) -> None:
        await self._tell_model(text)
        await self._break_news()

    async def _tell_model(self, text: str) -> None:
        self.conversation.told(text)
        if self.memory is not None and self.memory.was_told(text):
            return
        # The chunk holds the whole text: a conversation can be rebuilt from chunks.
        await self.voice.say(
            StatusChanged(**self.voice.stamp(), status="asked_again", detail=text)
        )

    async def _break_news(self) -> None:
        """Say the news that have come; what they show may be voted for from now on."""
        while self._news:
            news = self._news[0]
            text = prompts.news_text(news, self.turn.nonce)
            if self.memory is not None and not self.memory.is_time_for(text):
                return
            del self._news[0]
            self._show(news)
            await self._tell_model(text)

    def _show(self, news: News) -> None:
        """Add the labels of ``news`` to those that may be voted for."""
        self._told.append(news)
        labels = tuple(answer.label for answer in news.answers)
        self._outcomes.show(labels)
        if self._form is not None:
            votable = revised(self._form.labels, labels)
            self._form = msgspec.structs.replace(self._form, labels=votable)

    async def _follow_calls(self, calls: Sequence[ToolCalled]) -> Last | None:
        """End the turn if its work is handed in, else run what is called."""
        offered = counting(self.turn.task)
        handing_in = [call for call in calls if call.name in offered]
        problem = ""
        if handing_in:
            try:
                work = read_calls(handing_in, self._form, self.agent.answer_form)
                return self._outcomes.of_submission(work)
            except ToolFailed as error:
                problem = str(error)
        calling = Calling(self.agent, self.conversation, self.voice, self.memory)
        did_run = await calling.run(
            calls, offered, problem, instead=prompts.ask_again(self.turn)
        )
        self._outcomes.sources.forget_said()
        if not did_run or problem:
            self._failures += 1
            if self._failures >= self.turn.attempts:
                return self._outcomes.end(
                    "silent", problem or "called no tool that there is"
                )
        if not self.conversation.awaits_results_alone:
            await self._break_news()
        return None
