"""Turns whose model is overloaded, declines, or puts it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from agents.conversation.conversation import Conversation
from agents.conversation.uploads import SessionFiles
from agents.errors import BackendUnavailable
from agents.limits.limiter import PATIENCE_S, Limiter
from agents.limits.retry import RetryPolicy
from agents.protocol.attachments import Attach, attachment
from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerProposed,
    ResponseAbandoned,
    StreamChunk,
    ToolReturned,
    TurnRestarted,
)
from agents.tools.function import tool
from tests.agents.conftest import Asking, Recording, Staging

ANSWER: list[Any] = [{"answer": "Canberra"}]


def failing(status: int, times: int, **more: Any) -> list[Any]:
    """A script that fails so often, and then answers."""
    return [*([[{"error": {"status": status, **more}}]] * times), ANSWER]


def abandoned(said: Sequence[StreamChunk]) -> list[float]:
    return [round(c.retry_in_s, 6) for c in said if isinstance(c, ResponseAbandoned)]


@pytest.mark.parametrize("status", [503, 529])
async def test_an_overloaded_model_is_asked_for_minutes(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking, status: int
) -> None:
    backend = scripted(*failing(status, 25))
    async with stage(backend) as on:
        said = await on.play(ask.draft())
        assert anyio.current_time() > 300
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


async def test_overload_amid_a_stream_is_ridden_out_as_well(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    broken = [{"text": "Can"}, {"error": {"status": 529}}]
    async with stage(scripted(*([broken] * 12), ANSWER)) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


async def test_overload_is_ridden_out_for_no_longer_than_the_limit(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [{"error": {"status": 529}}]})
    async with stage(backend, overload_limit_s=100.0) as on:
        began = anyio.current_time()
        said = await on.play(ask.draft())
        took_s = anyio.current_time() - began
    assert isinstance(said[-1], AgentFailed)
    assert 60 < took_s <= 100


async def test_a_fallback_is_asked_before_overload_is_ridden_out(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [{"error": {"status": 529}}]})
    async with stage(backend, fallbacks=(scripted(ANSWER),)) as on:
        began = anyio.current_time()
        said = await on.play(ask.draft())
        assert anyio.current_time() - began < 30
    assert any(isinstance(chunk, TurnRestarted) for chunk in said)
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


@pytest.mark.parametrize(
    "error",
    [
        {"status": 400, "message": "Output blocked by content filtering policy"},
        {"status": 404, "message": "model: claude-3-opus-20240229"},
        {"status": 403, "message": "You don't have access to this model."},
    ],
)
@pytest.mark.parametrize("is_begun", [False, True])
async def test_what_a_model_declines_goes_to_the_fallback(
    stage: Staging,
    scripted: Callable[..., Recording],
    ask: Asking,
    error: dict[str, Any],
    *,
    is_begun: bool,
) -> None:
    before: list[Any] = [{"text": "Can"}] if is_begun else []
    backend = scripted([*before, {"error": error}])
    if is_begun and error["status"] == 403:
        pytest.skip("a permission is looked at before a stream begins")
    async with stage(backend, fallbacks=(scripted(ANSWER),)) as on:
        said = await on.play(ask.draft())
    assert len(backend.requests) == 1
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


async def test_what_is_wrong_with_the_request_goes_to_no_fallback(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    fallback = scripted(ANSWER)
    wrong = {"error": {"status": 400, "message": "tools: Tool names must be unique."}}
    async with stage(scripted([wrong]), fallbacks=(fallback,)) as on:
        said = await on.play(ask.draft())
    assert isinstance(said[-1], AgentFailed)
    assert not fallback.requests


@pytest.mark.parametrize("told", [{}, {"retry_after_s": 0}, {"retry_after_s": 0.01}])
async def test_what_is_told_of_a_wait_is_what_is_waited_and_grows(
    stage: Staging,
    scripted: Callable[..., Recording],
    ask: Asking,
    told: dict[str, float],
) -> None:
    backend = scripted(*failing(429, 9, **told))
    async with stage(backend, limiter=Limiter()) as on:
        began = anyio.current_time()
        said = await on.play(ask.draft())
        took_s = anyio.current_time() - began
    waits = abandoned(said)
    assert len(waits) == 9
    assert took_s == pytest.approx(sum(waits), abs=0.1)
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] >= 15


async def test_a_team_that_is_put_off_without_a_word_outlasts_the_minute() -> None:
    limiter, policy = Limiter(), RetryPolicy()
    asked_at: list[float] = []

    async def work(agent: AgentId) -> None:
        for failures in range(1, 40):
            asked_at.append(anyio.current_time())
            try:
                async with limiter.slot(agent) as slot:
                    if anyio.current_time() > 60:
                        slot.opened()
                        return
                    raise BackendUnavailable("429", is_rate_limit=True)  # noqa: TRY301  (as backends do)
            except BackendUnavailable as error:
                delay_s = policy.delay_s(error, failures, who=agent)
                assert delay_s is not None
                limiter.hold(delay_s)
        raise AssertionError("given up")

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(work, AgentId(f"agent{number}"))
    assert len(asked_at) < 60


class _Store:
    """Files that refuse the first uploads."""

    account = "a"
    has_container = False

    def __init__(self, refusals: int, wait_s: float | None) -> None:
        self.asked_at: list[float] = []
        self._refusals = refusals
        self._wait_s = wait_s

    async def upload(self, item: object) -> str:  # noqa: ARG002  (a store's)
        await anyio.lowlevel.checkpoint()
        self.asked_at.append(anyio.current_time())
        if len(self.asked_at) <= self._refusals:
            raise BackendUnavailable(
                "429", is_rate_limit=True, retry_after_s=self._wait_s
            )
        return "file_1"

    async def has(self, file_id: str) -> bool:
        await anyio.lowlevel.checkpoint()
        return bool(file_id)

    async def delete(self, file_id: str) -> None:  # noqa: ARG002  (the same)
        await anyio.lowlevel.checkpoint()

    async def download(self, file_id: str, limit_bytes: int) -> Any:
        raise NotImplementedError


class _WithFiles(Recording):
    def __init__(self, backend: Recording, files: _Store) -> None:
        super().__init__(backend)
        self.files = files


@pytest.mark.parametrize("wait_s", [30.0, None, 0.0])
async def test_uploads_that_meet_a_rate_limit_wait_as_told(
    stage: Staging,
    scripted: Callable[..., Recording],
    ask: Asking,
    wait_s: float | None,
) -> None:
    store = _Store(4, wait_s)
    item = attachment(b"words", Attach(source="a.txt", by="upload"), "a.txt")
    backend = _WithFiles(scripted(ANSWER), store)
    async with stage(backend, limiter=Limiter(), files=SessionFiles([item])) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    gaps = [b - a for a, b in zip(store.asked_at, store.asked_at[1:], strict=False)]
    assert min(gaps) >= (wait_s or 0.1)
    assert sum(gaps) == pytest.approx(sum(abandoned(said)), rel=0.8)


async def test_who_comes_to_upload_after_a_refusal_waits_for_it_to_pass() -> None:
    store = _Store(1, 20.0)
    items = [
        attachment(b"words", Attach(source=name, by="upload"), name)
        for name in ("a.txt", "b.txt")
    ]
    files = SessionFiles(items)
    backend: Any = _Holder(store)
    with pytest.raises(BackendUnavailable):
        await files.blocks_for(backend)
    await files.blocks_for(backend)
    assert store.asked_at[1] - store.asked_at[0] >= 20


class _Holder:
    def __init__(self, files: _Store) -> None:
        self.files = files


@pytest.mark.parametrize(
    "headers",
    [
        {"limit": "1", "remaining": "-1000000000"},
        {"limit": "1e-300", "remaining": "0"},
        {"limit": "0.001", "remaining": "1e308"},
        {"limit": "5", "remaining": "-inf"},
    ],
)
@pytest.mark.parametrize("kind", ["requests", "tokens", "input-tokens"])
async def test_no_header_stalls_a_team_for_long(
    headers: dict[str, str], kind: str
) -> None:
    limiter = Limiter()
    told = {f"anthropic-ratelimit-{kind}-{name}": v for name, v in headers.items()}
    for _ in range(3):
        began = anyio.current_time()
        async with limiter.slot(AgentId("ada")) as slot:
            slot.opened(told)
        assert anyio.current_time() - began <= PATIENCE_S


async def test_a_lost_container_is_left_out_and_the_turn_goes_on(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    gone = {"status": 400, "message": "container: container_1 has expired"}
    code = {"server_tool": "code_execution", "input": {"code": "1"}, "result": "1"}
    backend = scripted(
        [code, {"container": "container_1"}],
        [{"error": gone}],
        ANSWER,
    )
    async with stage(backend) as on:
        said = await on.play(ask.review(may_revise=True))
    assert [request.container for request in backend.requests] == [
        None,
        "container_1",
        None,
    ]
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


async def test_a_container_refused_once_is_not_left_out_for_ever(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    gone = {"status": 400, "message": "container: container_1 has expired"}
    backend = scripted([{"error": gone}])
    async with stage(backend) as on:
        said = await on.play(ask.draft())
    assert isinstance(said[-1], AgentFailed)
    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    "expires_at",
    [
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00",
        "2100-01-01T00:00:00Z",
        "soon",
    ],
)
async def test_a_container_is_not_named_once_it_has_expired(
    stage: Staging,
    scripted: Callable[..., Recording],
    ask: Asking,
    monkeypatch: pytest.MonkeyPatch,
    expires_at: str,
) -> None:
    named = None if expires_at.startswith("2020") else "container_1"
    monkeypatch.setattr("agents.backends.scripted.api_objects.EXPIRES_AT", expires_at)
    code = {"server_tool": "code_execution", "input": {"code": "1"}, "result": "1"}
    backend = scripted([code, {"container": "container_1"}], ANSWER)
    async with stage(backend) as on:
        await on.play(ask.review(may_revise=True))
    assert [request.container for request in backend.requests] == [None, named]


async def test_a_container_whose_loss_is_told_as_a_500_is_left_out_in_the_end(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    code = {"server_tool": "code_execution", "input": {"code": "1"}, "result": "1"}
    lost = [[{"error": {"status": 500}}]] * 6
    backend = scripted([code, {"container": "container_1"}], *lost, ANSWER)
    async with stage(backend) as on:
        said = await on.play(ask.review(may_revise=True))
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    assert [r.container for r in backend.requests[-2:]] == ["container_1", None]


BOUND = {
    "status": 400,
    "message": "messages.1.content.0: Invalid `signature` in `thinking` block. The "
    "block is bound to a different conversation.",
}
THINKS: list[Any] = [{"thinking": "Hm."}, {"tool": "look", "input": {}}]


@tool
async def look() -> str:
    """Look."""
    return "a map"


def thoughts_in(backend: Recording) -> list[bool]:
    return [
        any(b'"thinking"' in bytes(message.content) for message in request.messages)
        for request in backend.requests
    ]


async def test_thoughts_that_are_refused_are_left_out_and_the_turn_goes_on(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted(THINKS, [{"error": BOUND}], THINKS, ANSWER)
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    assert not any(isinstance(chunk, TurnRestarted) for chunk in said)
    assert thoughts_in(backend) == [False, True, False, True]


async def test_a_turn_whose_calls_are_refused_without_thoughts_begins_afresh(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    modified = {"status": 400, "message": "`thinking` blocks cannot be modified"}
    backend = scripted(THINKS, [{"error": BOUND}], [{"error": modified}], ANSWER)
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    assert [c.fallbacks for c in said if isinstance(c, TurnRestarted)] == [0]
    assert len(backend.requests[-1].messages) == 1


async def test_thoughts_refused_where_there_are_none_end_the_turn(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted([{"error": BOUND}])
    async with stage(backend) as on:
        said = await on.play(ask.draft())
    assert isinstance(said[-1], AgentFailed)
    assert len(backend.requests) == 1


PICTURE = {"status": 400, "message": "messages.2.content.0: Could not process image"}


async def test_a_result_that_is_refused_is_told_of_in_words_and_the_turn_goes_on(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted(THINKS, [{"error": PICTURE}], ANSWER)
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    results = [c for c in said if isinstance(c, ToolReturned)]
    assert [c.is_error for c in results] == [False, True]
    assert b"Could not process image" in bytes(
        backend.requests[-1].messages[-1].content
    )
    assert b"a map" not in bytes(backend.requests[-1].messages[-1].content)
    rebuilt = Conversation.rebuilt([(ask.draft(), said)])
    assert rebuilt.messages() == (
        *backend.requests[-1].messages,
        *rebuilt.messages()[len(backend.requests[-1].messages) :],
    )


async def test_a_request_that_is_refused_whatever_its_results_ends_the_turn(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted(THINKS, [{"error": PICTURE}], [{"error": PICTURE}])
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    assert isinstance(said[-1], AgentFailed)
    assert len(backend.requests) == 3


PENDING = {
    "status": 400,
    "message": "container_id is required when there are pending tool uses generated by "
    "code execution with tools.",
}


async def test_code_whose_container_is_gone_while_it_waits_begins_afresh(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    gone = {"status": 400, "message": "container: container_1 has expired"}
    backend = scripted(
        [{"tool": "look", "input": {}}, {"container": "container_1"}],
        [{"error": gone}],
        [{"error": PENDING}],
        ANSWER,
    )
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)
    assert len(backend.requests[-1].messages) == 1
    assert backend.requests[-1].container is None


async def test_a_container_that_code_found_expired_is_not_named_again(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    code = {"server_tool": "code_execution", "input": {"code": "1"}}
    backend = scripted(
        [code | {"result": "1"}, {"container": "container_1"}],
        [code | {"error_code": "container_expired"}],
        ANSWER,
    )
    async with stage(backend) as on:
        await on.play(ask.review(may_revise=True))
    named = [request.container for request in backend.requests]
    assert named == [None, "container_1", None]
