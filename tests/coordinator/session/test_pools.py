"""A program's own threads are all taken: sessions with a journal need none of them."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import coordinator
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, scripted

pytestmark = pytest.mark.real_time


def team() -> Team:
    ada = scripted("ada", [drafts("Yes.")])
    rules = coordinator.Rules("slate", final="reuse", deadline_s=30)
    return Team(agents=(ada,), rules=rules)


async def test_endpoints_that_take_every_thread_get_their_answers(
    tmp_path: Path,
) -> None:
    """As ``def`` endpoints do: each holds a thread of the pool while a session runs."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    count = int(limiter.total_tokens)
    answers: list[str | None] = []

    async def ask(number: int) -> None:
        result = await coordinator.run(
            "Is it?", team(), journal=tmp_path, session_id=f"s{number}"
        )
        answers.append(result.answer)

    async def endpoint(number: int) -> None:
        await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(ask, number))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(endpoint, number)
    assert answers == ["Yes."] * count
    assert len(list(tmp_path.glob("*.journal"))) == count  # noqa: ASYNC240  (all is over)


async def test_a_session_is_branched_while_every_thread_is_taken(
    tmp_path: Path,
) -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    await coordinator.run("Is it?", team(), journal=tmp_path, session_id="a")
    taken = range(int(limiter.total_tokens))
    for number in taken:
        await limiter.acquire_on_behalf_of(number)
    try:
        with anyio.fail_after(30):
            async with coordinator.branch_session(
                "a", 3, team(), journal=tmp_path
            ) as session:
                result = await session.wait()
        assert result.answer == "Yes."
    finally:
        for number in taken:
            limiter.release_on_behalf_of(number)
