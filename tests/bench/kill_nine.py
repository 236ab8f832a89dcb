"""Kills running sessions with SIGKILL, resumes them, and counts what was lost.

::

    python tests/bench/kill_nine.py --kills 2000 --late-s 0.06

Each session is the real command line in a process of its own (``coordinator run``, then
``coordinator resume``), asks a pretended API over loopback, and is killed at a random
moment, several times over, before it is let go to its end. Three parties know what
happened, and are held against each other afterwards:

- whoever watched standard output (``--display jsonl``) or, under ``async``, the journal
  as it was just before the kill: what was *acknowledged*;
- the pretended API: which calls it answered, and whether one was asked for again;
- the journal in the end, and a replay of it;
- a tool that every agent calls once, that is not rerunnable, notes each time it runs
  and in some sessions kills its own process: it may run once for each agent.

With ``--late-s`` each write to the journal comes so much later, as on a disk that
turns.

Under ``sync`` a line on standard output is acknowledged, because nothing leaves before
its cause is on the disk. Under ``async`` and ``exit`` a record is, once it stands in
the file. One process imports everything and forks the others: starting Python a
thousand times would take longer than all the rest. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import anyio
import msgspec

from agents.backends.scripted.script import Script, parse_script
from agents.emulator import Recorded, serve
from agents.protocol.chunks import Chunk
from agents.protocol.frames import unfolded
from coordinator.cli.app import main as command_line
from coordinator.errors import CoordinatorError
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history
from coordinator.journal.reader import read_journal
from coordinator.journal.writer import JournalWriter
from coordinator.session.replay import Replay

AGENTS = ("ada", "bob", "cy")
ANSWER = "Twenty-two times a day."
MOST_DEATHS = 6
"""How often one session dies before it is let go to its end."""
DEADLY_ONE_IN = 5
"""Of so many calls of the tool one kills its process."""
DURABILITIES = ("sync", "async", "exit")
TOOL = '''
import os, signal, zlib
from pathlib import Path

def strike(who: str) -> str:
    """Strike the hour.

    Args:
        who: Whose turn it is.
    """
    call = f"{os.environ['KILL_NINE_LIFE']} {who}"
    path = Path(os.environ["KILL_NINE_EFFECTS"])
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, f"{call}\\n".encode())
    os.close(file)
    if zlib.crc32(call.encode()) % DEADLY == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return "it has struck"
'''
BY_TIME = 0.15
"""The share of kills that come at any time from a process's start, to meet it while
it opens; the others come after a number of lines, to meet it at work."""

PRELOADED = (
    "agents.backends.claude.backend",
    "coordinator.cli.resume",
    "coordinator.displays.jsonl",
)
"""Modules that the command line imports late; here once, and not in every fork."""


def script(name: str) -> Script:
    """Some text, then an answer, a vote or the last word; the same whenever asked."""
    said = {"text": "Let me think of the hands of the clock and count.", "rate": 900}
    parts: dict[str, list[dict[str, Any]]] = {
        "draft": [said, {"answer": f"{name} says that it is twenty-two"}],
        "review": [said, {"vote": "ada says"}],
        "present": [{"text": ANSWER, "rate": 400}],
    }
    call = {"tool": "strike", "input": {"who": name}}
    first = {"task": "draft", "call": 1}
    turns = [{"when": first, "repeat": True, "lines": [said, call]}]
    turns += [
        {"when": {"task": task}, "repeat": True, "lines": lines}
        for task, lines in parts.items()
    ]
    return parse_script({"model": "claude-haiku-5-5", "turns": turns})


@dataclass
class Figures:
    """The counts of the campaign."""

    kills: int = 0
    kills_by_tools: int = 0
    tools_run: int = 0
    tools_run_twice: int = 0
    kills_before_a_journal: int = 0
    sessions: int = 0
    sessions_completed: int = 0
    same_answer: int = 0
    resumptions: int = 0
    events_acknowledged: int = 0
    events_lost: int = 0
    calls_finished: int = 0
    calls_bought_again: int = 0
    calls_cut_short: int = 0
    replays_that_differ: int = 0
    trouble: list[str] = field(default_factory=list[str])


@dataclass
class Life:
    """One session through its processes."""

    number: int
    folder: Path
    durability: str
    deaths: int
    """How many are before it."""
    acknowledged: set[bytes] = field(default_factory=set[bytes])
    finished: set[str] = field(default_factory=set[str])
    """Messages that were acknowledged whole."""
    said: list[bytes] = field(default_factory=list[bytes])
    """Lines of the process that runs now."""
    rest: bytes = b""
    process: int = 0
    pipe: int = -1
    kill_after_lines: int | None = None
    kill_at: float | None = None

    @property
    def journal(self) -> Path | None:
        """Its file, once there is one."""
        return next(iter(self.folder.glob("*.journal")), None)

    @property
    def errors(self) -> Path:
        """The standard error of its processes."""
        return self.folder.with_suffix(".err")

    @property
    def is_due(self) -> bool:
        """Whether its process shall die now."""
        if self.kill_after_lines is not None:
            return len(self.said) >= self.kill_after_lines
        return self.kill_at is not None and time.monotonic() >= self.kill_at

    def acknowledge(self, lines: Sequence[bytes]) -> None:
        """These may not be lost any more."""
        self.acknowledged.update(lines)
        self.finished.update(_finished(lines))


def start_api() -> tuple[int, str, int]:
    """Fork a process that serves the scripts; its id, its address and its log."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        anyio.run(_serve, writing)
        os._exit(0)
    os.close(writing)
    address = b""
    while not address.endswith(b"\n"):
        address += os.read(reading, 1)
    return child, address.decode().strip(), reading


async def _serve(log: int) -> None:
    def note(record: Recorded) -> None:
        if record.status == 200 and record.message_id:
            asked = msgspec.json.encode([record.agent, record.body["messages"]])
            line = {
                "key": hashlib.blake2b(asked, digest_size=12).hexdigest(),
                "id": record.message_id,
                "whole": record.is_complete,
            }
            os.write(log, msgspec.json.encode(line) + b"\n")

    async with serve({n: script(n) for n in AGENTS}, on_answer=note) as server:
        os.write(log, server.base_url.encode() + b"\n")
        await anyio.sleep_forever()


def team_file(folder: Path, address: str) -> Path:
    """A team that asks there."""
    agents = [
        {
            "id": name,
            "model": "claude-haiku-5-5",
            "base_url": address,
            "tools": ["kill_nine_tool:strike"],
        }
        for name in AGENTS
    ]
    deadly = TOOL.replace("DEADLY", str(DEADLY_ONE_IN))
    (folder / "kill_nine_tool.py").write_text(deadly, "utf-8")
    team = {"agents": agents, "seed": 7, "voting": {"policy": "slate"}}
    path = folder / "team.yaml"
    path.write_text(json.dumps(team), "utf-8")  # JSON is YAML
    return path


class Campaign:
    """Starts, watches, kills and resumes."""

    def __init__(
        self,
        kills: int,
        seconds: float,
        seed: int,
        at_once: int,
        folder: Path,
        *,
        late_s: float = 0.0,
    ) -> None:
        self._late_s = late_s
        self._kills, self._at_once, self._folder = kills, at_once, folder
        self._until = time.monotonic() + seconds
        self._chance = Random(seed)  # noqa: S311  (moments, no secrets)
        self._api, address, self._log = start_api()
        self._team = team_file(folder, address)
        os.environ["ANTHROPIC_API_KEY"] = "none-is-needed"
        self._effects = folder / "effects"
        os.environ["KILL_NINE_EFFECTS"] = os.devnull
        os.environ["KILL_NINE_LIFE"] = _harmless()
        _warm_up(folder, self._team)
        self._told = b""
        self._finished: set[str] = set()
        self.figures = Figures()

    def run(self) -> Figures:
        """Go on until there were enough kills and every session has ended."""
        try:
            lives = [self._begin() for _ in range(self._at_once)]
            while lives:
                self._listen(lives)
                lives = [life for life in lives if not self._is_over(life)]
                while len(lives) < self._at_once and self._wants_more(lives):
                    lives.append(self._begin())
        finally:
            os.kill(self._api, signal.SIGKILL)
            os.waitpid(self._api, 0)
        while data := os.read(self._log, 1 << 16):
            self._told += data
        self._settle_calls()
        self._settle_tools()
        return self.figures

    def _settle_tools(self) -> None:
        """Count the calls that were run, and those that were run again."""
        ran = self._effects.read_text("utf-8").splitlines()
        self.figures.tools_run = len(ran)
        self.figures.tools_run_twice = len(ran) - len(set(ran))
        twice = sorted({call for call in ran if ran.count(call) > 1})
        self.figures.trouble.extend(f"run twice: {call}" for call in twice)

    def _wants_more(self, lives: Sequence[Life]) -> bool:
        if time.monotonic() > self._until:
            return False
        coming = sum(life.deaths for life in lives)
        return self.figures.kills + coming < self._kills

    def _begin(self) -> Life:
        self.figures.sessions += 1
        number = self.figures.sessions
        life = Life(
            number=number,
            folder=self._folder / f"s{number}",
            durability=DURABILITIES[number % len(DURABILITIES)],
            deaths=self._chance.randint(1, MOST_DEATHS),
        )
        self._fork(life)
        return life

    def _fork(self, life: Life) -> None:
        """Start the session's next process, and decide when it dies."""
        shared = ["--display", "jsonl", "--journal", str(life.folder)]
        shared += ["--durability", life.durability]
        journal = life.journal
        if journal is None:
            question = f"How often do the hands of clock {life.number} meet?"
            words = ["run", question, "-c", str(self._team), *shared]
        else:
            words = ["resume", journal.stem, *shared]
            self.figures.resumptions += 1
        reading, writing = os.pipe()
        life.process = os.fork()
        if not life.process:
            os.environ["KILL_NINE_LIFE"] = str(life.number)
            os.environ["KILL_NINE_EFFECTS"] = str(self._effects)
            _become(words, writing, life.errors, self._late_s)
        os.close(writing)
        os.set_blocking(reading, False)
        life.pipe, life.rest, life.said = reading, b"", []
        life.kill_at = life.kill_after_lines = None
        if life.deaths and self._chance.random() < BY_TIME:
            life.kill_at = time.monotonic() + self._chance.uniform(0.0, 0.12)
        elif life.deaths:
            life.kill_after_lines = self._chance.randint(1, 70)

    def _listen(self, lives: Sequence[Life]) -> None:
        pipes = {life.pipe: life for life in lives}
        ready, _, _ = select.select([*pipes, self._log], [], [], 0.005)
        for pipe in ready:
            if pipe == self._log:
                self._told += os.read(self._log, 1 << 16)
            else:
                _read(pipes[pipe])

    def _is_over(self, life: Life) -> bool:
        """Kill the process if its moment has come, and start the next."""
        ended, status = os.waitpid(life.process, os.WNOHANG)
        if ended and os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
            # Its tool has taken it along.
            _drain(life)
            self.figures.kills += 1
            self.figures.kills_by_tools += 1
            self._fork(life)
            return False
        if ended:
            _drain(life)
            self._end(life, os.waitstatus_to_exitcode(status))
            return True
        if life.is_due:
            if life.durability != "sync" and life.journal is not None:
                with contextlib.suppress(CoordinatorError):  # it is just being made
                    life.acknowledge(_chunks_in(life.journal))
            os.kill(life.process, signal.SIGKILL)
            os.waitpid(life.process, 0)
            _drain(life)
            self.figures.kills += 1
            life.deaths -= 1
            self._forget_unborn(life)
            self._fork(life)
        return False

    def _forget_unborn(self, life: Life) -> None:
        """A journal that was just being made says nothing, and nothing was promised."""
        journal = life.journal
        try:
            if journal is not None:
                read_journal(journal)
                return
        except CoordinatorError as error:
            assert journal is not None
            journal.unlink()
            if life.acknowledged:
                self.figures.trouble.append(f"{life.number}: {error}")
        self.figures.kills_before_a_journal += 1

    def _end(self, life: Life, code: int) -> None:
        """Hold what was acknowledged against the journal."""
        figures, journal = self.figures, life.journal
        errors = life.errors.read_text("utf-8")
        # It may have been killed when all was done but the last sentence.
        is_done = code == 0 or (code == 1 and "is finished" in errors)
        figures.sessions_completed += is_done
        if not is_done or journal is None:
            figures.trouble.append(f"{life.number}, exit {code}: {errors[-400:]}")
            return
        kept = set(_chunks_in(journal))
        try:
            kept.update(self._outputs(journal))
        except CoordinatorError as error:
            figures.replays_that_differ += 1
            figures.trouble.append(f"{life.number}: {error}")
        life.finished.update(_finished(_chunks_in(journal)))
        lost = life.acknowledged - kept
        figures.events_acknowledged += len(life.acknowledged)
        figures.events_lost += len(lost)
        figures.trouble.extend(
            f"{life.number}, lost: {line.decode()[:300]}" for line in sorted(lost)[:2]
        )
        self._finished |= life.finished
        shutil.rmtree(life.folder)

    def _outputs(self, journal: Path) -> Iterator[bytes]:
        """Decisions and effects, as a replay derives them."""
        played = Replay(read_journal(journal))
        for batch in played.batches():
            for event in batch.events:
                if not isinstance(event, Chunk):
                    yield msgspec.json.encode(event)
        assert played.result is not None
        self.figures.same_answer += played.result.answer == ANSWER

    def _settle_calls(self) -> None:
        """Hold what the API answered against what was known to be finished."""
        asked: dict[str, list[str]] = defaultdict(list)
        for line in self._told.splitlines():
            told = json.loads(line)
            asked[told["key"]].append(told["id"])
            self.figures.calls_cut_short += not told["whole"]
        self.figures.calls_finished = len(self._finished)
        for names in asked.values():
            # One agent's ids count up: a later one was asked for later.
            known = [name for name in names if name in self._finished]
            again = sum(name > min(known) for name in names) if known else 0
            self.figures.calls_bought_again += again


def _harmless() -> str:
    """A name of a session in which the tool kills nobody."""
    for number in range(1000):
        life = f"warm-up-{number}"
        calls = (f"{life} {who}".encode() for who in AGENTS)
        if all(zlib.crc32(call) % DEADLY_ONE_IN for call in calls):
            return life
    raise AssertionError("every name is deadly")


def _be_late(late_s: float) -> None:
    """Let each group that is written come so much later."""
    write = vars(JournalWriter)["_write"]  # the disk is not ours to slow down

    def late(self: JournalWriter, *group: Any) -> None:
        time.sleep(late_s)
        write(self, *group)

    JournalWriter._write = late  # type: ignore[method-assign]  # noqa: SLF001


def _become(words: Sequence[str], stdout: int, errors: Path, late_s: float) -> NoReturn:
    """In the child: be the program."""
    code = 70
    try:
        if late_s:
            _be_late(late_s)
        os.dup2(stdout, 1)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # Python's own were made for what was there before, a file perhaps.
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        code = command_line(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _read(life: Life) -> bool:
    """Take what the process has said; whether there was anything."""
    try:
        data = os.read(life.pipe, 1 << 16)
    except BlockingIOError:
        return False
    *lines, life.rest = (life.rest + data).split(b"\n")
    life.said += lines
    return bool(data)


def _drain(life: Life) -> None:
    """Take the last words of a process that is dead."""
    while _read(life):
        pass
    os.close(life.pipe)
    if life.durability == "sync":
        life.acknowledge(life.said)


def _chunks_in(journal: Path) -> list[bytes]:
    """Every chunk in a journal, a line each, as its agent encoded it."""
    return [
        line
        for record in history(read_journal(journal).records)
        if record.kind == Kind.FRAME
        for line in unfolded(record.payload).splitlines()
    ]


def _finished(lines: Sequence[bytes]) -> Iterator[str]:
    """The ids of the messages that came whole."""
    under_way: dict[str, str] = {}
    for line in lines:
        if b'"response_started"' in line:
            told = json.loads(line)
            under_way[told["agent"]] = told["message"]["id"]
        elif b'"response_ended"' in line:
            name = under_way.pop(json.loads(line)["agent"], None)
            if name is not None:
                yield name


def _warm_up(folder: Path, team: Path) -> None:
    """Play one session in here, so that every fork has all that it imports."""
    question = "How often do the hands of a clock meet?"
    words = ["run", question, "-c", str(team), "--display", "jsonl", "--journal"]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        shown = contextlib.redirect_stdout(nowhere)
        with shown:
            command_line([*words, str(folder / "warm-up")])
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page


def main() -> int:
    """Run the campaign; 0: nothing was lost and nothing bought again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--seconds", type=float, default=3600.0, help="begin no session after these"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument(
        "--late-s", type=float, default=0.0, help="how late the disk is, in seconds"
    )
    given = parser.parse_args()
    for name in PRELOADED:
        import_module(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-nine-") as folder:
        campaign = Campaign(
            given.kills,
            given.seconds,
            given.seed,
            given.at_once,
            Path(folder),
            late_s=given.late_s,
        )
        figures = campaign.run()
    told = vars(figures) | {
        "trouble": figures.trouble[:10],
        "seconds": round(time.monotonic() - began, 1),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    wrong = figures.events_lost + figures.calls_bought_again + len(figures.trouble)
    return 1 if wrong or figures.same_answer != figures.sessions else 0


if __name__ == "__main__":
    sys.exit(main())
