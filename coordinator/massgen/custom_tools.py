"""Stand-in for the modules that custom tools import of MassGen's package.

Such a tool returns an ``ExecutionResult`` of blocks. The two modules that most of their
examples import are stood in for by classes of the same names and fields, and a logger.
A tool that imports more of the package is refused where it is named. Where the package
itself is installed, it is used.
"""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+(massgen(?:\.\w+)*|\.[.\w]*)", re.MULTILINE
)

STOOD_IN = ("massgen.tool._result", "massgen.logger_config")
"""Modules of MassGen 0.1.97 that custom tools get from here."""


@dataclass
class ContentBlock:
    """A part of a result; ``block_type`` is text, image or audio."""

    block_type: str
    data: str


class TextContent(ContentBlock):
    """Text."""

    def __init__(self, data: str) -> None:
        super().__init__("text", data)


class ImageContent(ContentBlock):
    """An image, in base64 or by its address."""

    def __init__(self, data: str) -> None:
        super().__init__("image", data)


class AudioContent(ContentBlock):
    """A sound, in base64 or by its address."""

    def __init__(self, data: str) -> None:
        super().__init__("audio", data)


@dataclass
class ExecutionResult:
    """The return value of a custom tool."""

    output_blocks: list[ContentBlock]
    meta_info: dict[str, object] | None = None
    is_streaming: bool = False
    is_final: bool = True
    is_log: bool = False
    was_interrupted: bool = False
    result_id: str = ""


def beyond(source: str) -> str | None:
    """The first module of MassGen's that a tool imports and that is not here.

    What it imports from beside itself is one, too: a tool is run as a file alone.

    Args:
        source: The tool's Python.
    """
    if is_installed():
        return None
    for name in _IMPORT.findall(source):
        if name not in STOOD_IN:
            return name
    return None


def is_installed() -> bool:
    """Whether MassGen's own package can be imported; it is not."""
    return package_folder() is not None


def package_folder() -> Path | None:
    """The folder of MassGen's own package; ``None``: it is not installed."""
    spec = PathFinder.find_spec("massgen")
    locations = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(locations))) if locations else None


class _StandIn(ModuleType):
    """A module of MassGen's name that has come from here."""


def stand_in() -> None:
    """Let custom tools import the two modules, where MassGen is not installed."""
    if "massgen" in sys.modules or is_installed():
        return
    for name in ("massgen", "massgen.tool"):
        sys.modules[name] = _StandIn(name)
    result, logger = _StandIn(STOOD_IN[0]), _StandIn(STOOD_IN[1])
    for kind in (
        ContentBlock,
        TextContent,
        ImageContent,
        AudioContent,
        ExecutionResult,
    ):
        setattr(result, kind.__name__, kind)
    vars(logger)["logger"] = logging.getLogger("massgen.tools")
    sys.modules |= {STOOD_IN[0]: result, STOOD_IN[1]: logger}
