"""Keys as people have them: read from files, which end in a line feed.

A key that no header can bear would otherwise be found out by the transport, amid a
session, in an error that quotes it.
"""

from __future__ import annotations

import os


def found_key(explicit: str | None, *variables: str) -> str:
    """The key that a backend asks with: ``explicit``, or a variable's, without blanks.

    Args:
        explicit: By whoever makes the backend; ``None`` or empty: nobody.
        variables: Of the environment; the first that holds something.

    Raises:
        ValueError: There is none, or no header can bear it.
    """
    key = explicit or next(
        (os.environ[v] for v in variables if os.environ.get(v)), None
    )
    if key is None:
        raise ValueError(
            f"there is no key; set {' or '.join(variables)}, or give api_key="
        )
    return clean_key(key)


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
