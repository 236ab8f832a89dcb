"""OpenAI over HTTP, by the Responses API or by Chat Completions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agents.backends.dialects.chat.reader import Translator as ChatReader
from agents.backends.dialects.chat.writer import body as chat_body
from agents.backends.dialects.errors import allowances, error_for, limits_of
from agents.backends.dialects.responses.reader import Translator as ResponsesReader
from agents.backends.dialects.responses.writer import body as responses_body
from agents.backends.openai.settings import (
    OpenAISettings,
    as_chat,
    as_responses,
    check,
)
from agents.backends.openai.sign_in import (
    SignIn,
    TokenProvider,
    workload_sign_in,
)
from agents.backends.transport.api_keys import found_key
from agents.backends.transport.endpoint import Endpoint, bearer
from agents.backends.transport.http_backend import HttpBackend, Speech, options_over
from agents.limits.stated_price import Given, ModelPrice

BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLES = ("OPENAI_API_KEY",)


class OpenAIBackend(HttpBackend):
    """A model of OpenAI's.

    Args:
        model: E.g. ``gpt-5.6``; on Azure the deployment's name.
        api_key: ``None``: ``OPENAI_API_KEY``, or ``AZURE_OPENAI_API_KEY`` on Azure.
        base_url: ``None``: ``OPENAI_BASE_URL`` or the API itself.
        token_provider: Instead of a key: gives a token of Entra ID for each request,
            e.g. ``azure.identity.aio.get_bearer_token_provider(…)``.
        workload_identity: Instead of a key: signs in as a service account; see
            :func:`agents.backends.openai.sign_in.workload_sign_in`.
        resource: Of Azure: asks ``https://RESOURCE.openai.azure.com/openai/v1``.
        proxy: The URL of one for HTTP; ``None``: as ``HTTPS_PROXY`` and its kin say.
        ca_file: PEM certificates to trust beside those that are trusted anyway.
        idle_limit_s: How long a stream may be silent before it counts as stalled.
        price: What tokens cost, where the price list does not say.
        settings: Everything else, as :class:`OpenAISettings` has it.

    Raises:
        ValueError: A setting cannot be, there is no key, or ``base_url`` is no URL.
        TypeError: A setting is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        token_provider: TokenProvider | None = None,
        workload_identity: Mapping[str, Any] | None = None,
        resource: str | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        idle_limit_s: float = 120.0,
        price: Given = None,
        **settings: Any,  # noqa: ANN401  (OpenAISettings' fields, checked by it)
    ) -> None:
        self._settings = OpenAISettings(model=model, **settings)
        check(self._settings)
        is_azure = resource is not None
        signs: SignIn | None = None
        key: str | None = None
        if token_provider is not None:
            signs = SignIn(token_provider)
        elif workload_identity is not None:
            signs = workload_sign_in(workload_identity)
        elif is_azure:
            key = found_key(api_key, "AZURE_OPENAI_API_KEY")
        else:
            key = found_key(api_key, *KEY_VARIABLES)
        headers, secrets = bearer(key)
        if is_azure and key is not None:
            headers = {"api-key": key}
        named = base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL
        if is_azure:
            named = base_url or f"https://{resource}.openai.azure.com/openai/v1"
        endpoint = Endpoint(
            named,
            headers,
            secrets=secrets,
            error_for=error_for,
            idle_limit_s=idle_limit_s,
            proxy=proxy,
            ca_file=ca_file,
            signs=signs,
        )

        def again(options: dict[str, Any]) -> Speech:
            return _speech(with_options(self._settings, options))

        super().__init__(
            model,
            endpoint,
            _speech(self._settings),
            price=ModelPrice(("openai",), price),
            maker="openai",
            again=again,
        )


def _speech(settings: OpenAISettings) -> Speech:
    if settings.api == "chat":
        chat = as_chat(settings)
        return Speech(
            path="chat/completions",
            body=lambda request, by: chat_body(chat, request, by),
            reader=ChatReader,
            limits=limits_of,
            allowances=allowances,
        )
    responses = as_responses(settings)
    return Speech(
        path="responses",
        body=lambda request, by: responses_body(responses, request, by),
        reader=ResponsesReader,
        limits=limits_of,
        allowances=allowances,
    )


def with_options(settings: OpenAISettings, options: dict[str, Any]) -> OpenAISettings:
    """``settings`` as ``stream_with_tools`` changes them.

    Raises:
        TypeError: An option is unknown.
        ValueError: One cannot be.
    """
    new_settings = OpenAISettings(**options_over(settings, options))
    check(new_settings)
    return new_settings
