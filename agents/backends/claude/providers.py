"""Claude elsewhere than at its maker: Amazon Bedrock, Google Vertex, Microsoft Foundry.

The SDK's own clients do what these ask for: addresses, signatures, tokens. A client is
made here and nothing is sent. Proxies and a CA of one's own are taken from the
environment, as the SDK's client for HTTP takes them (``HTTPS_PROXY``,
``SSL_CERT_FILE``).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

import anthropic
import msgspec
from anthropic.lib.bedrock import AsyncAnthropicBedrockMantle
from anthropic.lib.foundry import AsyncAnthropicFoundry
from anthropic.lib.vertex import AsyncAnthropicVertex

Provider: TypeAlias = Literal["bedrock", "vertex", "foundry"]

_NEEDS = {"bedrock": "botocore", "vertex": "google.auth"}
"""The package that signs requests where no key is given; an extra of the SDK's."""
_ALSO_FROM = {
    ("bedrock", "region"): (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    ),
    ("vertex", "region"): ("CLOUD_ML_REGION",),
    ("vertex", "project"): ("ANTHROPIC_VERTEX_PROJECT_ID",),
    ("foundry", "resource"): (
        "ANTHROPIC_FOUNDRY_RESOURCE",
        "ANTHROPIC_FOUNDRY_BASE_URL",
    ),
    ("foundry", "key"): ("ANTHROPIC_FOUNDRY_API_KEY",),
}
"""Required settings of each provider, and the variables in which the SDK looks for
them (2.12.0, read 2026-11-23)."""
KEYS = ("api_key", "auth_token", "access_token")
"""Names of the keys in the SDK's clients."""
_MORE_SECRETS = ("aws_secret_key", "aws_session_token", "aws_access_key")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider runs the model."""

    provider: Provider
    region: str | None = None
    """Bedrock and Vertex: e.g. ``eu-west-1``; else the provider's own variable."""
    project: str | None = None
    """Vertex."""
    resource: str | None = None
    """Foundry."""


def provider_client(
    place: Place,
    api_key: str | None,
    base_url: str | None,
    **common: Any,  # noqa: ANN401  (what the SDK's clients take alike)
) -> Any:  # noqa: ANN401  (one of three classes with nothing but methods in common)
    """Make the SDK's client for ``place``.

    Args:
        place: Where.
        api_key: The provider's key, or Vertex' access token; ``None``: as the SDK finds
            one, in the provider's own variables and files.
        base_url: ``None``: the provider's.
        common: The client for HTTP, timeouts, retries.

    Raises:
        ValueError: Something that the provider needs is missing; with the way out.
    """
    _check_extra(place.provider, has_key=api_key is not None)
    _check_needs(place, api_key, base_url)
    try:
        match place.provider:
            case "bedrock":
                return AsyncAnthropicBedrockMantle(
                    aws_region=place.region,
                    api_key=api_key,
                    base_url=base_url,
                    **common,
                )
            case "vertex":
                settings = {"region": place.region, "project_id": place.project}
                return AsyncAnthropicVertex(
                    access_token=api_key,
                    base_url=base_url,
                    **{name: value for name, value in settings.items() if value},
                    **common,
                )
            case "foundry":
                # Its overloads know no keywords that come as a mapping.
                foundry: Any = AsyncAnthropicFoundry
                return foundry(
                    resource=None if base_url else place.resource,
                    api_key=api_key,
                    base_url=base_url,
                    **common,
                )
    except (anthropic.AnthropicError, ValueError, RuntimeError) as exc:
        raise ValueError(f"provider {place.provider}: {exc}") from None


def secrets_of(client: object) -> tuple[str, ...]:
    """All that must not be seen of what ``client`` was made with."""
    values = (getattr(client, name, None) for name in (*KEYS, *_MORE_SECRETS))
    return tuple(str(secret) for secret in values if isinstance(secret, str) and secret)


def _check_extra(provider: str, *, has_key: bool) -> None:
    needed = _NEEDS.get(provider)
    if needed is None or has_key or _is_installed(needed):
        return
    raise ValueError(
        f"provider {provider} without a key of its own needs {needed}, which is not "
        f"installed; pip install 'anthropic[{provider}]', or name a key as api_key_env"
    )


def _check_needs(place: Place, api_key: str | None, base_url: str | None) -> None:
    """Say in our words what is missing; the SDK says it in its parameters'."""
    settings = {"region": place.region, "project": place.project, "key": api_key}
    settings["resource"] = place.resource
    spared: set[str] = set()
    if base_url and place.provider != "vertex":
        spared = {"region", "resource"}  # they are but a part of the address
    if api_key is None:
        spared.add("project")  # who signs in belongs to one
    for (provider, name), variables in _ALSO_FROM.items():
        if provider != place.provider or settings[name] or name in spared:
            continue
        if not any(os.environ.get(variable) for variable in variables):
            way = "'api_key_env: …'" if name == "key" else f"'{name}: …'"
            raise ValueError(
                f"provider {provider} needs a {name}; add {way}, or set {variables[0]}"
            )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
