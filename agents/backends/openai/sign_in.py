"""Sign-in by a token that changes: Azure's Entra ID, and OpenAI's workload identity.

The one file that touches the package ``openai`` (extra ``openai``), which exchanges the
identity of a workload for a token; read in 3.57.0 (2026-11-30). Who gives tokens of
Entra ID is the caller's, e.g. ``azure.identity.get_bearer_token_provider``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias

from agents.backends.transport.api_keys import clean_key
from agents.boundary.guard import text_of, words_of
from agents.boundary.threads import in_thread
from agents.errors import AgentError, BackendRefused, BackendUnavailable

TokenProvider: TypeAlias = Callable[[], str | Awaitable[str]]
"""Gives a token that is valid now; a plain function is called in a thread."""

EXCHANGE_URL = "https://auth.openai.com/oauth/token"


class SignIn:
    """Tokens for requests; each is asked for just before it is needed.

    Args:
        provider: Who gives them; keeps those that are still good.
        forget: Called with a token that a server has refused.
    """

    def __init__(
        self, provider: TokenProvider, forget: Callable[[str], object] | None = None
    ) -> None:
        self._provider = provider
        self._forget = forget
        self._token = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts to redact."""
        return (self._token,) if self._token else ()

    async def headers(self) -> Mapping[str, str]:
        """The authorization header of a request.

        Raises:
            BackendRefused: There is no token to be had.
            BackendUnavailable: Whoever gives tokens cannot be reached.

        ``except Exception``: the provider is the caller's and may raise anything.
        """
        try:
            if inspect.iscoroutinefunction(self._provider):
                token = await self._provider()
            else:
                answer = await in_thread(self._provider, name="sign-in")
                token = await answer if inspect.isawaitable(answer) else answer
            self._token = clean_key(str(token))
        except AgentError:
            raise
        except ConnectionError as error:
            raise BackendUnavailable(f"sign-in: {words_of(error)}") from error
        except Exception as error:
            message = text_of(error) or words_of(error)
            raise BackendRefused(f"sign-in gave no token: {message}") from error
        return {"authorization": f"Bearer {self._token}"}

    def refused(self) -> None:
        """The server has refused the last token."""
        if self._forget is not None:
            self._forget(self._token)


def workload_sign_in(
    identity: Mapping[str, Any], exchange_url: str = EXCHANGE_URL
) -> SignIn:
    """Sign-in as a service account of OpenAI's, by what the workload's cloud says.

    Args:
        identity: ``identity_provider_id``, ``service_account_id`` and ``provider``, as
            ``openai.auth.WorkloadIdentity`` has them; of ``provider`` also the path of
            a file that holds the token, as Kubernetes mounts it.
        exchange_url: Where tokens are exchanged.

    Raises:
        ValueError: The package is not installed, or a part is missing.
    """
    try:
        auth: Any = import_module("openai.auth")
    except ImportError as error:
        raise ValueError(
            "workload identity needs the package openai; run: pip install "
            "'massgen-coordinator[openai]'"
        ) from error
    workload = dict(identity)
    for name in ("identity_provider_id", "service_account_id", "provider"):
        if not workload.get(name):
            raise ValueError(f"workload_identity: {name} is missing; add it")
    if isinstance(workload["provider"], str):
        workload["provider"] = auth.k8s_service_account_token_provider(
            workload["provider"]
        )
    exchange = auth.WorkloadIdentityAuth(
        workload_identity=workload, token_exchange_url=exchange_url
    )
    get_token: Callable[[], str] = exchange.get_token
    return SignIn(partial(_exchanged, get_token), exchange.invalidate_token)


def _exchanged(get_token: Callable[[], str]) -> str:
    """A token; what the exchange raises where it cannot be reached is told apart."""
    try:
        return get_token()
    except Exception as error:
        if type(error).__module__.partition(".")[0] in {"httpx2", "httpx"}:
            raise ConnectionError(words_of(error)) from error
        raise
