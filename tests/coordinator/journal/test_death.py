"""Sessions in processes of their own, which die without warning."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import msgspec
import pytest

pytestmark = [pytest.mark.real_time, pytest.mark.long]

# One process imports everything, then forks a writer for each death: starting Python
# thirty times would take longer than all the rest of the tests.
KILLING = """
import os, random, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import anyio, msgspec
from agents.protocol.chunks import AgentId, TextDelta, TurnNumber
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from coordinator.journal.framing import Kind
from coordinator.journal.entries import Opened
from coordinator.journal.open import open_journal
from coordinator.journal.reader import read_session

root, durability, backend, deaths = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
chance = random.Random(20261123)

def frame(number):
    pen = Pen(AgentId("ada"), TurnNumber(number), 0.0)
    text = "x" * (number * 7919 % 30000)
    return encode_frame([TextDelta(**pen.stamp(), block=0, text=text)])

def opened(session):
    return Opened(session=session, started=datetime.now(UTC), at=0.0, question="q",
                  team=msgspec.Raw(b"{}"), seed=1, nonce="", library="0")

async def write(session, acknowledge):
    async with open_journal(root, opened(session), durability=durability) as journal:
        ends, safe, number = [], 0, 0
        while True:
            journal.record(Kind.FRAME, frame(number), 0.0)
            ends.append(journal.recorded_bytes)
            number += 1
            await journal.commit()
            known = journal.durable_bytes if durability == "sync" \\
                else journal.written_bytes
            while safe < len(ends) and ends[safe] <= known:
                safe += 1
                os.write(acknowledge, b".")

def die(session):
    inbox, outbox = os.pipe()
    child = os.fork()
    if not child:
        os.close(inbox)
        anyio.run(write, session, outbox, backend=backend)
    os.close(outbox)
    patience, acknowledged = chance.randrange(1, 40), 0
    while acknowledged < patience:
        acknowledged += len(os.read(inbox, 1))
    for _ in range(chance.randrange(20000)):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while rest := os.read(inbox, 65536):
        acknowledged += len(rest)
    os.close(inbox)
    found = read_session(root, session)
    payloads = [record.payload for record in found.records[1:]]
    return {
        "acknowledged": acknowledged,
        "kept": len(payloads),
        "intact": payloads == [frame(number) for number in range(len(payloads))],
        "torn": found.damage is not None,
        "inside": found.damage is not None and found.damage.is_inside,
    }

told = [die(f"s{number}") for number in range(deaths)]
sys.stdout.buffer.write(msgspec.json.encode(told))
"""


class Death(msgspec.Struct, frozen=True, kw_only=True):
    acknowledged: int
    kept: int
    intact: bool
    torn: bool
    inside: bool


@pytest.mark.parametrize("durability", ["sync", "async"])
async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    root: Path, anyio_backend_name: str, durability: str
) -> None:
    arguments = [str(root), durability, anyio_backend_name, "10"]
    done = await anyio.run_process([sys.executable, "-c", KILLING, *arguments])
    deaths = msgspec.json.decode(done.stdout, type=list[Death])
    assert len(deaths) == 10
    for death in deaths:
        assert death.kept >= death.acknowledged
        assert death.intact
        assert not death.inside


LIMITED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
import anyio, msgspec
from coordinator.errors import JournalUnavailable
from coordinator.journal.framing import Kind
from coordinator.journal.entries import Opened
from coordinator.journal.open import open_journal
from coordinator.journal.reader import read_session

root = Path(sys.argv[1])
opened = Opened(session="s1", started=datetime.now(UTC), at=0.0, question="q",
                team=msgspec.Raw(b"{}"), seed=1, nonce="", library="0")

async def write():
    safe = 0
    async with open_journal(root, opened, durability="sync") as journal:
        try:
            while True:
                journal.record(Kind.FRAME, b"x" * 999, 0.0)
                await journal.commit()
                safe += 1
        except JournalUnavailable as said:
            return safe, str(said)

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
safe, said = anyio.run(write)
kept = len(read_session(root, "s1").records) - 1
sys.stdout.buffer.write(msgspec.json.encode([safe, kept, said]))
"""


async def test_a_file_that_may_not_grow_is_said_and_keeps_what_was_safe(
    root: Path,
) -> None:
    # -B: Python would cut what it compiles there, too, and everybody reads that.
    done = await anyio.run_process([sys.executable, "-B", "-c", LIMITED, str(root)])
    safe, kept, said = msgspec.json.decode(done.stdout, type=tuple[int, int, str])
    assert 0 < safe <= kept
    assert "ulimit -f" in said
