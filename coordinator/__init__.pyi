"""What ``coordinator`` exports: the whole of its public surface.

Each name is written once, with where it lives; :mod:`agents.door` reads these lines
when a name is first used. What is not listed is private and may move.
"""

# A team.
from agents.agent import Agent as Agent
from coordinator.team.team import Team as Team
from coordinator.team.builder import load_team as load_team

# How it comes to one answer.
from coordinator.consensus.rules import Rules as Rules
from coordinator.consensus.settings import Straggler as Straggler
from coordinator.consensus.settings import LeaderFirst as LeaderFirst
from coordinator.consensus.settings import Shortlist as Shortlist
from coordinator.consensus.settings import Topology as Topology
from coordinator.consensus.settings import Adaptive as Adaptive
from coordinator.consensus.settings import Escalate as Escalate
from coordinator.consensus.settings import Division as Division
from coordinator.consensus.settings import Budget as Budget

# Sessions.
from coordinator.session.session import run as run
from coordinator.session.session import run_sync as run_sync
from coordinator.session.session import open_session as open_session
from coordinator.session.rubric_proposal import propose_rubric as propose_rubric
from coordinator.session.rubric_proposal import ProposedRubric as ProposedRubric
from coordinator.session.session import Session as Session
from coordinator.session.stream import stream as stream
from coordinator.session.stream import EventStream as EventStream
from coordinator.session.handle import SessionHandle as SessionHandle
from coordinator.session.resume import resume_session as resume_session
from coordinator.session.resume import branch_session as branch_session
from coordinator.recovery.follow_up import continued_from as continued_from
from coordinator.recovery.follow_up import Continued as Continued
from coordinator.session.options import OpenOptions as OpenOptions
from coordinator.session.options import SyncOptions as SyncOptions
from coordinator.session.options import ResumeOptions as ResumeOptions
from coordinator.session.options import BranchOptions as BranchOptions

# What comes of one.
from coordinator.protocol.result import Result as Result
from coordinator.protocol.result import AnswerRecord as AnswerRecord
from coordinator.protocol.result import DraftRecord as DraftRecord
from coordinator.protocol.result import VoteRecord as VoteRecord
from coordinator.protocol.result import AgentRecord as AgentRecord
from coordinator.protocol.result import CacheRecord as CacheRecord
from coordinator.protocol.result import FileRecord as FileRecord
from coordinator.protocol.explanation import Explanation as Explanation

# What goes wrong with one.
from coordinator import errors as errors
from coordinator.errors import CoordinatorError as CoordinatorError
from coordinator.errors import ConfigInvalid as ConfigInvalid
from coordinator.errors import JournalCorrupt as JournalCorrupt
from coordinator.errors import JournalUnavailable as JournalUnavailable
from coordinator.errors import ReplayDiffers as ReplayDiffers
from coordinator.errors import SessionFinished as SessionFinished
from coordinator.errors import NotAsked as NotAsked
from coordinator.errors import SessionLeft as SessionLeft
from coordinator.errors import NotInTeam as NotInTeam
from coordinator.errors import NoAnswers as NoAnswers

# Who watches.
from coordinator.displays.base import Display as Display
from coordinator.displays.base import Cast as Cast
from coordinator.displays.jsonl import JsonLinesDisplay as JsonLinesDisplay
from coordinator.displays.plain import PlainDisplay as PlainDisplay
from coordinator.displays.quiet import QuietDisplay as QuietDisplay
from coordinator.displays.rich import RichDisplay as RichDisplay

# What they see: chunks as they came, and what the machine decided.
from coordinator.protocol.events import Event as Event
from coordinator.protocol.events import Effect as Effect
from coordinator.protocol.events import Decision as Decision
from coordinator.protocol.events import StartTurn as StartTurn
from coordinator.protocol.events import CancelTurn as CancelTurn
from coordinator.protocol.events import TellAgent as TellAgent
from coordinator.protocol.events import ArmTimer as ArmTimer
from coordinator.protocol.events import Conclude as Conclude
from coordinator.protocol.events import AnswerAccepted as AnswerAccepted
from coordinator.protocol.events import ResultsCounted as ResultsCounted
from coordinator.protocol.events import RunChecks as RunChecks
from coordinator.protocol.events import CancelChecks as CancelChecks
from coordinator.protocol.events import AnswerChecked as AnswerChecked
from agents.protocol.checks import Check as Check
from agents.protocol.turns import Criterion as Criterion
from agents.protocol.checks import CheckResult as CheckResult
from coordinator.protocol.events import AnswerRefused as AnswerRefused
from coordinator.protocol.events import VoteCounted as VoteCounted
from coordinator.protocol.events import VoteRejected as VoteRejected
from coordinator.protocol.events import VotesVoided as VotesVoided
from coordinator.protocol.events import VotesCarried as VotesCarried
from coordinator.protocol.events import LiveBallots as LiveBallots
from coordinator.protocol.events import AnswerRestored as AnswerRestored
from coordinator.protocol.events import VetoIgnored as VetoIgnored
from coordinator.protocol.events import ChallengeOpened as ChallengeOpened
from coordinator.protocol.events import AgentRetired as AgentRetired
from coordinator.protocol.events import SlateFrozen as SlateFrozen
from coordinator.protocol.events import TeamGrown as TeamGrown
from coordinator.protocol.events import CommitteeDecided as CommitteeDecided
from coordinator.protocol.events import WinnerDecided as WinnerDecided
from coordinator.protocol.events import JournalLost as JournalLost
from agents.protocol.chunks import AgentId as AgentId
from agents.protocol.chunks import StreamChunk as StreamChunk
