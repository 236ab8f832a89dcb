"""Python functions that a team file names as tools, imported."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import msgspec

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.tools.base import Tool


class FunctionEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A function among an agent's tools, with what the API shall know of it."""

    function: str
    """``module:function``, or ``path/to/file.py:function``."""
    name: str | None = None
    """The tool's name for the model; the function's own name if absent."""
    description: str | None = None
    """The tool's description for the model; the docstring if absent."""
    strict: bool = False
    """Whether the API shall enforce the schema."""
    defer_loading: bool = False
    """Whether the API shall load it only when tool search finds it."""
    eager_input_streaming: bool = False
    """Whether input streams before it is known to be JSON."""
    input_examples: tuple[dict[str, Any], ...] = ()
    """Inputs that the model is shown."""


def functions(
    agent: str, tools: Sequence[str | dict[str, Any]], folder: str = ""
) -> Iterator[Tool]:
    """Import the functions that are named among an agent's tools.

    Args:
        agent: Whose tools they are, for what is said if one cannot be used.
        tools: What the team file lists; what names no function is passed over, and a
            name may also be that of a tool ready made (``@tool``, ``SchemaTool``).
        folder: Where modules are sought too: the team file's.

    Raises:
        ConfigInvalid: One cannot be imported, or is no tool and cannot be made one.
    """
    for written in tools:
        named = function_entry(written)
        if named is None:
            continue
        try:
            yield _tool(named, folder)
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            raise ConfigInvalid(
                f"agent {agent!r}: tool {named.function!r} cannot be used: {error}; "
                "write a function with typed parameters as module:function"
            ) from error


def function_entry(written: str | dict[str, Any]) -> FunctionEntry | None:
    """The function that an entry of ``tools`` names; ``None``: it names none.

    Raises:
        msgspec.ValidationError: It names one and says of it what cannot be said.
    """
    if isinstance(written, str):
        return FunctionEntry(function=written) if ":" in written else None
    if "function" not in written:
        return None
    return msgspec.convert(written, FunctionEntry)


def _tool(entry: FunctionEntry, folder: str) -> Tool:
    from agents.tools.function import tool  # noqa: PLC0415  (few teams have any)

    function = imported(entry.function, folder)
    if not hasattr(function, "spec"):
        options = msgspec.structs.asdict(entry)
        del options["function"]
        return tool(**options)(function)
    if entry != FunctionEntry(function=entry.function):
        raise TypeError("it is a tool already; say what it shall be where it is made")
    return cast("Tool", function)


def imported(name: str, folder: str = "") -> Any:  # noqa: ANN401  (whatever a module holds)
    """Import ``module:name``, from installed packages, the current folder or another.

    A module may also be a file, ``path/to/file.py:name``, beside the team file.
    Whatever the module raises while it is imported is its author's mistake, not ours,
    and so any exception is caught here, ``SystemExit`` too.

    Raises:
        ImportError: There is no such module, or it fails as it is imported.
        AttributeError: It has no such name.
    """
    if "" not in sys.path:  # a console script leaves the current folder out
        sys.path.append("")
    if folder and folder not in sys.path:
        sys.path.append(folder)
    module_name, _, inner = name.rpartition(":")
    try:
        if module_name.endswith(".py"):
            module = _module_of(Path(folder) / module_name)
        else:
            module = importlib.import_module(module_name)
    except (ImportError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ImportError(
            f"module {module_name!r} fails as it is imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    try:
        return getattr(module, inner)
    except AttributeError:
        from difflib import get_close_matches  # noqa: PLC0415  (only for what is wrong)

        names = [name for name in dir(module) if not name.startswith("_")]
        alike = get_close_matches(inner, names, 1)
        way = f"did you mean {alike[0]!r}?" if alike else "write module:function"
        problem = f"module {module_name!r} has no {inner!r}; {way}"
        raise AttributeError(problem) from None


def _module_of(path: Path) -> ModuleType:
    """Run a file as a module of its own, once in a process.

    Raises:
        ImportError: There is no such file, or it fails as it is imported.
    """
    path = path.resolve()
    name = f"coordinator_tools_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as every import does
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
