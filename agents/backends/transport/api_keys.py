"""Keys as people have them: read from files, which end in a line feed.

A key that no header can bear would otherwise be found out by the transport, amid a
session, in an error that quotes it.
"""

from __future__ import annotations


def clean_key(key: str) -> str:
    """A key freed of the blanks around it.

    Raises:
        ValueError: It is blank, or has a line feed or the like within it. The message
            does not quote it.
    """
    key = key.strip()
    if not key:
        raise ValueError("the key is blank; set it to yours")
    if not key.isprintable():
        raise ValueError(
            "the key has a line feed or another control character in it; copy it "
            "again, in one line"
        )
    return key
