"""Reading of a MassGen configuration: YAML or JSON, with the line of every value.

MassGen reads with ``yaml.safe_load``, so what that takes is taken here: anchors, merge
keys, ``yes`` for true. What it would do to this machine is bounded instead: the size of
the file, and of what its aliases unfold into. What a value means is said by
:mod:`coordinator.massgen.conversion`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from coordinator.errors import ConfigInvalid
from coordinator.team.yaml_document import (
    FILE_BYTES_MAX,
    Document,
    Where,
    invalid,
)

if TYPE_CHECKING:
    import yaml

VALUES_MAX = 100_000
"""The largest configuration of release 0.1.97 holds some 1,200 values."""

SECTIONS = ("orchestrator", "timeout_settings", "agent")
"""Top keys that only a MassGen configuration has."""

_LOOKS_LIKE_ONE = re.compile(
    r"""^["']?(orchestrator|timeout_settings|agent)["']?\s*:"""
    r"""|["']?backend["']?\s*:\s*([{&#]|$)|"backend"\s*:\s*\{""",
    re.MULTILINE,
)

Json: TypeAlias = dict[str, Any]  # a configuration's mappings; each key is looked at


def is_configuration(path: Path) -> bool:
    """Whether a file is a MassGen configuration, as far as one can tell.

    A team file of ours names an agent's backend in one word; in theirs it is a mapping.
    What cannot be read is none: whoever reads it next says why. Nor is a pipe, which
    can be read once only.
    """
    if not path.is_file():
        return False
    try:
        text = _text(path)
        return bool(_LOOKS_LIKE_ONE.search(text)) and _is_one(parse(text, path).data)
    except ConfigInvalid:
        return False


def _is_one(data: Any) -> bool:  # noqa: ANN401  (whatever a file holds)
    if not isinstance(data, dict):
        return False
    named = cast("Json", data)
    if any(isinstance(named.get(section), dict) for section in SECTIONS):
        return True
    agents: Any = named.get("agents")
    if not isinstance(agents, list):
        return False
    return any(
        isinstance(agent, dict) and isinstance(cast("Json", agent).get("backend"), dict)
        for agent in cast("list[Any]", agents)
    )


def read_configuration(path: Path) -> Document:
    """Read a configuration.

    Raises:
        ConfigInvalid: It cannot be read, is too large, or is neither YAML nor JSON.
    """
    return parse(_text(path), path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        problem = error.strerror or str(error)
        message = f"{path}: cannot be read: {problem}; name a file that exists"
        raise ConfigInvalid(message) from error
    if len(raw) > FILE_BYTES_MAX:
        message = f"{path}: is larger than {FILE_BYTES_MAX:,} bytes; make it smaller"
        raise ConfigInvalid(message)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path}: is not UTF-8 text; save it as UTF-8") from error


def parse(text: str, path: Path) -> Document:
    """Parse what a configuration holds; ``path`` is its name in errors.

    Raises:
        ConfigInvalid: It is neither YAML nor JSON, or unfolds into too much.
    """
    import yaml  # noqa: PLC0415  (20 ms, and only where a file is read)

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = cast("Any", yaml).compose(text, Loader=loader)
        if node is None:
            return Document(path, None, {(): 1})
        reader = _Reader(path)
        data = reader.value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = error.problem or error.context or "not YAML"
        raise invalid(path, line, "", f"not YAML: {problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigInvalid(f"{path}: not YAML: {error}") from error
    return Document(path, data, reader.lines)


class _Reader:
    """Builds plain values of composed nodes, and notes where each stands."""

    def __init__(self, path: Path) -> None:
        import yaml  # noqa: PLC0415  (as above)

        self._yaml = yaml
        self._path = path
        self._constructor: Any = yaml.SafeLoader("")
        self._left = VALUES_MAX
        self.lines: dict[Where, int] = {}

    def value(self, node: yaml.Node, where: Where) -> Any:  # noqa: ANN401  (plain YAML)
        yaml = self._yaml
        line = node.start_mark.line + 1
        self.lines.setdefault(where, line)
        self._left -= 1
        if self._left < 0 or len(where) > 64:
            raise invalid(
                self._path,
                line,
                "",
                f"unfolds into more than {VALUES_MAX:,} values; write aliases out",
            )
        if isinstance(node, yaml.SequenceNode):
            items: list[Any] = node.value
            return [self.value(item, (*where, n)) for n, item in enumerate(items)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        return self._constructor.construct_object(node)

    def _mapping(self, node: Any, where: Where) -> Json:  # noqa: ANN401  (a MappingNode)
        self._constructor.flatten_mapping(node)  # merge keys: "<<: *base"
        mapping: Json = {}
        for key_node, inner in node.value:
            key = str(self._constructor.construct_object(key_node))
            self.lines[(*where, key)] = key_node.start_mark.line + 1
            # As MassGen: the last counts.
            mapping[key] = self.value(inner, (*where, key))
        return mapping
