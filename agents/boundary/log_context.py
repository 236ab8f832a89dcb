"""Log records that say of which session and agent they are.

Every logger of these packages is made here. Records have the attributes ``session`` and
``agent``, so that a program's own format may show them; nothing is printed unless the
program wants it (a library's logger has a handler that does nothing).
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

session: ContextVar[str] = ContextVar("session", default="")
"""The session that this task belongs to; empty: none."""
agent: ContextVar[str] = ContextVar("agent", default="")
"""The agent that this task works for; empty: none."""

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(session)s %(agent)s] %(message)s"
"""Shows both."""

for _root in ("agents", "coordinator"):
    logging.getLogger(_root).addHandler(logging.NullHandler())


class _Bound(logging.Filter):
    """Binds records as they are made, in the task that makes them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.session, record.agent = session.get(), agent.get()
        return True


def bound_logger(name: str) -> logging.Logger:
    """The logger of that name, whose records are bound."""
    logger = logging.getLogger(name)
    if not any(isinstance(each, _Bound) for each in logger.filters):
        logger.addFilter(_Bound())
    return logger
