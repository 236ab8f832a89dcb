"""What ``agents`` exports: the whole of its public surface.

Each name is written once, with where it lives; :mod:`agents.door` reads these lines
when a name is first used. What is not listed is private and may move.
"""

# An agent, and what it runs on.
from agents.agent import Agent as Agent
from agents.backends.claude.backend import ClaudeBackend as ClaudeBackend
from agents.backends.claude_code.backend import ClaudeCodeBackend as ClaudeCodeBackend
from agents.backends.scripted.backend import ScriptedBackend as ScriptedBackend
from agents.backends.function.backend import FunctionBackend as FunctionBackend
from agents.backends.function.reply import Answer as Answer
from agents.backends.function.reply import Thought as Thought
from agents.backends.function.reply import ToolCall as ToolCall
from agents.backends.function.reply import Vote as Vote
from agents.backends.scripted.script import Script as Script
from agents.backends.scripted.script import ScriptInvalid as ScriptInvalid
from agents.backends.scripted.script import parse_script as parse_script
from agents.actor.person import Person as Person

# What it can do.
from agents.tools.function import tool as tool
from agents.tools.function import FunctionTool as FunctionTool
from agents.tools.schema_tool import SchemaTool as SchemaTool
from agents.tools.base import Tool as Tool
from agents.tools.base import Toolbox as Toolbox
from agents.tools.base import ToolResult as ToolResult
from agents.mcp.server_config import McpServer as McpServer
from agents.mcp.toolbox import McpToolbox as McpToolbox
from agents.tools.approval import Approval as Approval
from agents.tools.approval import Approved as Approved
from agents.tools.approval import Refused as Refused

# Files that go with a question.
from agents.protocol.attachments import Attach as Attach

# A backend of one's own.
from agents.protocol.backend import Backend as Backend
from agents.protocol.backend import Request as Request
from agents.protocol.backend import Message as Message
from agents.protocol.backend import ToolSpec as ToolSpec
from agents.protocol.backend import KnownTool as KnownTool
from agents.protocol.stamper import Pen as Pen

# What agents are asked.
from agents.protocol.turns import Turn as Turn
from agents.protocol.turns import Draft as Draft
from agents.protocol.turns import Review as Review
from agents.protocol.turns import Present as Present
from agents.protocol.turns import Divide as Divide
from agents.protocol.turns import Work as Work
from agents.protocol.turns import BallotForm as BallotForm
from agents.protocol.turns import VisibleAnswer as VisibleAnswer
from agents.protocol.turns import News as News
from agents.protocol.turns import Earlier as Earlier

# What goes wrong with one agent.
from agents import errors as errors

# What is said: chunks, and what they hold.
from agents.protocol.chunks import StreamChunk as StreamChunk
from agents.protocol.chunks import Chunk as Chunk
from agents.protocol.chunks import TurnStarted as TurnStarted
from agents.protocol.chunks import StatusChanged as StatusChanged
from agents.protocol.chunks import ResponseAbandoned as ResponseAbandoned
from agents.protocol.chunks import TurnRestarted as TurnRestarted
from agents.protocol.chunks import TurnEnded as TurnEnded
from agents.protocol.chunks import AgentFailed as AgentFailed
from agents.protocol.chunks import AnswerProposed as AnswerProposed
from agents.protocol.chunks import VoteCast as VoteCast
from agents.protocol.chunks import AnswerPresented as AnswerPresented
from agents.protocol.chunks import RestartRequested as RestartRequested
from agents.protocol.chunks import TaskDivided as TaskDivided
from agents.protocol.chunks import PartCompleted as PartCompleted
from agents.protocol.chunks import ResponseOpened as ResponseOpened
from agents.protocol.chunks import ResponseStarted as ResponseStarted
from agents.protocol.chunks import BlockStarted as BlockStarted
from agents.protocol.chunks import TextDelta as TextDelta
from agents.protocol.chunks import ThinkingDelta as ThinkingDelta
from agents.protocol.chunks import SignatureDelta as SignatureDelta
from agents.protocol.chunks import ToolInputDelta as ToolInputDelta
from agents.protocol.chunks import CitationAdded as CitationAdded
from agents.protocol.chunks import CompactionDelta as CompactionDelta
from agents.protocol.chunks import BlockDelta as BlockDelta
from agents.protocol.chunks import BlockEnded as BlockEnded
from agents.protocol.chunks import ToolCalled as ToolCalled
from agents.protocol.chunks import ToolReturned as ToolReturned
from agents.protocol.chunks import ServerToolCalled as ServerToolCalled
from agents.protocol.chunks import ServerToolReturned as ServerToolReturned
from agents.protocol.chunks import ItemCompleted as ItemCompleted
from agents.protocol.chunks import ContextEdited as ContextEdited
from agents.protocol.chunks import ToolsOffered as ToolsOffered
from agents.protocol.chunks import UsageReported as UsageReported
from agents.protocol.chunks import ResponseEnded as ResponseEnded
from agents.protocol.chunks import Ping as Ping
from agents.protocol.chunks import Unrecognized as Unrecognized
from agents.protocol.chunks import AgentId as AgentId
from agents.protocol.chunks import Label as Label
from agents.protocol.chunks import TurnNumber as TurnNumber
from agents.protocol.chunks import Ballot as Ballot
from agents.protocol.chunks import Choice as Choice
from agents.protocol.chunks import Ranking as Ranking
from agents.protocol.chunks import Scores as Scores
from agents.protocol.chunks import Part as Part
from agents.protocol.chunks import Usage as Usage
from agents.protocol.chunks import UsagePart as UsagePart
from agents.protocol.chunks import Allowance as Allowance
from agents.protocol.citations import Citation as Citation
