"""Any server that speaks Chat Completions or Messages, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agents.backends.compatible.servers import (
    PLAIN,
    SERVERS,
    ServerProfile,
)
from agents.backends.compatible.settings import CompatibleSettings, as_chat
from agents.backends.dialects.chat.reader import Translator as ChatReader
from agents.backends.dialects.chat.writer import body as chat_body
from agents.backends.dialects.errors import allowances, error_for, limits_of
from agents.backends.dialects.messages.plain_body import plain_body
from agents.backends.dialects.messages.reader import Translator as MessagesReader
from agents.backends.transport.endpoint import Endpoint, bearer
from agents.backends.transport.http_backend import (
    HttpBackend,
    Price,
    Reader,
    Speech,
    options_over,
)
from agents.limits.model_makers import maker_of
from agents.limits.stated_price import Given, ModelPrice
from agents.protocol.stamper import Pen


class CompatibleBackend(HttpBackend):
    """A model of a server that is compatible with OpenAI's API or Anthropic's.

    Args:
        model: As the server names it.
        server: One of :data:`~agents.backends.compatible.servers.SERVERS`, or ``None``
            for any other, by its address.
        api_key: ``None``: as the server's variable says; some ask for none.
        base_url: ``None``: the server's. What paths are added to, so with ``/v1`` where
            the server has that (without, for Messages).
        proxy: The URL of one for HTTP; ``None``: as ``HTTPS_PROXY`` and its kin say.
        ca_file: PEM certificates to trust beside those that are trusted anyway.
        idle_limit_s: How long a stream may be silent before it counts as stalled.
        price: What tokens cost, or ``free``; local models are free unless it is said.
        settings: Everything else, as :class:`CompatibleSettings` has it.

    Raises:
        ValueError: A setting cannot be, the server is unknown, or has no address or
            key.
        TypeError: A setting is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        server: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        idle_limit_s: float = 120.0,
        price: Given = None,
        **settings: Any,  # noqa: ANN401  (CompatibleSettings' fields, checked by it)
    ) -> None:
        self._settings = CompatibleSettings(model=model, **settings)
        profile = profile_of(server, base_url)
        key = api_key or (profile.key and os.environ.get(profile.key)) or None
        if key is None and profile.key is not None and base_url is None:
            raise ValueError(f"there is no key; set {profile.key}")
        headers, secrets = bearer(key)
        api = self._settings.api or profile.api
        if api == "messages":
            headers = {"anthropic-version": "2023-06-01"}
            if key is not None:
                headers["x-api-key"] = secrets[0]
        endpoint = Endpoint(
            base_url or profile.base_url,
            headers,
            secrets=secrets,
            error_for=error_for,
            idle_limit_s=idle_limit_s,
            proxy=proxy,
            ca_file=ca_file,
        )

        def again(options: dict[str, Any]) -> Speech:
            for name in ("enable_web_search", "enable_code_execution"):
                if options.pop(name, False):
                    raise ValueError(f"{name}: this server runs no such tool")
            new_settings = CompatibleSettings(**options_over(self._settings, options))
            return _speech(new_settings, profile, endpoint.server)

        stated_price: Given = price
        if stated_price is None and (profile.is_local or is_local(endpoint.host)):
            stated_price = "free"
        super().__init__(
            model,
            endpoint,
            _speech(self._settings, profile, endpoint.server),
            price=ModelPrice(profile.prices, stated_price),
            maker=profile.maker or maker_of(model),
            again=again,
        )


def is_local(host: str) -> bool:
    """Whether a server is on this machine; what it says costs nothing."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def profile_of(server: str | None, base_url: str | None) -> ServerProfile:
    """How a server wants to be asked.

    Raises:
        ValueError: It is unknown, or has no address.
    """
    if server is None:
        if base_url is None:
            there = ", ".join(SERVERS)
            raise ValueError(f"there is no base_url; add it, or a server: {there}")
        return PLAIN
    if server not in SERVERS:
        there = ", ".join(SERVERS)
        raise ValueError(f"server {server!r} is unknown; there are {there}")
    return SERVERS[server]


def _speech(
    settings: CompatibleSettings, profile: ServerProfile, server: str
) -> Speech:
    if (settings.api or profile.api) == "messages":
        return _messages(settings, server)
    return _chat(settings, profile)


def _chat(settings: CompatibleSettings, profile: ServerProfile) -> Speech:
    chat_settings = as_chat(settings, profile)
    return Speech(
        path="chat/completions",
        body=lambda request, by: chat_body(chat_settings, request, by),
        reader=ChatReader,
        limits=limits_of,
        allowances=allowances,
    )


def _messages(settings: CompatibleSettings, server: str) -> Speech:
    def reader(pen: Pen, price: Price, _by: str, _names: Mapping[str, str]) -> Reader:
        return MessagesReader(pen, price, model=settings.model)

    has_version = server.rstrip("/").endswith("/v1")
    return Speech(
        path="messages" if has_version else "v1/messages",
        body=lambda request, _by: plain_body(
            request,
            settings.model,
            max_tokens=settings.max_tokens,
            extra=settings.extra,
        ),
        reader=reader,
        limits=limits_of,
        allowances=allowances,
    )
