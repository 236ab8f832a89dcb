"""Reasons for a failed connection, and whether asking again may help."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx2

from agents.errors import AgentError, BackendRefused, BackendUnavailable

CONNECT_S = 10.0
"""How long making a connection may take."""


def unconnected(server: str, cause: BaseException) -> AgentError:
    """The error for a request that got nowhere.

    Args:
        server: Where it should have gone, without a password.
        cause: What the transport raised.
    """
    if isinstance(cause, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        # These quote the header or the address, and with it the key.
        return BackendRefused(
            f"no request can be made to {server} with this key and address: "
            f"{type(cause).__name__}; look for blanks in either"
        )
    reason = str(cause) or type(cause).__name__
    if isinstance(cause, httpx2.ProxyError) and reason.startswith("407"):
        return BackendRefused(
            f"the proxy on the way to {server} wants a user and password, or others "
            f"({reason}); set HTTPS_PROXY to http://user:password@host:port"
        )
    for behind in _behind(cause):
        if isinstance(behind, ssl.SSLCertVerificationError):
            return BackendRefused(
                f"the certificate of {server} is not trusted: "
                f"{behind.verify_message}; if its CA is your own, name its file in "
                "SSL_CERT_FILE"
            )
    return BackendUnavailable(f"no connection to {server}: {reason}")


def timed_out(server: str, cause: BaseException, idle_limit_s: float) -> AgentError:
    """The error for a wait that was too long, by what was waited for.

    Args:
        server: See :func:`unconnected`.
        cause: What the transport raised.
        idle_limit_s: How long an answer was waited for.
    """
    match cause:
        case httpx2.ConnectTimeout():
            problem = f"no connection to {server} within {CONNECT_S:g} s"
        case httpx2.PoolTimeout():
            problem = f"no connection to {server} became free in time"
        case httpx2.WriteTimeout():
            problem = f"{server} did not take the request within {idle_limit_s:g} s"
        case _:
            problem = f"nothing came for {idle_limit_s:g} s: the stream stalled"
    return BackendUnavailable(problem)


def _behind(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
