"""Names of the GenAI conventions, in both generations. Data.

All of them are in development and move: the first are what instrumentations emit today,
the second the newest draft (open-telemetry/semantic-conventions-genai, read
2026-11-30). A program chooses by ``OTEL_SEMCONV_STABILITY_OPT_IN``. Ours are under
``coordinator.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
NEWEST = "gen_ai_latest_experimental"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_YES = frozenset({"true", "1", "span_only", "span_and_event"})

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION = "gen_ai.conversation.id"
WORKFLOW = "gen_ai.workflow.name"
AGENT = "gen_ai.agent.name"
ASKED_MODEL = "gen_ai.request.model"
MAX_TOKENS = "gen_ai.request.max_tokens"
STREAM = "gen_ai.request.stream"
MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH = "gen_ai.response.finish_reasons"
FIRST_CHUNK_S = "gen_ai.response.time_to_first_chunk"
INPUT = "gen_ai.usage.input_tokens"
OUTPUT = "gen_ai.usage.output_tokens"
CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
REASONING = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  (a kind of tokens)
TOOL = "gen_ai.tool.name"
TOOL_CALL = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
SYSTEM = "gen_ai.system_instructions"
SENT = "gen_ai.input.messages"
RECEIVED = "gen_ai.output.messages"
ERROR = "error.type"

TASK = "coordinator.task"
TURN = "coordinator.turn"
CALL = "coordinator.call"
OUTCOME = "coordinator.outcome"
LABEL = "coordinator.label"
COST_USD = "coordinator.cost_usd"
LINK = "coordinator.link"
"""Of a link: ``retry`` of an earlier call, or an answer that is ``read``."""

SECONDS: tuple[float, ...] = tuple(0.01 * 2**n for n in range(14))
TOKENS = tuple(float(4**n) for n in range(14))
"""Bounds that the conventions advise."""


class Profile(NamedTuple):
    """The names that differ between the generations."""

    cache_write: str
    duration: str
    first_chunk: str
    token_histogram: str | None
    """One for both kinds of tokens; ``None``: a counter for each."""


STABLE = Profile(
    cache_write="gen_ai.usage.cache_creation.input_tokens",
    duration="gen_ai.client.operation.duration",
    first_chunk="gen_ai.client.operation.time_to_first_chunk",
    token_histogram="gen_ai.client.token.usage",  # noqa: S106  (a metric's name)
)
LATEST = Profile(
    cache_write="gen_ai.usage.cache_write.input_tokens",
    duration="gen_ai.client.inference.duration",
    first_chunk="gen_ai.client.inference.time_to_first_chunk",
    token_histogram=None,
)
COUNTERS = "gen_ai.client.inference.usage."
"""The prefix of the newest draft's counters of tokens."""
WORKFLOW_S = "gen_ai.workflow.duration"
AGENT_S = "gen_ai.invoke_agent.duration"
TOOL_S = "gen_ai.execute_tool.duration"

PROVIDERS = {
    "claude": "anthropic",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "foundry": "azure.ai.inference",
    "gemini": "gcp.gemini",
    "grok": "x_ai",
}
"""Ours → the conventions'; others are called as they are."""


def profile_of(environment: Mapping[str, str]) -> Profile:
    """The generation that a program wants."""
    wanted = environment.get(OPT_IN, "").replace(" ", "").split(",")
    return LATEST if NEWEST in wanted else STABLE


def has_content(environment: Mapping[str, str]) -> bool:
    """Whether a program wants what is said in its spans."""
    return environment.get(CONTENT, "").strip().lower() in _YES
