"""Keys and their effects: choose, scroll, ask, wish. Pure but for who carries out.

Whoever watches a session and cannot steer it (a replay) chooses and scrolls all the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from agents.protocol.chunks import AgentId
from agents.protocol.turns import Review
from coordinator.displays.base import Cast
from coordinator.displays.panes import Look
from coordinator.displays.slash_commands import (
    COMMANDS,
    Helped,
    Misspoken,
    command_of,
    vote_of,
)
from coordinator.displays.view import View
from coordinator.protocol import wishes
from coordinator.protocol.wishes import Reply, Wish

PAGE = 10
"""Rows that a page scrolls."""


class Controls:
    """The keys of one display.

    Args:
        view: What is seen.
        cast: Who takes part.
        look: What the keys change.
    """

    def __init__(self, view: View, cast: Cast, look: Look) -> None:
        self._view, self._cast, self._look = view, cast, look
        self._on_typed: Callable[[str], str] | None = None
        self._is_multiline = False
        self._asked: AgentId | None = None
        self._wanted: Wish | None = None
        """The wish that waits for the next key to confirm it."""
        self.on_wish: Callable[[Wish], Reply] | None = None
        self.is_new = False
        """Whether there is something to draw, also where the picture is held."""

    def ask(self, words: str, agent: AgentId | None = None) -> None:
        """A person of the team is asked something, or whoever is here lets a tool run.

        Args:
            words: What there is to read.
            agent: The person; ``None``: nobody of the team.
        """
        self._look.request, self._look.back = words, 0
        self._asked = agent
        self.is_new = True

    def forget(self) -> None:
        """Show no request that nobody waits for any more."""
        if self._asked is not None and self._asked not in self._view.asked:
            self._look.request, self._asked = "", None

    def press(self, key: str) -> None:
        """One key, by its name."""
        self.is_new = True
        look = self._look
        look.notice = ""
        if look.prompt:
            self._type(key)
        elif look.is_helping:
            look.is_helping = False
        elif key in self._ways:
            self._ways[key](self)
        elif len(key) == 1 and key.isdigit():
            self._choose_at(int(key) - 1)

    # Typing

    def _type(self, key: str) -> None:
        look = self._look
        if self._wanted is not None:
            wish, self._wanted, look.prompt = self._wanted, None, ""
            is_yes = key in {"y", "Y", "enter"}
            look.notice = self._wish(wish).words if is_yes else "nothing was done"
            return
        match key:
            case "enter":
                then, text = self._on_typed, look.typed
                look.prompt = look.typed = ""
                if then is not None and text.strip():
                    look.notice = then(text)
            case "escape" | "eof":
                look.prompt = look.typed = ""
            case "backspace":
                look.typed = look.typed[:-1]
            case "clear":
                look.typed = ""
            case "word":
                look.typed = look.typed.rstrip().rpartition(" ")[0]
            case "newline":
                look.typed += "\n"
            case "tab":
                look.typed += "\t"
            case _ if key.startswith("paste:"):
                text = key.removeprefix("paste:")
                look.typed += text if self._is_multiline else " ".join(text.split())
            case _ if len(key) == 1:
                look.typed += key
            case _:
                pass

    def _prompt(
        self, words: str, then: Callable[[str], str], *, is_multiline: bool = False
    ) -> None:
        self._look.prompt, self._look.typed = words, ""
        self._on_typed, self._is_multiline = then, is_multiline

    def _confirm(self, words: str, wish: Wish) -> None:
        """Ask before what cannot be taken back."""
        self._look.prompt, self._look.typed = f"{words} y or n", ""
        self._wanted = wish

    def _wish(self, wish: Wish) -> Reply:
        if self.on_wish is None:
            return Reply("there is nothing to steer: this is only watched", False)
        return self.on_wish(wish)

    # Keys

    def _choose(self, step: int) -> None:
        agents = list(self._view.agents)
        look = self._look
        look.back = 0
        if look.chosen is None:
            look.chosen = agents[0 if step > 0 else -1]
            return
        at = agents.index(look.chosen) + step
        look.chosen = agents[at % len(agents)]

    def _choose_at(self, place: int) -> None:
        agents = list(self._view.agents)
        if place < len(agents):
            self._look.chosen, self._look.back = agents[place], 0

    def _choose_first(self) -> AgentId:
        if self._look.chosen is None:
            self._choose(1)
        chosen = self._look.chosen
        assert chosen is not None  # a team has an agent
        return chosen

    def _open(self) -> None:
        if self._look.chosen is None:
            self._choose(1)
        self._look.is_alone = not self._look.is_alone
        self._look.back = 0

    def _back_out(self) -> None:
        look = self._look
        if look.is_alone:
            look.is_alone = False
        elif look.chosen is not None:
            look.chosen = None
        look.back = 0

    def _scroll(self, rows: int) -> None:
        look = self._look
        if not look.request:
            self._choose_first()
            look.back = max(0, look.back + rows)
        else:
            look.back = max(0, look.back - rows)

    def _follow(self) -> None:
        self._look.back = 0

    def _hold(self) -> None:
        self._look.is_held = not self._look.is_held

    def _help(self) -> None:
        self._look.is_helping = True

    def _message(self) -> None:
        self._prompt(
            "tell the team:", lambda text: self._wish(wishes.Tell(text=text)).words
        )

    def _stop(self) -> None:
        agent = self._choose_first()
        self._confirm(f"stop {agent}?", wishes.StopAgent(agent=agent))

    def _veto(self) -> None:
        agent = self._choose_first()
        if self._view.agents[agent].label is None:
            self._look.notice = f"{agent} has not answered yet"
            return
        self._confirm(f"veto {agent}'s answer?", wishes.Veto(choice=agent))

    def _force(self) -> None:
        self._confirm("hold the vote on what there is?", wishes.ForceVote())

    def _end(self) -> None:
        if self.on_wish is None:
            self._look.notice = "Ctrl-C ends it"
            return
        self._confirm("end now, with the best answer so far?", wishes.End())

    def _ballot(self) -> None:
        turns = [self._view.asked.get(AgentId(name)) for name in self._cast.people]
        tasks = [turn.task for turn in turns if turn is not None]
        if not any(isinstance(task, Review) and task.ballot for task in tasks):
            self._look.notice = "nobody here is asked to vote now"
            return
        self._prompt(
            "your ballot: numbers, best first, 'because' why:",
            lambda text: self._settled(vote_of(text)),
        )

    def _answer(self) -> None:
        if not any(AgentId(name) in self._view.asked for name in self._cast.people):
            self._look.notice = "nobody here is asked for an answer now"
            return
        self._prompt(
            "your answer:",
            lambda text: self._settled(wishes.Answer(text=text)),
            is_multiline=True,
        )

    def _settled(self, wish: Wish) -> str:
        """Carry out what answers a request; it is not shown any more if that went."""
        reply = self._wish(wish)
        if reply.is_done or isinstance(wish, wishes.Allow | wishes.Deny):
            self._look.request, self._asked = "", None
        self._look.back = 0
        return reply.words

    def _allow(self) -> None:
        self._look.notice = self._settled(wishes.Allow())

    def _deny(self) -> None:
        self._prompt(
            "why not?", lambda text: self._settled(wishes.Deny(reason=text.strip()))
        )

    def _command(self) -> None:
        def then(text: str) -> str:
            match command_of(f"/{text}"):
                case Helped():
                    self._look.request = COMMANDS
                    return ""
                case Misspoken(why):
                    return why
                case wish:
                    return self._settled(wish)

        self._prompt("/", then)

    _ways: ClassVar[dict[str, Callable[[Controls], None]]] = {
        "right": lambda self: self._choose(1),
        "tab": lambda self: self._choose(1),
        "left": lambda self: self._choose(-1),
        "backtab": lambda self: self._choose(-1),
        "enter": _open,
        "escape": _back_out,
        "up": lambda self: self._scroll(1),
        "down": lambda self: self._scroll(-1),
        "pageup": lambda self: self._scroll(PAGE),
        "pagedown": lambda self: self._scroll(-PAGE),
        "home": lambda self: self._scroll(1_000_000),
        "end": _follow,
        " ": _hold,
        "?": _help,
        "h": _help,
        "m": _message,
        "s": _stop,
        "v": _veto,
        "f": _force,
        "q": _end,
        "b": _ballot,
        "a": _answer,
        "y": _allow,
        "n": _deny,
        "/": _command,
    }
