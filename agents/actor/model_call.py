"""One model call, asked until it is answered in full or given up.

The only place that retries: a response that breaks off is voided and asked for again,
as the retry policy says and when the limiter lets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import msgspec

from agents.conversation.accumulator import Transcript
from agents.errors import BackendUnavailable, StreamMalformed
from agents.protocol.chunks import (
    Allowance,
    ResponseAbandoned,
    ResponseOpened,
    StatusChanged,
    StreamChunk,
)

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.conversation.uploads import SessionFiles
    from agents.limits.limiter import Limiter
    from agents.limits.retry import RetryPolicy
    from agents.protocol.backend import Backend, Request


async def ask(
    backend: Backend,
    request: Request,
    voice: Voice,
    *,
    limiter: Limiter,
    retry: RetryPolicy,
    files: SessionFiles | None = None,
) -> Transcript:
    """Ask ``request`` and publish what comes; the complete response.

    What is attached goes with it; uploads are tried again as calls are.

    Raises:
        AgentError: The backend's, once it is no use to ask again.
    """
    # Being put off is no fault, so the two are counted apart.
    failures = {False: 0, True: 0}
    failed_at: float | None = None
    while True:
        is_gated = False
        try:
            if files is not None:
                attached = await files.blocks_for(backend)
                request = msgspec.structs.replace(request, attached=attached)
            is_gated = not limiter.is_unlimited
            return await _stream(backend, request, voice, limiter)
        except BackendUnavailable as error:
            put_off = error.is_rate_limit
            is_gated &= put_off  # an upload passes no gate
            failures[put_off] += 1
            now = anyio.current_time()
            failed_at = now if failed_at is None else failed_at
            who = f"{request.turn.agent}/{request.turn.number}/{request.call}"
            delay_s = retry.delay_s(
                error, failures[put_off], who=who, waited_s=now - failed_at
            )
            if delay_s is None:
                raise
            reason = str(error) or type(error).__name__
        if is_gated:
            # One wait, by the longer of two measures; it is the one that is told.
            delay_s = max(delay_s, limiter.gate_left_s)
            limiter.hold(delay_s)
        await voice.say(
            ResponseAbandoned(**voice.stamp(), reason=reason, retry_in_s=delay_s)
        )
        if not is_gated:
            await anyio.sleep(delay_s)
        # Otherwise the limiter's gate is shut for as long, and its queue keeps the
        # place that this agent would lose by sleeping elsewhere.


async def _stream(
    backend: Backend, request: Request, voice: Voice, limiter: Limiter
) -> Transcript:
    """One try.

    Raises:
        AgentError: As the backend does, and where the stream just ends.
    """
    response = Transcript()
    if limiter.would_wait:
        await voice.say(StatusChanged(**voice.stamp(), status="waiting"))
    async with limiter.slot(request.turn.agent) as slot:
        await voice.say(StatusChanged(**voice.stamp(), status="requesting"))
        async with backend.open_stream(request, voice.pen) as stream:
            publish, absorb, is_opened = voice.publish, response.absorb, False
            async for batch in stream:
                if not is_opened:
                    is_opened = True
                    slot.opened(*_limits(batch))
                absorb(batch)
                await publish(batch)
        if not response.is_complete:
            raise StreamMalformed("the stream ended without a stop reason")
    return response


def _limits(
    batch: Sequence[StreamChunk],
) -> tuple[dict[str, str], tuple[Allowance, ...]]:
    """What the server told of its limits: its headers, and what they come to."""
    first = batch[0] if batch else None
    if isinstance(first, ResponseOpened):
        return first.limits, first.allowances or ()
    return {}, ()
