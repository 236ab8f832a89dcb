"""MassGen's surfaces: its configurations, commands, logs and calls, over our engine.

Only the command line and the bench import this room; elsewhere MassGen is a policy's
name. Nothing of MassGen is needed or copied here: what its files and callers hold was
read of version 0.1.97.

    result = await coordinator.massgen.run("Why?", config="their.yaml")

``configuration`` reads a file, ``key_table`` says what becomes of each key, ``agents``
which of our backends an agent of theirs is, ``conversion`` makes a team of it all, and
``validation`` the table that people read. ``logs`` writes a journal in the layout of
its log directory, and ``automation`` keeps it live; ``runner`` is ``run()``;
``orchestrator`` is what MassGen's own front end may hold, fed by ``event_feed`` where
its Textual display draws it; ``backend`` is what its own orchestrator may ask, and
``sessions`` reads what it has kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordinator.massgen.backend import as_llm_backend as as_llm_backend
    from coordinator.massgen.orchestrator import Orchestrator as Orchestrator
    from coordinator.massgen.runner import run as run

_HOMES = {
    "Orchestrator": "orchestrator",
    "as_llm_backend": "backend",
    "run": "runner",
}

__all__ = ["Orchestrator", "as_llm_backend", "run"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the door has)
    """Bring what is asked for, and nothing else with it."""
    if name not in _HOMES:
        raise AttributeError(f"coordinator.massgen has no {name!r}")
    from importlib import import_module  # noqa: PLC0415  (lazy, as the package's door)

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
