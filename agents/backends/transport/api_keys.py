"""Keys as people have them: read from files, which end in a line feed.

A key that no header can bear would otherwise be found out by the transport, amid a
session, in an error that quotes it.
"""

from __future__ import annotations

from typing import TypeVar

from agents.backends.claude.providers import KEYS

Client = TypeVar("Client")


def with_clean_keys(client: Client) -> Client:
    """A client of the SDK's, its keys freed of blanks, wherever it found them.

    Raises:
        ValueError: One is blank, or has a line feed or the like within it. The message
            does not quote it.
    """
    for name in KEYS:
        key = getattr(client, name, None)
        if isinstance(key, str):
            setattr(client, name, _clean(key))
    return client


def _clean(key: str) -> str:
    key = key.strip()
    if not key:
        raise ValueError("the key is blank; set it to yours")
    if not key.isprintable():
        raise ValueError(
            "the key has a line feed or another control character in it; copy it "
            "again, in one line"
        )
    return key
