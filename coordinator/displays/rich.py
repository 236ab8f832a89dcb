"""The terminal as a window on the team: a pane an agent, live, then the result.

The picture is drawn on the terminal's second screen, so that what a person had on the
first one is still there afterwards, followed by the result. A picture is drawn ten
times a second at most, only if there is something new, and only where it differs from
the one before. Keys choose, scroll and wish; what is wished is handed to
:attr:`RichDisplay.on_wish`, because a display holds no session.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import IO

import anyio
import anyio.lowlevel
from rich.color import ColorSystem
from rich.console import Console

from agents.protocol.chunks import AgentId
from coordinator.displays.base import Cast
from coordinator.displays.closing import closing
from coordinator.displays.controls import Controls
from coordinator.displays.first_picture import FIRST_PICTURE
from coordinator.displays.keyboard import Keyboard
from coordinator.displays.library_warnings import warnings_held
from coordinator.displays.painting import Brush
from coordinator.displays.panes import Composer, Look, elapsed_s
from coordinator.displays.sanitizer import one_line
from coordinator.displays.screen import Screen
from coordinator.displays.view import View
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result
from coordinator.protocol.wishes import Reply, Wish

FRAME_S = 0.1
"""Ten pictures a second look live; more only cost processor time."""

IDLE_S = 1.0
"""The clock in the corner moves also while nobody speaks."""

BELL_AFTER_S = 30.0
"""Nobody looks at a terminal for so long: its end is rung for."""

TITLE_CHARS = 60
"""Of the question, in the window's title."""

REST = 15
"""So many times as long as drawing took is rested: a fifteenth of a core at most."""


class RichDisplay:
    """Draws on ``out``, a terminal; ``NO_COLOR`` is honoured."""

    is_lossless = False

    def __init__(
        self, cast: Cast, out: IO[str] | None = None, *, console: Console | None = None
    ) -> None:
        self._console = console or Console(
            file=out or sys.stdout, highlight=False, markup=False, emoji=False
        )
        self._cast = cast
        self._view = View(cast.models)
        self._look = Look()
        self._composer = Composer(self._view, cast, _brush(self._console), self._look)
        self._controls = Controls(self._view, cast, self._look)
        self._changed = anyio.Event()
        self._screen = Screen(self._console.file)
        self._looked_at = 0.0
        """When events came last, on the event loop's clock."""

    @property
    def on_wish(self) -> Callable[[Wish], Reply] | None:
        """Carries out what is wished, and says what came of it; ``None``: nobody."""
        return self._controls.on_wish

    @on_wish.setter
    def on_wish(self, carry_out: Callable[[Wish], Reply] | None) -> None:
        self._controls.on_wish = carry_out

    @property
    def has_keys(self) -> bool:
        """Whether keys can be pressed; known once it is shown."""
        return self._look.has_keys

    def say(self, words: str) -> None:
        """Say something in the last line, until a key is pressed."""
        self._look.notice = words
        self._controls.is_new = True
        self._changed.set()

    def ask(self, words: str, agent: AgentId | None = None) -> None:
        """Show a person what they are asked, until they have answered."""
        self._controls.ask(words, agent)
        self._changed.set()

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Draw until the events end; the terminal is as before then.

        Raises:
            OSError: The terminal is gone.
        """
        gone: list[OSError] = []
        try:
            await self._show(events)
        except* OSError as group:
            gone = [error for error in group.exceptions if isinstance(error, OSError)]
        if gone:
            raise gone[0]  # as displays raise that have no tasks of their own

    async def _show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        FIRST_PICTURE.give_keys_back()  # or the keyboard would keep its state
        keyboard = _keyboard(self._console.file)
        self._look.has_keys = keyboard is not None
        self._screen = Screen(
            self._console.file,
            keyboard.descriptor if keyboard else None,
            # The console of Linux has no title, and old ones print what is none.
            has_title=self._console.is_terminal and os.environ.get("TERM") != "linux",
        )
        self._looked_at = anyio.current_time()
        try:
            with warnings_held():
                self._open(keyboard)
                async with anyio.create_task_group() as group:
                    group.start_soon(self._draw_often, name="rich display")
                    group.start_soon(self._sample, name="pace")
                    if keyboard is not None:
                        group.start_soon(self._listen, keyboard, name="keyboard")
                    if _may_have_signals():
                        group.start_soon(self._obey, keyboard, name="stops and sizes")
                    async for batch in events:
                        self._view.absorb(batch)
                        self._controls.forget()
                        self._looked_at = anyio.current_time()
                        self._changed.set()
                    group.cancel_scope.cancel("the session has ended")
        finally:
            self._screen.leave()
            if keyboard is not None:
                keyboard.close()

    def conclude(self, result: Result) -> None:
        """Print the standings and the answer; ring for who has gone elsewhere."""
        if result.elapsed_s >= BELL_AFTER_S:
            self._console.bell()
        self._console.print(closing(result, self._view, self._cast, self._console))

    def _open(self, keyboard: Keyboard | None) -> None:
        if keyboard is not None:
            keyboard.take()
        self._screen.enter()

    async def _draw_often(self) -> None:
        while True:
            changed = self._changed = anyio.Event()
            # Of the processor: that the machine is busy makes no picture dearer.
            started = time.thread_time()
            await self._draw()
            took_s = time.thread_time() - started
            await anyio.sleep(max(FRAME_S, REST * took_s))
            with anyio.move_on_after(IDLE_S):
                await changed.wait()

    async def _draw(self) -> None:
        if self._look.is_held and not self._controls.is_new:
            await anyio.lowlevel.checkpoint()
            return
        self._controls.is_new = False
        width, height = self._size()
        waited_s = anyio.current_time() - self._looked_at
        self._view.time = self._view.now + waited_s * self._cast.speed
        taken_s = elapsed_s(self._view, self._cast, waited_s)
        picture = self._composer.compose(width, height, taken_s)
        await self._screen.draw(picture, self._title())

    def _title(self) -> str:
        """The window's title, for people with many windows."""
        state = "your turn" if self._look.request else self._view.phase
        return f"{state}: {one_line(self._cast.question, TITLE_CHARS)}"

    def _size(self) -> tuple[int, int]:
        """Columns and lines of the terminal that is drawn on, wherever others are."""
        with suppress(OSError, ValueError):
            width, height = os.get_terminal_size(self._console.file.fileno())
            if width > 0 and height > 0:
                return width, height
        return self._console.size

    async def _sample(self) -> None:
        """Sample how fast everybody speaks, once a second."""
        while True:
            await anyio.sleep(1.0)
            for agent in self._view.agents.values():
                agent.sample_pace()

    async def _listen(self, keyboard: Keyboard) -> None:
        async with aclosing(keyboard.keys()) as keys:
            async for key in keys:
                if key == "redraw":
                    self._screen.forget()
                self._controls.press(key)
                # Whoever types wants to see it at once.
                await self._draw()
        self._look.has_keys = False

    async def _obey(self, keyboard: Keyboard | None) -> None:
        """Leave the second screen while stopped (Ctrl-Z); draw anew at another size."""
        assert sys.platform != "win32"  # see _may_have_signals
        async with _signals(signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH) as signals:
            async for number in signals:
                if number == signal.SIGTSTP:
                    self._screen.leave()
                    if keyboard is not None:
                        keyboard.give_back()
                    os.kill(os.getpid(), signal.SIGSTOP)
                    self._open(keyboard)
                elif number == signal.SIGCONT and keyboard is not None:
                    keyboard.take()
                self._screen.forget()
                self._controls.is_new = True
                await self._draw()


@asynccontextmanager
async def _signals(
    *numbers: signal.Signals,
) -> AsyncGenerator[AsyncIterator[signal.Signals]]:
    with anyio.open_signal_receiver(*numbers) as signals:
        yield signals


def _may_have_signals() -> bool:
    """Whether signals can be heard: on POSIX, in the main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and sys.platform != "win32"


def _keyboard(out: IO[str]) -> Keyboard | None:
    """The keyboard of the terminal that is drawn on; ``None``: it has none for us."""
    if sys.platform == "win32":
        return None
    with suppress(OSError, ValueError, io.UnsupportedOperation):
        return Keyboard(out.fileno())
    return None


def _brush(console: Console) -> Brush:
    names = {
        "standard": ColorSystem.STANDARD,
        "256": ColorSystem.EIGHT_BIT,
        "truecolor": ColorSystem.TRUECOLOR,
        "windows": ColorSystem.WINDOWS,
    }
    system = names.get(console.color_system or "", ColorSystem.STANDARD)
    return Brush(
        system,
        has_color=not console.no_color,
        is_ascii=not console.encoding.startswith("utf"),
    )
