"""``coordinator models``: what the models are, cost and can."""

from __future__ import annotations

import os
import sys
from functools import partial

import anyio
import msgspec

from agents.backends.claude.models import ModelInfo, known_models
from agents.backends.compatible.servers import SERVERS
from agents.errors import AgentError
from agents.limits.listed_models import listed_models
from agents.limits.model_makers import maker_of
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import KEY_VARIABLES

_PROVIDERS = {"openai": "openai", "grok": "x-ai", "gemini": "google"}
"""Makers, as team files call them → as the price list does."""

_ANY = "claude-haiku-5-5"
"""A backend has a model, though its list is asked for all."""


def models_command(*, is_json: bool, maker: str | None = None) -> int:
    """Print every model: from the API's list with a key, from dated data without.

    Args:
        is_json: Whether an array is wanted instead of a table.
        maker: Whose models, as team files write it before a name; ``None``: Claude's.
    """
    if maker is None or maker in {"claude", "anthropic"}:
        return at_the_boundary(partial(_print, is_json=is_json))
    return at_the_boundary(partial(_print_others, maker, is_json=is_json))


def _print_others(maker: str, *, is_json: bool) -> int:
    """Models of another maker, or of a server that has several makers'.

    Raises:
        ConfigInvalid: Nobody is called so, or it tells its models itself.
    """
    provider = _PROVIDERS.get(maker)
    if maker in SERVERS:
        provider = next(iter(SERVERS[maker].prices), None)
    if provider is None:
        if maker in SERVERS:
            way_out = f"ask it: coordinator doctor --server {maker}"
        else:
            way_out = f"use {', '.join((*_PROVIDERS, *SERVERS))}"
        raise ConfigInvalid(f"no list has the models of {maker!r}; {way_out}")
    models = listed_models(provider, maker)
    if provider == "google":  # which sells others' too, and we do not ask for those
        models = tuple(each for each in models if maker_of(each.id) == "google")
    if is_json:
        sys.stdout.write(msgspec.json.encode(models).decode() + "\n")
        return Exit.ANSWERED
    width = max(len(model.id) for model in models)
    sys.stdout.write(
        f"{'model':<{width}}  {'context':>9}  in/out/cached USD per million\n"
    )
    for each in models:
        usd = (each.input_usd, each.output_usd, each.cached_usd)
        prices = " / ".join("?" if one is None else f"{one:g}" for one in usd)
        context = _count(each.context_tokens)
        sys.stdout.write(f"{each.id:<{width}}  {context:>9}  {prices}\n")
    sys.stdout.write("\nFrom genai-prices; a server may have others.\n")
    return Exit.ANSWERED


def _print(*, is_json: bool) -> int:
    load_environment(None)
    models, problem = known_models(), ""
    if any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        try:
            models = anyio.run(_listed)
        except AgentError as error:
            problem = str(error)
    if problem:
        sys.stderr.write(f"the API's list is not to be had: {problem}\n")
    if is_json:
        sys.stdout.write(msgspec.json.encode(models).decode() + "\n")
        return Exit.ANSWERED
    width = max(len(model.id) for model in models)
    sys.stdout.write(
        f"{'model':<{width}}  {'context':>9}  {'output':>7}  "
        f"{'in/out/cached USD per million':<29}  {'retires':<10}  can\n"
    )
    for model in models:
        sys.stdout.write(_row(model, width) + "\n")
    sources = ", ".join(dict.fromkeys(model.source for model in models))
    sys.stdout.write(f"\nFrom {sources}; prices are genai-prices' list prices.\n")
    sys.stdout.write("Others': coordinator models --maker openai, grok, gemini, …\n")
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
