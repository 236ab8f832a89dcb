"""Lazy exports: a package's stub lists each public name once, with where it lives.

``__init__.pyi`` is what type checkers and editors read; here the running program reads
the same lines, so that importing a package loads nothing until a name is used.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

_FROM, _IMPORT, _AS = "from ", " import ", " as "


@cache
def exports(stub: str) -> dict[str, str]:
    """Name → the module that has it, of every ``from x import y as y`` in a stub."""
    homes: dict[str, str] = {}
    with open(stub, encoding="utf-8") as file:  # noqa: PTH123  (pathlib is slow to load)
        lines = file.read().splitlines()
    for line in lines:
        module, is_import, name = line.removeprefix(_FROM).partition(_IMPORT)
        if is_import and line.startswith(_FROM) and _AS in name:
            homes[name.partition(_AS)[0]] = module
    return homes


def resolve(package: str, stub: str, name: str) -> object:
    """The object that ``package`` exports as ``name``.

    Raises:
        AttributeError: It exports no such name.
    """
    homes = exports(stub)
    if name == "__all__":
        return sorted(homes)
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    with collector_paused():
        if homes[name] == package:
            return import_module(f"{package}.{name}")
        return getattr(import_module(homes[name]), name)


@contextmanager
def collector_paused() -> Generator[None]:
    """Import without the garbage collector: what an import makes is not garbage.

    Looking through it again and again is a fifth of the engine's import (30 of 150 ms).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
