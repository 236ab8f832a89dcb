"""One model call, asked until it is answered in full or given up.

The only place that retries: a response that breaks off is voided and asked for again,
as the retry policy says and when the limiter lets it. What a backend raises beside
``AgentError`` is made one by :mod:`agents.actor.backend_call`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import msgspec

from agents.actor.backend_call import BackendCall
from agents.boundary.guard import class_name, model_of, offers, text_of
from agents.conversation.accumulator import Transcript
from agents.errors import (
    AgentError,
    BackendUnavailable,
    BudgetExhausted,
)
from agents.limits.pricing import cost_usd, factor_of
from agents.limits.retry import RetryWait
from agents.limits.turn_budget import (
    WRITTEN_CHARACTERS_A_TOKEN,
    Purse,
    price_of,
    tokens_at_most,
)
from agents.protocol.backend import Forecast, Forecasts
from agents.protocol.chunks import (
    ResponseAbandoned,
    StatusChanged,
    UsageReported,
)
from agents.protocol.turns import LEAST_OUTPUT_TOKENS

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.conversation.uploads import SessionFiles
    from agents.limits.limiter import Limiter
    from agents.limits.retry import RetryPolicy
    from agents.protocol.backend import Backend, Request


NO_ROOM = "the budget leaves no room for another call"


async def ask(
    backend: Backend,
    request: Request,
    voice: Voice,
    *,
    limiter: Limiter,
    retry: RetryPolicy,
    purse: Purse | None = None,
    files: SessionFiles | None = None,
    idle_limit_s: float | None = None,
) -> Transcript:
    """Ask ``request`` and publish what comes; the complete response.

    What is attached goes with it; uploads are tried again as calls are. Each try may
    cost what ``purse`` holds, if one is given, and is paid out of it, whatever comes.

    Raises:
        AgentError: The backend's, once it is no use to ask again.
        BudgetExhausted: The next try would cost more than there is.
    """
    # Being put off is no fault, so the two are counted apart.
    failures = {False: 0, True: 0}
    purse = purse or Purse()
    failed_at: float | None = None
    call = BackendCall(backend, request.turn.agent, idle_limit_s)
    while True:
        is_gated = False
        try:
            with call:
                if files is not None:
                    attached = await files.blocks_for(backend)
                    request = msgspec.structs.replace(request, attached=attached)
                request = await _afforded(backend, request, purse)
                is_gated = not limiter.is_unlimited
                return await _paid(call, request, voice, limiter, purse)
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
            reason = text_of(error) or class_name(error)
        wait = RetryWait(delay_s, limiter if is_gated else None)
        await voice.say(
            ResponseAbandoned(**voice.stamp(), reason=reason, retry_in_s=wait.wait_s)
        )
        await wait.over()


async def _afforded(backend: Backend, request: Request, purse: Purse) -> Request:
    """``request``, told how much it may write.

    Raises:
        BudgetExhausted: That is less than would be of any use.
    """
    forecast: Forecast | None = None
    if purse.needs_forecast:
        if offers(backend, Forecasts):
            forecast = await backend.forecast(request)
        else:
            forecast = Forecast(tokens_at_most(request))
    most = purse.most_output(model_of(backend), forecast, price_of(backend))
    if most is None:
        return request
    if most < LEAST_OUTPUT_TOKENS:
        raise BudgetExhausted(NO_ROOM)
    return msgspec.structs.replace(request, max_tokens=most)


async def _paid(
    call: BackendCall, request: Request, voice: Voice, limiter: Limiter, purse: Purse
) -> Transcript:
    """One try, paid for.

    Raises:
        AgentError: The backend's; what was streamed until then is told first.
    """
    response = voice.response = Transcript()
    voice.most_output = request.max_tokens
    try:
        if limiter.would_wait:
            await voice.say(StatusChanged(**voice.stamp(), status="waiting"))
        async with limiter.slot(request.turn.agent) as slot:
            await voice.say(StatusChanged(**voice.stamp(), status="requesting"))
            if voice.trace is None:
                await call.stream(request, voice, slot, response)
            else:
                with voice.trace.call(call.backend, request, response) as traced:
                    await call.stream(request, voice, slot, response, traced.first)
    except AgentError as error:
        estimated = unfinished(response, voice, f"the stream broke off: {error}")
        if estimated is not None:
            purse.pay((estimated,))
            await voice.say(estimated)  # noqa: ASYNC120  (the cancellation is the reason)
        voice.response = None
        raise
    voice.response = None
    if response.reported is not None:
        purse.pay((response.reported,))
    return response


def unfinished(response: Transcript, voice: Voice, why: str) -> UsageReported | None:
    """The estimated usage of a response that was cut short; ``None``: none is known."""
    report = estimate(response, voice.most_output, why)
    return report and msgspec.structs.replace(report, **voice.stamp())


def estimate(
    response: Transcript, most_output: int | None, why: str
) -> UsageReported | None:
    """Estimate what a response has cost that will not be whole.

    The API tells what was written at the end alone. What it bills for a stream that
    ends early is as much as was generated, so that is estimated by what has come, and
    never as more than the request allowed.

    Args:
        response: As far as it has come.
        most_output: Tokens that the request allowed; ``None``: it is not known.
        why: Why it is an estimate.

    Returns:
        The last report with it; ``None``: nothing is known, or the response is whole.
    """
    last = response.reported
    if last is None or response.is_complete:
        return None
    characters = response.written_characters
    written = -(-characters // WRITTEN_CHARACTERS_A_TOKEN)
    if most_output is not None:
        written = min(written, most_output)
    usage = msgspec.structs.replace(
        last.usage, output_tokens=max(last.usage.output_tokens, written)
    )
    cost = last.cost_usd
    if cost is not None:
        factor = factor_of(last.speed or "", last.inference_geo or "", "")
        listed = cost_usd(last.model, usage, factor)
        # Another maker's is told by its tokens' share, where the list has it not.
        share = usage.total_tokens / max(1, last.usage.total_tokens)
        cost = cost * share if listed is None else listed
    return msgspec.structs.replace(
        last,
        usage=usage,
        cost_usd=cost,
        parts=msgspec.UNSET,
        estimated=why,
    )
