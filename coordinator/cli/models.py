"""``coordinator models``: what the models are, cost and can."""

from __future__ import annotations

import os
import sys
from functools import partial

import anyio
import msgspec

from agents.backends.claude.models import ModelInfo, known_models
from agents.errors import AgentError
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit
from coordinator.team.builder import KEY_VARIABLES

_ANY = "claude-haiku-5-5"
"""A backend has a model, though its list is asked for all."""


def models_command(*, is_json: bool) -> int:
    """Print every model: from the API's list with a key, from dated data without."""
    return at_the_boundary(partial(_print, is_json=is_json))


def _print(*, is_json: bool) -> int:
    load_environment(None)
    found, problem = known_models(), ""
    if any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        try:
            found = anyio.run(_listed)
        except AgentError as error:
            problem = str(error)
    if problem:
        sys.stderr.write(f"the API's list is not to be had: {problem}\n")
    if is_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return Exit.ANSWERED
    width = max(len(model.id) for model in found)
    sys.stdout.write(
        f"{'model':<{width}}  {'context':>9}  {'output':>7}  "
        f"{'in/out/cached USD per million':<29}  {'retires':<10}  can\n"
    )
    for model in found:
        sys.stdout.write(_row(model, width) + "\n")
    sources = ", ".join(dict.fromkeys(model.source for model in found))
    sys.stdout.write(f"\nFrom {sources}; prices are genai-prices' list prices.\n")
    return Exit.ANSWERED


async def _listed() -> tuple[ModelInfo, ...]:
    from agents.backends.claude.backend import ClaudeBackend  # noqa: PLC0415  (1 s)

    backend = ClaudeBackend(_ANY)
    try:
        return await backend.models()
    finally:
        await backend.aclose()


def _row(model: ModelInfo, width: int) -> str:
    usd = (model.input_usd, model.output_usd, model.cached_usd)
    prices = " / ".join("?" if each is None else f"{each:g}" for each in usd)
    retires = model.retires or ("" if model.lifecycle != "retired" else "retired")
    row = (
        f"{model.id:<{width}}  {_count(model.context_tokens):>9}  "
        f"{_count(model.output_tokens):>7}  {prices:<29}  {retires:<10}  "
        f"{'; '.join(model.capabilities)}"
    )
    return row.rstrip()


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
