"""Gemini over HTTP, with a key; Google's own client runs on asyncio alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agents.backends.dialects.errors import limits_of
from agents.backends.dialects.gemini.errors import error_for
from agents.backends.dialects.gemini.reader import Translator
from agents.backends.dialects.gemini.writer import body
from agents.backends.gemini.settings import GeminiSettings, as_asked
from agents.backends.transport.api_keys import found_key
from agents.backends.transport.endpoint import Endpoint
from agents.backends.transport.http_backend import HttpBackend, Speech, options_over
from agents.limits.stated_price import Given, ModelPrice
from agents.protocol.chunks import Allowance

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


class GeminiBackend(HttpBackend):
    """A model of Google's.

    Args:
        model: E.g. ``gemini-3.5-flash``.
        api_key: ``None``: ``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``.
        base_url: ``None``: the API itself, with its version.
        proxy: The URL of one for HTTP; ``None``: as ``HTTPS_PROXY`` and its kin say.
        ca_file: PEM certificates to trust beside those that are trusted anyway.
        idle_limit_s: How long a stream may be silent before it counts as stalled.
        price: What tokens cost, where the price list does not say.
        settings: Everything else, as :class:`GeminiSettings` has it.

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
        **settings: Any,  # noqa: ANN401  (GeminiSettings' fields, checked by it)
    ) -> None:
        self._settings = GeminiSettings(model=model, **settings)
        speech = _speech(self._settings)
        key = found_key(api_key, *KEY_VARIABLES)
        endpoint = Endpoint(
            base_url or BASE_URL,
            {"x-goog-api-key": key},  # a key in the address would be in every log
            secrets=(key,),
            error_for=error_for,
            idle_limit_s=idle_limit_s,
            proxy=proxy,
            ca_file=ca_file,
        )

        def again(options: dict[str, Any]) -> Speech:
            new_settings = GeminiSettings(**options_over(self._settings, options))
            return _speech(new_settings)

        super().__init__(
            model,
            endpoint,
            speech,
            price=ModelPrice(("google",), price),
            maker="google",
            again=again,
        )


def _none(_headers: Mapping[str, str]) -> tuple[Allowance, ...]:
    """Google's headers tell nothing of limits."""
    return ()


def _speech(settings: GeminiSettings) -> Speech:
    request_settings = as_asked(settings)
    name = quote(settings.model.removeprefix("models/"), safe="/.-_")
    prefix = "" if "/" in name else "models/"  # tuned models have their own
    return Speech(
        path=f"{prefix}{name}:streamGenerateContent?alt=sse",
        body=lambda request, by: body(request_settings, request, by),
        reader=Translator,
        limits=limits_of,
        allowances=_none,
    )
