"""A person's yes counts for the call that the person was shown, and no other."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from agents.protocol.chunks import AgentId, Seq, ToolCalled, TurnNumber
from agents.tools.approval import Approved, Refused, Verdict
from coordinator.cli.approvals import Approvals

YES = Approved()


def call(name: str) -> ToolCalled:
    return ToolCalled(
        agent=AgentId("ada"),
        turn=TurnNumber(1),
        seq=Seq(0),
        at=0.0,
        block=0,
        id=name,
        name=name,
        input=msgspec.Raw(b"{}"),
    )


class Asking:
    """Asks for two calls, one after the other, and shows the first to a person."""

    def __init__(self, approvals: Approvals) -> None:
        self.approvals = approvals
        self.verdicts: dict[str, Verdict] = {}

    async def begin(self, group: anyio.abc.TaskGroup, name: str) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        group.start_soon(self._ask, name, scope)
        await anyio.wait_all_tasks_blocked()
        return scope

    async def _ask(self, name: str, scope: anyio.CancelScope) -> None:
        with scope:
            self.verdicts[name] = await self.approvals(AgentId("ada"), call(name))


async def test_a_yes_to_a_call_that_was_withdrawn_runs_no_other() -> None:
    approvals = Approvals(is_attended=True)
    asking = Asking(approvals)
    async with anyio.create_task_group() as group, aclosing(approvals.asked()) as asked:
        listing = await asking.begin(group, "list_files")
        await asking.begin(group, "delete_files")
        assert (await anext(asked)).call.name == "list_files"
        listing.cancel("its turn is over")
        await anyio.wait_all_tasks_blocked()
        assert (await anext(asked)).call.name == "delete_files"
        assert "say it again" in approvals.settle(YES)
        assert not asking.verdicts
        assert approvals.settle(YES) == ""
    assert asking.verdicts == {"delete_files": YES}


async def test_a_second_yes_does_not_count_for_a_call_not_yet_shown() -> None:
    approvals = Approvals(is_attended=True)
    asking = Asking(approvals)
    async with anyio.create_task_group() as group, aclosing(approvals.asked()) as asked:
        await asking.begin(group, "list_files")
        await asking.begin(group, "delete_files")
        await anext(asked)
        assert approvals.settle(YES) == ""
        assert "delete_files" in approvals.settle(YES)
        approvals.leave()
    assert asking.verdicts["list_files"] == YES
    assert isinstance(asking.verdicts["delete_files"], Refused)


async def test_a_verdict_without_a_call_is_told_so() -> None:
    approvals = Approvals(is_attended=True)
    await anyio.lowlevel.checkpoint()
    assert approvals.settle(YES) == "no tool waits for a yes now"
