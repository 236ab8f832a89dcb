"""The program on a real terminal: a pseudo-terminal that we read like a screen."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from coordinator import Result, run
from coordinator.protocol.events import CancelTurn, Event, VotesVoided
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import DEMO, read_team

pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")
fcntl: Any = pytest.importorskip("fcntl")
termios: Any = pytest.importorskip("termios")

COLOR = re.compile(rb"\x1b\[[0-9;]*\b3[0-7]m")
PATIENCE_S = 60.0
"""A program that does not show what it must by then hangs."""
SECOND_SCREEN, FIRST_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_SHOWN = b"\x1b[?25h"

TEAM = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: "It \\e]0;title\\a is so.", rate: 20}]}
        - {when: {task: present}, lines: [{text: "Yes, it is.", rate: 20}]}
  - id: bo
    script:
      turns: [{lines: [{text: "I never finish."}, {stall: true}]}]
voting: {straggler: {share: 0.5, factor: 1.0}}
"""
# Whoever leads a session and opens a terminal gets its Ctrl-C.
_LAUNCH = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Terminal:
    """One end of a pseudo-terminal, and the program at the other."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.shown = b""
        self._screen = screen

    def read_until(self, text: bytes) -> bytes:
        """Read the screen until ``text`` was shown, or all if it never is."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            left_s = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self._screen], [], [], left_s)
            assert ready, self.shown[-4000:].decode("utf-8", "replace")
            try:
                more = os.read(self._screen, 65_536)
            except OSError:  # Linux's way of saying that the program has gone
                break
            if not more:
                break
            self.shown += more
        return self.shown

    def press(self, keys: bytes) -> None:
        """Type on the terminal's keyboard."""
        os.write(self._screen, keys)

    def read_rest(self) -> bytes:
        """Read until the program has ended."""
        self.read_until(b"\x00 never shown")
        self.process.wait(timeout=30)
        return self.shown


@contextmanager
def _terminal(
    *arguments: str,
    columns: int = 100,
    lines: int = 30,
    program: tuple[str, ...] = ("-m", "coordinator"),
    **environment: str,
) -> Generator[Terminal]:
    screen, theirs = pty.openpty()
    size = lines.to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size + bytes(4))
    inherited = {
        k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")
    }
    with subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, "-c", _LAUNCH, *program, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**inherited, **environment},
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, screen)
        finally:
            process.kill()
            os.close(screen)


@pytest.fixture
def team(tmp_path: Path) -> str:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    return str(path)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
@pytest.mark.parametrize("size", [(100, 30), (44, 14)])
def test_a_terminal_shows_panes_and_then_the_result(
    team: str, size: tuple[int, int], runtime: str
) -> None:
    columns, lines = size
    arguments = ("run", "-c", team, "--runtime", runtime)
    with _terminal(*arguments, columns=columns, lines=lines) as terminal:
        shown = terminal.read_rest()
        assert terminal.process.returncode == 0, shown
    live, _, after = shown.partition(FIRST_SCREEN)
    assert SECOND_SCREEN in live
    for seen in (b"ada", b"bo", b"drafting", b"so far"):
        assert seen in live
    assert COLOR.search(live)
    assert "★ ada wins".encode() in after
    assert b"Yes, it is." in after
    assert b"title" not in shown.replace(b"It is  so.", b"")
    assert CURSOR_SHOWN in shown


def test_no_color_is_honoured_on_a_terminal(team: str) -> None:
    with _terminal("run", "-c", team, NO_COLOR="1") as terminal:
        shown = terminal.read_rest()
    assert SECOND_SCREEN in shown
    assert COLOR.search(shown) is None


def test_a_dumb_terminal_gets_plain_lines(team: str) -> None:
    with _terminal("run", "-c", team, TERM="dumb") as terminal:
        shown = terminal.read_rest()
    assert b"\x1b" not in shown
    assert "★ ada wins".encode() in shown


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_ctrl_c_shows_what_there_is_and_restores_the_terminal(runtime: str) -> None:
    with _terminal("run", "--demo", "--runtime", runtime) as terminal:
        terminal.read_until(b"Once every hour")
        terminal.press(b"\x03")
        shown = terminal.read_rest()
        assert terminal.process.returncode == 4, shown
    after = shown.partition(FIRST_SCREEN)[2]
    assert b"interrupted" in after
    assert b"Traceback" not in shown
    assert CURSOR_SHOWN in shown


def test_termination_is_an_interruption_as_well() -> None:
    with _terminal("run", "--demo") as terminal:
        terminal.read_until(b"Once every hour")
        terminal.process.send_signal(signal.SIGTERM)
        shown = terminal.read_rest()
        assert terminal.process.returncode == 4, shown


class _Watched:
    """A display that keeps what it is shown."""

    is_lossless = True

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def show(self, events: Any) -> None:
        async for batch in events:
            self.events += batch

    def conclude(self, result: Result) -> None:
        """Nothing to print."""


async def test_the_demo_tells_its_story_in_a_quarter_of_a_minute() -> None:
    config = read_team(DEMO)
    question = config.file.question
    assert question is not None
    watched = _Watched()
    began = anyio.current_time()
    async with closing(assemble(config)) as team:
        result = await run(question, team, displays=(watched,))
    assert 10 <= anyio.current_time() - began <= 15
    assert (result.status, result.winner) == ("answered", "cleo")
    assert [a.label[-1] for a in result.answers if a.agent == "cleo"] == ["1", "2"]
    assert {v.voter for v in result.votes if v.choice == "cleo"} == {
        "ada",
        "ben",
        "cleo",
    }
    voided = [e for e in watched.events if isinstance(e, VotesVoided)]
    assert [event.voters for event in voided] == [("ben",)]
    stopped = [e.agent for e in watched.events if isinstance(e, CancelTurn)]
    assert stopped == ["ada", "dan", "dan"]
    assert "22 times a day" in (result.answer or "")
    assert result.cost_usd == 0


HELD = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: "It is so."}]}
        - {when: {task: review}, lines: [{vote: "It is", reason: Sure.}]}
        - {when: {task: present}, lines: [{text: "Yes, it is."}]}
  - id: bo
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: "Not at all."}]}
        - {when: {task: review}, lines: [{stall: true}]}
  - id: cy
    script:
      turns: [{lines: [{text: "I never finish."}, {stall: true}]}]
voting: {straggler: null, early: false, rule: plurality, leader_first: null}
"""


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_keys_choose_an_agent_speak_to_the_team_and_force_the_vote(
    tmp_path: Path, runtime: str
) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(HELD)
    with _terminal("run", "-c", str(path), "--runtime", runtime) as terminal:
        terminal.read_until(b"I never finish.")
        terminal.press(b"\x1b[C")
        terminal.read_until("▸".encode())
        terminal.press(b"mMind the gap.\r")
        terminal.read_until(b"Every agent will read it")
        terminal.press(b"fy")  # nobody waits for cy's draft
        terminal.read_until(b"the vote is on")
        terminal.read_until(b"votes for ada")
        terminal.press(b"fy")  # nor for bo's ballot
        shown = terminal.read_rest()
        assert terminal.process.returncode == 0, shown
    assert b"Yes, it is." in shown.partition(FIRST_SCREEN)[2]


PEOPLE = """\
question: Which city is the capital of France?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Paris}]}
        - {when: {task: review}, lines: [{vote: Versailles}]}
  - id: ben
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: "It is Lyon, I think."}]}
        - {when: {task: review}, lines: [{vote: Paris}]}
  - {id: you, backend: human}
voting: {rule: plurality, leader_first: null}
final: reuse
"""


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_person_answers_and_votes_in_the_picture_and_is_waited_for(
    tmp_path: Path, runtime: str
) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(PEOPLE)
    with _terminal("run", "-c", str(path), "--runtime", runtime) as terminal:
        terminal.read_until(b"you are asked for a first answer")
        terminal.press(b"aVersailles, of course.\r")
        terminal.read_until(b"you are asked to vote")
        terminal.press(b"b9\r")
        terminal.read_until(b"there is no answer '9'")
        terminal.press(b"bben because I like it\r")
        shown = terminal.read_rest()
        assert terminal.process.returncode == 0, shown
    after = shown.partition(FIRST_SCREEN)[2]
    assert b"I like it" in after


_SHOWN = """
import sys
import coordinator
team = coordinator.load_team(sys.argv[1])
print("came to", coordinator.run_sync("Which?", team, show=True, journal=False).answer)
"""


def test_people_take_part_in_what_python_shows(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(PEOPLE)
    with _terminal(str(path), program=("-c", _SHOWN)) as terminal:
        terminal.read_until(b"you are asked for a first answer")
        terminal.press(b"f")
        terminal.read_until(b"y or n")
        terminal.press(b"n")
        terminal.read_until(b"nothing was done")
        terminal.press(b"aVersailles, of course.\r")
        terminal.read_until(b"you are asked to vote")
        terminal.press(b"bben because I like it\r")
        shown = terminal.read_rest()
        assert terminal.process.returncode == 0, shown
    after = shown.partition(FIRST_SCREEN)[2]
    assert b"I like it" in after
    assert b"came to " in after


def test_ctrl_z_leaves_the_second_screen_and_fg_shows_it_again(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(HELD)
    with _terminal("run", "-c", str(path)) as terminal:
        terminal.read_until(b"I never finish.")
        terminal.process.send_signal(signal.SIGTSTP)
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        assert terminal.read_until(FIRST_SCREEN).endswith(CURSOR_SHOWN)
        terminal.shown = b""
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until(SECOND_SCREEN)
        terminal.read_until(b"I never finish.")
        terminal.press(b"\x03\x03")  # a twitchy finger: nothing but the goodbye
        shown = terminal.read_rest()
    assert b"Traceback" not in shown
    assert b"Exception ignored" not in shown
    assert terminal.process.returncode == 4


def test_a_first_picture_gives_way_to_what_must_be_said() -> None:
    words = ("run", "Why?", "--model", "claude-opus-5-5", "--agents", "300")
    with _terminal(*words, ANTHROPIC_API_KEY="none") as terminal:
        terminal.read_until(b"claude-opus-5-5")
        shown = terminal.read_until(b"Go on? [y/N]")
        assert shown.index(SECOND_SCREEN) < shown.index(FIRST_SCREEN)
        terminal.press(b"\r")
        shown = terminal.read_rest()
        assert terminal.process.returncode == 1, shown
    assert shown.count(FIRST_SCREEN) == 1
    assert CURSOR_SHOWN in shown


def test_keys_pressed_before_the_first_agent_speaks_are_kept_and_not_shown() -> None:
    with _terminal("run", "--demo") as terminal:
        terminal.read_until(SECOND_SCREEN)
        terminal.press(b"m#~#")
        terminal.read_until(b"tell the team:")
        terminal.read_until(b"#~#")
        terminal.press(b"\x1b\x03")
        shown = terminal.read_rest()
    assert b"#~#" not in shown.partition(b"tell the team:")[0]


def test_the_windows_title_says_what_goes_on_and_comes_back(team: str) -> None:
    with _terminal("run", "-c", team, TERM="xterm-256color") as terminal:
        shown = terminal.read_rest()
    kept, drafting = b"\x1b[22;2t", b"\x1b]2;drafting: Is it so?\x07"
    back = b"\x1b[23;2t" + FIRST_SCREEN
    assert shown.index(kept) < shown.index(drafting) < shown.index(back)
    with _terminal("run", "-c", team, TERM="linux") as terminal:
        assert b"\x1b]2;" not in terminal.read_rest()
