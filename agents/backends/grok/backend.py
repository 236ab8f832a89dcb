"""xAI over HTTP, by the Responses API: Chat Completions there return no reasoning."""

from __future__ import annotations

from typing import Any

from agents.backends.dialects.errors import allowances, error_for, limits_of
from agents.backends.dialects.responses.reader import Translator
from agents.backends.dialects.responses.writer import body
from agents.backends.grok.settings import GrokSettings, as_responses, check
from agents.backends.transport.api_keys import found_key
from agents.backends.transport.endpoint import Endpoint, bearer
from agents.backends.transport.http_backend import HttpBackend, Speech, options_over
from agents.limits.stated_price import Given, ModelPrice

BASE_URL = "https://api.x.ai/v1"
KEY_VARIABLE = "XAI_API_KEY"


class GrokBackend(HttpBackend):
    """A model of xAI's.

    Args:
        model: E.g. ``grok-4.3``.
        api_key: ``None``: ``XAI_API_KEY``.
        base_url: ``None``: the API itself.
        proxy: The URL of one for HTTP; ``None``: as ``HTTPS_PROXY`` and its kin say.
        ca_file: PEM certificates to trust beside those that are trusted anyway.
        idle_limit_s: How long a stream may be silent before it counts as stalled.
        price: What tokens cost, where the price list does not say.
        settings: Everything else, as :class:`GrokSettings` has it.

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
        proxy: str | None = None,
        ca_file: str | None = None,
        idle_limit_s: float = 120.0,
        price: Given = None,
        **settings: Any,  # noqa: ANN401  (GrokSettings' fields, checked by it)
    ) -> None:
        self._settings = GrokSettings(model=model, **settings)
        check(self._settings)
        headers, secrets = bearer(found_key(api_key, KEY_VARIABLE))
        endpoint = Endpoint(
            base_url or BASE_URL,
            headers,
            secrets=secrets,
            error_for=error_for,
            idle_limit_s=idle_limit_s,
            proxy=proxy,
            ca_file=ca_file,
        )

        def again(options: dict[str, Any]) -> Speech:
            new_settings = GrokSettings(**options_over(self._settings, options))
            check(new_settings)
            return _speech(new_settings)

        super().__init__(
            model,
            endpoint,
            _speech(self._settings),
            price=ModelPrice(("x-ai",), price),
            maker="x-ai",
            again=again,
        )


def _speech(settings: GrokSettings) -> Speech:
    request_settings = as_responses(settings)
    return Speech(
        path="responses",
        body=lambda request, by: body(request_settings, request, by),
        reader=Translator,
        limits=limits_of,
        allowances=allowances,
    )
