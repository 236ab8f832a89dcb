"""The tools that one response calls: approved where they must be, then run.

They run side by side, but for those that share a state, which say so by the name of
their ``serial`` group: these run one after the other, in the response's order.

What a tool does is :mod:`agents.tools.execution`'s; whether a call hands in the turn's
work is :mod:`agents.actor.turn_runner`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Literal

import anyio

from agents.boundary.guard import class_name, log_error, text_attribute, words_of
from agents.boundary.plain_tools import PlainTool, plain_tool
from agents.boundary.root import RootTask
from agents.conversation import prompts
from agents.protocol.chunks import AgentId, StatusChanged, ToolCalled, ToolReturned
from agents.tools.approval import Approved, Refused
from agents.tools.execution import CANCELLED_S, Returned, failure, run_call
from agents.tools.workflow import WORKFLOW_NAMES

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.agent import Agent
    from agents.conversation.conversation import Conversation
    from agents.recovery.turn_replay import Memory


class Calling:
    """Runs the tools of ``agent``; results go to its conversation and to readers.

    Args:
        agent: Whose tools they are.
        conversation: What the model reads next.
        voice: Publishes.
        memory: What an earlier process has run of the turn already, if there was one.
    """

    def __init__(
        self,
        agent: Agent,
        conversation: Conversation,
        voice: Voice,
        memory: Memory | None,
    ) -> None:
        self._agent = agent
        self._conversation = conversation
        self._voice = voice
        self._memory = memory

    async def run(
        self,
        calls: Sequence[ToolCalled],
        offered: AbstractSet[str],
        problem: str,
        *,
        instead: str = "",
    ) -> bool:
        """Run ``calls`` side by side and publish each result as it comes.

        Args:
            calls: What a response calls.
            offered: Names of the tools that hand in work, which are not run.
            problem: Why what was handed in does not do.
            instead: What the model is told that hands in what is not asked for now.

        Returns:
            Whether there was anything to run.
        """
        tools = {tool.name: tool for tool in map(plain_tool, self._agent.tools)}
        names = ", ".join(sorted(tools.keys() | offered)) or "none"
        runnable: list[tuple[PlainTool, ToolCalled]] = []
        did_run = False
        for call in calls:
            before = self._memory.returned(call.id) if self._memory else None
            did_run |= call.name in tools
            if before is not None:
                self._conversation.returned(before)
            elif call.name in tools and self._is_lost(tools[call.name], call):
                await self._return(
                    call, failure(prompts.INTERRUPTED.format(tool=call.name))
                )
            elif call.name in tools:
                runnable.append((tools[call.name], call))
            elif call.name in offered:
                await self._return(call, failure(problem))
            elif call.name in WORKFLOW_NAMES:
                text = f"{call.name} is not asked for now. {instead}".rstrip()
                await self._return(call, failure(text))
            else:
                text = f"there is no tool {call.name!r} now; the tools are: {names}"
                await self._return(call, failure(text))
        if not runnable:
            return did_run
        await self._say("running_tools", *(call for _, call in runnable))
        if any(self._is_held(tool, call) for tool, call in runnable):
            # Neither may begin before the response that asks for it can be read again:
            # a process that dies in a tool would have it called a second time.
            await self._voice.recorded()
        last_of: dict[str, anyio.Event] = {}
        async with anyio.create_task_group() as group:
            for tool, call in runnable:
                serial = tool.serial
                done = anyio.Event()
                earlier = last_of.get(serial) if serial else None
                if serial:
                    last_of[serial] = done
                group.start_soon(
                    self._run_in_turn, tool, call, earlier, done, name=call.name
                )
        return True

    async def _run_in_turn(
        self,
        tool: PlainTool,
        call: ToolCalled,
        earlier: anyio.Event | None,
        done: anyio.Event,
    ) -> None:
        """Run ``call`` once the ``earlier`` one of its group is done, if there is."""
        try:
            await self._run(tool, call, earlier)
        finally:
            done.set()

    def _is_lost(self, tool: PlainTool, call: ToolCalled) -> bool:
        """Whether a call of an earlier process must not be made again.

        One that somebody had yet to approve was not made, and is put to them again.
        """
        memory = self._memory
        if memory is None or memory.was_waiting(call.id):
            return False
        return not tool.rerunnable

    def _is_held(self, tool: PlainTool, call: ToolCalled) -> bool:
        """Whether the call waits for its record: it, or the question about it."""
        is_asked_about = self._agent.approval.is_needed(call.name)
        return is_asked_about or not tool.rerunnable

    async def _run(
        self, tool: PlainTool, call: ToolCalled, earlier: anyio.Event | None
    ) -> None:
        refused = await self._refusal(tool, call)
        if earlier is not None:
            await earlier.wait()
        if refused is not None:
            problem = f"it was not run: {refused.reason}"
            await self._return(call, failure(problem))
            return
        limit_s = self._agent.tool_timeout_s
        if self._voice.trace is None:
            returned = await run_call(tool, call, limit_s)
        else:
            with self._voice.trace.tool(call) as traced:
                returned = await run_call(tool, call, limit_s)
                traced.append((bytes(returned.content), returned.is_error))
        await self._return(call, returned)

    async def _refusal(self, tool: PlainTool, call: ToolCalled) -> Refused | None:
        """Ask whoever must approve the call, if anybody must."""
        approval = self._agent.approval
        if not approval.is_needed(call.name):
            return None
        await self._say("asking_approval", call)
        verdict = await self._verdict(call)
        if isinstance(verdict, Refused):
            return verdict
        # Said before it runs: a session that goes on must know that it may have run.
        await self._say("running_tools", call)
        if not tool.rerunnable:
            await self._voice.recorded()
        return None

    async def _verdict(self, call: ToolCalled) -> Approved | Refused:
        """The approver's decision; anything but an approval is a refusal."""
        approver = self._agent.approval.approver
        who = f"approver of {call.name}"
        task = RootTask(who, lambda: approver(AgentId(self._agent.id), call))
        await task.finish(CANCELLED_S)
        if task.error is not None:
            log_error(who, task.error)
            return Refused(f"whoever approves it failed: {words_of(task.error)}")
        # By its type: isinstance would ask the verdict, which may answer anything.
        kind = type(task.value)
        if issubclass(kind, Approved):
            return Approved()
        if issubclass(kind, Refused):
            return Refused(text_attribute(task.value, "reason", "no reason is told"))
        name = class_name(task.value)
        return Refused(f"whoever approves it answered {name}, not Approved()")

    async def _say(
        self,
        status: Literal["running_tools", "asking_approval"],
        *calls: ToolCalled,
    ) -> None:
        names = ", ".join(call.name for call in calls)
        ids = tuple(call.id for call in calls)
        await self._voice.say(
            StatusChanged(**self._voice.stamp(), status=status, detail=names, calls=ids)
        )

    async def _return(self, call: ToolCalled, returned: Returned) -> None:
        chunk = ToolReturned(
            **self._voice.stamp(),
            id=call.id,
            name=call.name,
            content=returned.content,
            is_error=returned.is_error,
            elapsed_s=returned.elapsed_s,
        )
        chunk = self._voice.redactor.cleaned(chunk)
        self._conversation.returned(chunk)
        await self._voice.say(chunk)
