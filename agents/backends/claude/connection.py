"""The SDK's client: made for a place and a key, on a transport that can be tapped."""

from __future__ import annotations

import os
import re
from typing import Any, TypeVar

import anthropic
import httpx2

from agents.backends.claude.providers import KEYS, Place, provider_client
from agents.backends.transport.api_keys import clean_key
from agents.backends.transport.body_reader import tap
from agents.backends.transport.clients import make_client, timeout

Client = TypeVar("Client")


def connect(
    api_key: str | None,
    base_url: str | None,
    idle_limit_s: float,
    place: Place | None = None,
    *,
    proxy: str | None = None,
    ca_file: str | None = None,
) -> anthropic.AsyncAnthropic:
    """Make a client whose responses can be read from the socket.

    Args:
        api_key: ``None``: as the SDK finds one.
        base_url: ``None``: as the SDK finds one.
        idle_limit_s: How long the transport waits for more, in seconds.
        place: Who runs the model, if not its maker.
        proxy: Its URL; ``None``: as the environment says.
        ca_file: Certificates to trust beside those that are trusted anyway.

    Raises:
        ValueError: ``base_url`` or ``proxy`` is no URL, ``ca_file`` has no
            certificates, or a provider lacks something.
    """
    times = timeout(idle_limit_s)
    # Keys are kept in files, and files end in a line feed.
    api_key = api_key.strip() if api_key else None
    http = make_client(anthropic.DefaultAsyncHttpxClient, idle_limit_s, proxy, ca_file)
    common: dict[str, Any] = {
        "max_retries": 0,
        "timeout": times,
        "http_client": tap(http),
    }
    try:
        if place is not None:
            return provider_client(place, api_key, base_url, **common)
        address = _api_address(base_url or os.environ.get("ANTHROPIC_BASE_URL"))
        return anthropic.AsyncAnthropic(api_key=api_key, base_url=address, **common)
    except httpx2.InvalidURL as exc:
        raise ValueError(f"base_url {base_url!r} is no URL: {exc}") from exc


def _api_address(base_url: str | None) -> str | None:
    """``base_url`` without the version, which the SDK adds itself.

    Gateways' manuals give their address with it, because other makers' SDKs want it.
    """
    return None if not base_url else _VERSION.sub("", base_url.strip())


_VERSION = re.compile(r"/+v1(?:/+messages)?/*$")


def with_clean_keys(client: Client) -> Client:
    """A client of the SDK's, its keys freed of blanks, wherever it found them.

    Raises:
        ValueError: One is blank, or has a line feed or the like within it. The message
            does not quote it.
    """
    for name in KEYS:
        key = getattr(client, name, None)
        if isinstance(key, str):
            setattr(client, name, clean_key(key))
    return client
