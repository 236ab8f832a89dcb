"""The limiter and the retry policy, against servers that count."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import cycle
from typing import Any

import anyio
import pytest

from agents.errors import BackendUnavailable
from agents.limits.limiter import Limiter
from agents.limits.retry import RetryPolicy
from agents.protocol.chunks import AgentId

ONE = [1]


async def refuse(
    limiter: Limiter, agent: str, *, takes_s: float = 0.0, **told: Any
) -> None:
    """Have ``agent`` refused by the server."""
    limits = {"anthropic-ratelimit-requests-limit": "1"} if told.pop("tells", 0) else {}
    try:
        async with limiter.slot(AgentId(agent)) as slot:
            await anyio.sleep(takes_s)
            if limits:
                slot.opened(limits)
            raise BackendUnavailable("429", is_rate_limit=True, **told)  # noqa: TRY301  (as backends do)
    except BackendUnavailable:
        return


class Bucket:
    """A server that lets ``limit`` a minute pass, and says so if it may.

    What is counted are requests, or the ``sizes`` of them in turn.
    """

    def __init__(
        self, limit: int, *, tells: bool, kind: str = "requests", sizes: list[int] = ONE
    ) -> None:
        self.limit = limit
        self.tells = tells
        self.kind = kind
        self._sizes = cycle(sizes)
        self._wanted: dict[AgentId, int] = {}
        self.tokens = float(limit)
        self.counted_at = anyio.current_time()
        self.shut_until = 0.0
        self.early = 0
        self.refused = 0

    async def serve(self, limiter: Limiter, agent: AgentId, takes_s: float) -> None:
        async with limiter.slot(agent) as slot:
            now = anyio.current_time()
            self.early += now < self.shut_until
            gained = (now - self.counted_at) * self.limit / 60
            self.tokens = min(self.limit, self.tokens + gained)
            self.counted_at = now
            size = self._wanted.setdefault(agent, next(self._sizes))
            await anyio.sleep(0.05)
            if self.tokens < size:
                self.refused += 1
                wait_s = (size - self.tokens) * 60 / self.limit
                self.shut_until = anyio.current_time() + wait_s
                raise BackendUnavailable(
                    "429", retry_after_s=wait_s, is_rate_limit=True
                )
            self.tokens -= self._wanted.pop(agent)
            told = {"limit": str(self.limit), "remaining": str(int(self.tokens))}
            headers = {
                f"anthropic-ratelimit-{self.kind}-{n}": v for n, v in told.items()
            }
            slot.opened(headers if self.tells else {})
            await anyio.sleep(takes_s)


async def all_served(
    server: Bucket, limiter: Limiter, *, agents: int, times: int, takes_s: float
) -> tuple[float, Counter[AgentId]]:
    """Have everybody served ``times`` times; how long it took, and shares half-way."""
    served: Counter[AgentId] = Counter()
    halfway: Counter[AgentId] = Counter()
    began = anyio.current_time()

    async def work(agent: AgentId) -> None:
        for _ in range(times):
            while True:
                try:
                    await server.serve(limiter, agent, takes_s)
                except BackendUnavailable:
                    continue  # the limiter's gate is shut for as long as was asked
                break
            served[agent] += 1
            if served.total() == agents * times // 2:
                halfway.update(served)

    async with anyio.create_task_group() as group:
        for number in range(agents):
            group.start_soon(work, AgentId(f"agent{number}"))
    return anyio.current_time() - began, halfway


@pytest.mark.parametrize("takes_s", [0.5, 20.0])
@pytest.mark.parametrize("tells", [True, False])
async def test_a_team_far_over_the_limit_is_done_in_little_more_than_it_must_take(
    *, tells: bool, takes_s: float
) -> None:
    server = Bucket(60, tells=tells)
    elapsed_s, halfway = await all_served(
        server, Limiter(), agents=64, times=6, takes_s=takes_s
    )
    least_s = 64 * 6 - 60
    assert server.early == 0, "no request before its retry-after"
    assert elapsed_s < least_s * 1.1 + takes_s
    assert max(halfway.values()) - min(halfway.values()) <= 1
    if tells:
        assert server.refused < 30


@pytest.mark.parametrize("kind", ["tokens", "input-tokens", "output-tokens"])
async def test_tokens_are_spaced_by_what_requests_have_taken_so_far(kind: str) -> None:
    sizes = [700, 1_900, 1_200, 400, 800]
    server = Bucket(30_000, tells=True, kind=kind, sizes=sizes)
    elapsed_s, _ = await all_served(server, Limiter(), agents=16, times=10, takes_s=2.0)
    least_s = (16 * 10 * sum(sizes) / len(sizes) - 30_000) * 60 / 30_000
    assert server.early == 0
    assert elapsed_s < least_s * 1.1 + 4.0
    assert server.refused < 16, "fewer than a tenth of all"


async def test_a_request_larger_than_the_whole_bucket_waits_for_a_full_one() -> None:
    limiter, told = Limiter(), "anthropic-ratelimit-input-tokens"
    for left in ("20000", "0"):  # one request has taken all there was
        async with limiter.slot(AgentId("ada")) as slot:
            slot.opened({f"{told}-limit": "20000", f"{told}-remaining": left})
    began = anyio.current_time()
    async with limiter.slot(AgentId("ada")):
        assert anyio.current_time() - began == pytest.approx(60, abs=0.1)


async def test_the_window_shrinks_when_refused_and_grows_when_served() -> None:
    limiter = Limiter(window=8)
    await refuse(limiter, "ada")
    assert limiter.window == 4
    for _ in range(30):
        async with limiter.slot(AgentId("ada")) as slot:
            slot.opened()
    assert limiter.window > 8


async def test_refusals_of_one_moment_shrink_the_window_once() -> None:
    limiter = Limiter(window=16)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(partial(refuse, limiter, str(number), takes_s=1.0))
    assert limiter.window == 8


async def test_nothing_starts_before_retry_after() -> None:
    limiter = Limiter()
    began = anyio.current_time()
    await refuse(limiter, "ada", retry_after_s=30)
    assert limiter.would_wait
    async with limiter.slot(AgentId("bob")):
        assert anyio.current_time() - began >= 30


async def test_a_server_that_asks_for_weeks_does_not_shut_out_the_team() -> None:
    limiter = Limiter()
    await refuse(limiter, "ada", retry_after_s=2e6)
    with anyio.fail_after(60):
        async with limiter.slot(AgentId("bob")):
            pass


async def test_the_least_served_goes_first_and_a_newcomer_does_not_jump_far() -> None:
    limiter = Limiter(window=1, most=1)
    order: list[str] = []

    async def want(agent: str, arrives_s: float, times: int) -> None:
        await anyio.sleep(arrives_s)
        for _ in range(times):
            async with limiter.slot(AgentId(agent)):
                order.append(agent)
                await anyio.sleep(1)

    async with anyio.create_task_group() as group:
        group.start_soon(want, "ada", 0.0, 4)
        group.start_soon(want, "bob", 0.1, 3)
        group.start_soon(want, "cy", 2.5, 2)
    assert order[:5] == ["ada", "bob", "ada", "bob", "cy"]


async def test_a_cancelled_waiter_passes_its_place_on() -> None:
    limiter = Limiter(window=1)
    got_in: list[str] = []

    async def want(agent: str) -> None:
        async with limiter.slot(AgentId(agent)):
            got_in.append(agent)

    async with anyio.create_task_group() as group, limiter.slot(AgentId("ada")):
        with anyio.CancelScope() as first:
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(want, "bob")
                await anyio.wait_all_tasks_blocked()
                group.start_soon(want, "cy")
                await anyio.wait_all_tasks_blocked()
                first.cancel()
    assert got_in == ["cy"]


async def test_headers_that_say_nothing_are_passed_over() -> None:
    limiter = Limiter()
    for headers in (
        {},
        {"anthropic-ratelimit-requests-limit": "many"},
        {"anthropic-ratelimit-requests-limit": "0"},
        {"anthropic-ratelimit-requests-limit": "nan"},
    ):
        limiter.observe_headers(headers)
    with anyio.fail_after(0.1):
        async with limiter.slot(AgentId("ada")):
            assert not limiter.would_wait


async def test_an_unlimited_limiter_learns_nothing() -> None:
    limiter = Limiter.unlimited()
    await refuse(limiter, "ada", retry_after_s=99, tells=1)
    assert not limiter.would_wait


def test_backoff_grows_to_its_cap_and_ends() -> None:
    policy = RetryPolicy(attempts=9, base_s=1.0, cap_s=20.0)
    error = BackendUnavailable("gone")
    delays = [policy.delay_s(error, n, who="ada") for n in range(1, 10)]
    assert delays[-1] is None
    for number, delay_s in enumerate(delays[:-1]):
        assert delay_s is not None
        longest_s = min(20.0, 2.0**number)
        assert longest_s / 2 <= delay_s < longest_s


def test_jitter_sets_agents_apart_and_can_be_repeated() -> None:
    error = BackendUnavailable("gone")
    delays = {RetryPolicy(seed=3).delay_s(error, 1, who=str(n)) for n in range(50)}
    assert len(delays) == 50
    assert delays == {
        RetryPolicy(seed=3).delay_s(error, 1, who=str(n)) for n in range(50)
    }


def test_the_server_is_waited_for_within_reason() -> None:
    policy = RetryPolicy(attempts=2, rate_limited_attempts=5, patience_s=60)
    put_off = BackendUnavailable("429", retry_after_s=30, is_rate_limit=True)
    assert policy.delay_s(put_off, 4) == 30
    assert policy.delay_s(put_off, 5) is None
    down = BackendUnavailable("503", retry_after_s=30)
    assert 30 <= (policy.delay_s(down, 1) or 0) < 31
    assert policy.delay_s(down, 2) is None
    for_weeks = BackendUnavailable("429", retry_after_s=1e6, is_rate_limit=True)
    assert policy.delay_s(for_weeks, 1) is None
