"""Keeps keys out of what the SDK and its transport log.

At DEBUG the SDK (2.12.0) logs whole requests: a key of Foundry's among the headers, and
in the body the tokens of MCP servers that the API shall sign in to. The transport logs
addresses at INFO, with the password that one may bear. Both read on 2026-11-23.
"""

from __future__ import annotations

import logging
import re

_LOGGERS = ("anthropic._base_client", "httpx2")
_NAMED = re.compile(
    r"(?i)(['\"](?:(?:x-)?api-key|(?:proxy-)?authorization|authorization_token)['\"]: )"
    r"(?:'[^']*'|\"[^\"]*\")"
)
_IN_ADDRESS = re.compile(r"(://)[^/@\s'\"]+@")


class _NoKeys(logging.Filter):
    """Takes keys out of records, and lets every one of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = _IN_ADDRESS.sub(r"\1…@", _NAMED.sub(r"\1'…'", message))
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_no_keys = _NoKeys()


def keep_keys_out_of_logs() -> None:
    """Have the loggers of the SDK and its transport leave keys out, from now on."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_no_keys)  # once, however often it is asked
