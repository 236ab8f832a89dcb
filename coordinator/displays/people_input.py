"""The desk of the people who take part: they are asked, answer, vote, steer.

One task for each person of the team shows what that person is asked. What is wished,
by keys of a display or by lines that are typed here, is done by the session, which is
known by what it can do alone. What a line means is
:mod:`coordinator.displays.slash_commands`'s.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol, TextIO, assert_never

import anyio

from agents.actor.person import BEFORE_ANY
from agents.protocol.chunks import AgentId, Label, ToolCalled, TurnNumber
from agents.protocol.turns import Review, Turn
from agents.tools.approval import Approved, Refused, Verdict
from coordinator.displays import slash_commands as spoken
from coordinator.errors import ConfigInvalid, NotAsked, NotInTeam
from coordinator.protocol import wishes
from coordinator.protocol.wishes import Reply

_LINE_BYTES_MAX = 1 << 16
"""A longer line is cut in pieces: a terminal hands over at most 4,096 at a time."""


class Steerable(Protocol):
    """A session, as far as people steer it; see :class:`coordinator.Session`."""

    @property
    def has_answers(self) -> bool:
        """Whether an answer stands."""
        ...

    async def asked(self, agent: str, *, after: TurnNumber = ...) -> Turn:
        """Wait until a person is asked something."""
        ...

    def answer(self, agent: str, text: str) -> None:
        """Hand in a person's answer."""
        ...

    def vote(self, agent: str, *labels: str, reason: str = "") -> None:
        """Vote for a person."""
        ...

    def label_of(self, name: str, among: Sequence[Label] = ()) -> Label:
        """The answer that a person means."""
        ...

    def say(self, text: str) -> None:
        """Tell every agent something."""
        ...

    def veto(self, label: str, reason: str = ...) -> None:
        """Rule an answer out."""
        ...

    def stop_agent(self, agent: str, reason: str = ...) -> None:
        """Take an agent out."""
        ...

    def force_vote(self, reason: str = ...) -> None:
        """Hold the vote now."""
        ...

    def interrupt(self, reason: str = ...) -> None:
        """End with what there is."""
        ...


class WaitingCall(Protocol):
    """A call of a tool that waits for a yes."""

    agent: AgentId
    call: ToolCalled


class Requests(Protocol):
    """Calls of tools that are asked about, one after the other."""

    def asked(self) -> AsyncGenerator[WaitingCall]:
        """Each call that comes to the head of the queue, for ever."""
        ...

    def settle(self, verdict: Verdict) -> str:
        """Decide on it; why nothing was decided, or nothing."""
        ...

    def leave(self) -> None:
        """Refuse all that waits."""
        ...


class NoRequests:
    """Of a session whose tools ask somebody else, or nobody."""

    async def asked(self) -> AsyncGenerator[WaitingCall]:
        """Nothing, for ever."""
        await anyio.sleep_forever()
        yield  # type: ignore[misc]  (never reached; makes it a generator)

    def settle(self, verdict: Verdict) -> str:  # noqa: ARG002
        """Say that there is nothing."""
        return "no tool waits for a yes here"

    def leave(self) -> None:
        """Nothing to refuse."""


class Desk:
    """Serves the people of one session.

    Args:
        session: What they take part in.
        people: The agents who are people, in the team's order.
        approvals: Calls of tools that wait for a yes.
        show: Shows them words; called in the event loop.
        ask: Shows what a person is asked, or, without a name, what tool needs a yes.
    """

    def __init__(
        self,
        session: Steerable,
        people: Sequence[str],
        approvals: Requests,
        show: Callable[[str], None],
        ask: Callable[[str, AgentId | None], None] | None = None,
    ) -> None:
        self._session = session
        self._people = tuple(people)
        self._approvals = approvals
        self._show = show
        self._has_keys = ask is not None

        def as_words(words: str, _agent: AgentId | None) -> None:
            show(words)

        self._ask = ask or as_words
        self._turns: dict[AgentId, Turn] = {}
        self._lines: list[str] = []
        self._early: list[wishes.Answer | wishes.Vote] = []
        """Handed in before anybody was asked, as a pipe does."""
        self._is_left = False

    async def attend(self) -> None:
        """Show each person what they are asked, until cancelled."""
        async with anyio.create_task_group() as group:
            for agent in map(AgentId, self._people):
                group.start_soon(self._attend, agent, name=f"desk of {agent}")
            group.start_soon(self._ask_approval, name="desk of approvals")

    async def serve(self, keys: TextIO) -> None:
        """Attend, and read lines from ``keys`` (a terminal or a pipe) while there are.

        Raises:
            ConfigInvalid: A person should type, and nobody can.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self.attend, name="desk")
            if not self._people:
                self._show(f"You may speak:\n{spoken.COMMANDS}")
            async with aclosing(_lines_of(keys, is_needed=bool(self._people))) as lines:
                async for line in lines:
                    if words := self.take_line(line):
                        self._show(words)
            if self._lines:  # the last words, without the empty line behind them
                self._show(self.take_line(""))
            self.leave()

    def leave(self) -> None:
        """Nobody can type any more: nobody is waited for, once all is handed in."""
        self._is_left = True
        self._approvals.leave()
        for agent in tuple(self._turns):
            self._stop(agent)

    def _stop(self, agent: AgentId) -> None:
        self._session.stop_agent(agent, "nobody is at the terminal any more")

    async def _attend(self, agent: AgentId) -> None:
        turn = None
        while True:
            try:
                after = turn.number if turn else BEFORE_ANY
                turn = await self._session.asked(agent, after=after)
            except NotAsked:  # the session has ended
                return
            self._turns.pop(agent, None)  # whoever is asked again waits at the end
            self._turns[agent] = turn
            note = f"{turn.note}\n" if turn.note else ""
            self._ask(note + self._request(agent, turn), agent)
            while self._early and agent in self._turns:
                if not self._fits(self._early[0], turn):
                    break
                self._show(self.carry_out(self._early.pop(0)).words)
            if self._is_left and agent in self._turns:
                self._stop(agent)

    @staticmethod
    def _fits(wish: wishes.Answer | wishes.Vote, turn: Turn) -> bool:
        return isinstance(wish, wishes.Answer) or isinstance(turn.task, Review)

    def _request(self, agent: AgentId, turn: Turn) -> str:
        return spoken.request_of(agent, turn.task, has_keys=self._has_keys)

    async def _ask_approval(self) -> None:
        async with aclosing(self._approvals.asked()) as calls:
            async for waiting in calls:
                self._ask(spoken.approval_of(waiting.agent, waiting.call), None)

    def take_line(self, line: str) -> str:
        """Take a line that was typed.

        Returns:
            What there is to say to it; often nothing.
        """
        if line.startswith("/"):
            match spoken.command_of(line):
                case spoken.Helped():
                    return spoken.COMMANDS
                case spoken.Misspoken(why):
                    return why
                case wish:
                    return self._take(wish)
        if line.strip():
            self._lines.append(line)
            is_first = len(self._lines) == 1
            return "An empty line hands your answer in." if is_first else ""
        if not self._lines:
            return ""
        text, self._lines = "\n".join(self._lines), []
        return self._take(wishes.Answer(text=text))

    def _take(self, wish: wishes.Wish) -> str:
        """Carry a typed wish out, or keep it for who has not been asked yet."""
        is_early = self._people and not self._turns
        if is_early and isinstance(wish, wishes.Answer | wishes.Vote):
            self._early.append(wish)
            return (
                "Nobody here is asked anything yet: that is handed in when one of you "
                "is; /say tells the team something."
            )
        return self.carry_out(wish).words

    def carry_out(self, wish: wishes.Wish) -> Reply:
        """Do what a person wishes."""
        try:
            return Reply(self._done(wish))
        except (NotAsked, NotInTeam) as error:
            return Reply(str(error), is_done=False)

    def _done(self, wish: wishes.Wish) -> str:
        match wish:
            case wishes.Answer(text=text):
                agent = self._first()
                self._session.answer(agent, text)
                del self._turns[agent]
                return "Handed in."
            case wishes.Vote(choices=choices, reason=reason):
                return self._vote(choices, reason)
            case wishes.Tell(text=text):
                self._session.say(text)
                return "Every agent will read it with its next turn."
            case wishes.Veto(choice=choice, reason=reason):
                self._session.veto(self._session.label_of(choice), reason)
                return f"{choice}'s answer is ruled out."
            case wishes.StopAgent(agent=agent, reason=reason):
                self._session.stop_agent(agent, reason)
                return f"{agent} is taken out."
            case wishes.ForceVote(reason=reason):
                if not self._session.has_answers:
                    return "Nobody has answered yet: there is nothing to vote on."
                self._session.force_vote(reason)
                return "The vote is on what there is."
            case wishes.Allow() | wishes.Deny():
                return self._decide(wish)
            case wishes.End():
                self._session.interrupt("ended from the terminal")
                return "Ending, with the best answer so far."
            case _:
                assert_never(wish)

    def _vote(self, choices: Sequence[str], reason: str) -> str:
        agent = self._first()
        task = self._turns[agent].task
        shown = [a.label for a in task.answers] if isinstance(task, Review) else []
        labels = [self._session.label_of(choice, shown) for choice in choices]
        self._session.vote(agent, *labels, reason=reason)
        del self._turns[agent]
        return f"{agent} has voted."

    def _decide(self, wish: wishes.Allow | wishes.Deny) -> str:
        verdict: Verdict = Approved()
        if isinstance(wish, wishes.Deny):
            verdict = Refused(wish.reason)
        return self._approvals.settle(verdict)

    def _first(self) -> AgentId:
        """Whoever has been waiting for words the longest.

        Raises:
            NotAsked: Nobody is.
        """
        for agent in self._turns:
            return agent
        raise NotAsked(
            "nobody here is asked anything now; /say tells the team something"
        )


async def _lines_of(keys: TextIO, *, is_needed: bool) -> AsyncGenerator[str]:
    """Give the lines as they are typed; the last may lack its end.

    Raises:
        ConfigInvalid: A person should type, and nobody can.
    """
    descriptor = keys.fileno()
    held = b""
    while True:
        try:
            await anyio.wait_readable(descriptor)
        except OSError as error:  # epoll takes no regular file
            if not is_needed:
                return
            raise ConfigInvalid(
                "a person takes part from a terminal or a pipe, and standard "
                "input is neither"
            ) from error
        data = os.read(descriptor, _LINE_BYTES_MAX)
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if not data:
            break
    if held:
        yield held.decode("utf-8", "replace")
