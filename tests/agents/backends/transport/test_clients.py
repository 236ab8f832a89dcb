"""A backend's clients: few streams on each, used again, none outlives its loop."""

from __future__ import annotations

from contextlib import ExitStack

import anthropic
import anyio
import anyio.lowlevel
import pytest

from agents.backends.claude.connection import connect
from agents.backends.transport.clients import (
    STREAMS_A_CLIENT,
    Clients,
    tls_context,
)

close = anthropic.AsyncAnthropic.close


def made() -> anthropic.AsyncAnthropic:
    return connect("sk-test", "http://127.0.0.1:9", 1.0)


async def test_a_client_bears_so_many_streams_and_no_more() -> None:
    clients = Clients(made, close=close)
    with ExitStack() as open_streams:
        leased = [
            open_streams.enter_context(clients.lease())
            for _ in range(2 * STREAMS_A_CLIENT + 1)
        ]
    assert len(set(map(id, leased))) == 3
    assert leased[0] is leased[STREAMS_A_CLIENT - 1] is clients.first
    with clients.lease() as again:
        assert again is leased[0], "whose idle connections are used again"
    await clients.aclose()
    await anyio.lowlevel.checkpoint()


async def test_a_client_of_the_callers_bears_all_and_stays_open() -> None:
    own = made()
    clients = Clients(made, own, close=close)
    with ExitStack() as open_streams:
        for _ in range(STREAMS_A_CLIENT + 1):
            assert open_streams.enter_context(clients.lease()) is own
    await clients.aclose()
    assert not own.is_closed()
    await own.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_another_event_loop_gets_clients_of_its_own(backend: str) -> None:
    clients = Clients(made, close=close)

    async def twice() -> list[anthropic.AsyncAnthropic]:
        await anyio.lowlevel.checkpoint()
        with clients.lease() as leased:
            return [leased, clients.here()]

    first, again = anyio.run(twice, backend=backend)
    other, _ = anyio.run(twice, backend=backend)
    assert first is again
    assert other is not first


def test_clients_share_what_is_trusted_until_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = tls_context()
    assert tls_context() is before
    folder = tmp_path_factory.mktemp("certificates")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert tls_context() is not before
