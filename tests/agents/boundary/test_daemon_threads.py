"""The default executor of our event loops: its hung threads hold no program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from agents.boundary.daemon_threads import THREADS_MOST, DaemonThreads

PROGRAM = """
import asyncio, sys, time
from agents.boundary.own_loop import OwnLoop, run_loop

async def main():
    task = asyncio.ensure_future(asyncio.to_thread(time.sleep, 600))
    await asyncio.sleep(.05)
    task.cancel()
    print("over")

if sys.argv[1] == "own thread":
    OwnLoop(main).run("asyncio")
else:
    run_loop(main)
"""


@pytest.mark.real_time
@pytest.mark.parametrize("place", ["own thread", "main thread"])
def test_a_program_ends_whatever_hangs_in_its_loops_threads(place: str) -> None:
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-W", "error", "-c", PROGRAM, place],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "over\n"), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real_time
def test_calls_are_made_by_as_many_threads_as_may_be() -> None:
    async def main() -> list[int]:
        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        calls = [asyncio.to_thread(number.__add__, 1) for number in range(200)]
        await asyncio.gather(*calls)
        bell = threading.Event()
        waiting = [asyncio.to_thread(bell.wait) for _ in range(THREADS_MOST + 5)]
        tasks = [asyncio.ensure_future(call) for call in waiting]
        await asyncio.sleep(0)
        names = [each.name for each in threading.enumerate()]
        count = names.count("default executor")
        bell.set()
        rung = await asyncio.gather(*tasks)
        return [count, sum(rung)]

    assert asyncio.run(main()) == [THREADS_MOST, THREADS_MOST + 5]


def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    threads = DaemonThreads()
    with pytest.raises(SystemExit):
        threads.submit(sys.exit, 3).result()
    assert threads.submit(int, "5").result() == 5
    threads.shutdown()
    with pytest.raises(RuntimeError, match="ended"):
        threads.submit(int)


def test_calls_that_wait_are_given_up_where_that_is_asked_for() -> None:
    threads, bell, begun = DaemonThreads(), threading.Event(), threading.Semaphore(0)

    def hold() -> bool:
        begun.release()
        return bell.wait()

    held = [threads.submit(hold) for _ in range(THREADS_MOST)]
    for _ in held:
        begun.acquire()
    waiting = threads.submit(int)
    threads.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    bell.set()
    assert all(future.result() for future in held)
