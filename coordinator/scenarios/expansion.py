"""Many scenarios of one file: ``extends``, ``--set``, ``count`` and ``matrix``.

All of it is done on the document, before anything is read of it, in this order:

- ``extends: FILE`` begins with what that file says (a scenario or a team file) and lets
  this one say more: mappings are merged key by key, ``agents`` by their ids, anything
  else is replaced.
- ``--set key=value`` says one value, wherever it is: ``voting.policy=slate``,
  ``agents.ada.system=…``, ``expect.winner=ben``.
- ``matrix`` plays the file once for each combination of values, ``{voting.policy:
  [slate, revision], seed: 0..4}``, or once for each mapping of a list, ``[{seed: 1,
  expect.winner: ada}, …]``. ``runtime`` is the event loop.
- ``count: 30`` of an agent makes thirty of it, ``judge1`` to ``judge30``; ``{n}`` in
  its texts is its number, and in its id, where the number is to stand elsewhere.

Every value keeps the line it was written in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, cast

from coordinator.errors import ConfigInvalid
from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from coordinator.team.yaml_document import Document, Plain, Where, parse, read

AGENTS_MAX = 10_000
VARIANTS_MAX = 1_000


class _Circle(ConfigInvalid):
    """Files extend one another without an end."""


@dataclass(frozen=True)
class Variant:
    """One scenario of a file."""

    document: Document
    title: str = ""
    """The values that set it apart from the file's others; empty: there are none."""
    runtime: Runtime | None = None
    """The event loop it asks for; ``None``: any."""


def variants(document: Document, settings: Mapping[str, Plain]) -> Iterator[Variant]:
    """Every scenario that ``document`` makes.

    Args:
        document: As it was read.
        settings: Path of a value → what it is instead; see ``--set``.

    Raises:
        ConfigInvalid: With file, line, key and the way out.
    """
    document = _extended(document, ())
    for path, value in settings.items():
        document = _set(document, path, value, ("--set", path))
    yield from (
        replace(one, document=_counted(one.document)) for one in _varied(document)
    )


def setting(text: str) -> tuple[str, Plain]:
    """Read ``key=value``, the value as YAML.

    Raises:
        ConfigInvalid: It is something else.
    """
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise ConfigInvalid(f"--set {text!r} sets nothing; write e.g. seed=3")
    return path.strip(), parse(value, Path(f"--set {path.strip()}")).data


def span(text: str) -> range | None:
    """Read ``0..9``, both ends included, or one number; ``None``: it is neither."""
    first, dots, last = text.partition("..")
    last = last if dots else first
    if not first.strip().isdecimal() or not last.strip().isdecimal():
        return None
    numbers = range(int(first), int(last) + 1)
    return numbers or None


def _extended(document: Document, before: tuple[Path, ...]) -> Document:
    data = document.data
    if not isinstance(data, dict) or "extends" not in data:
        return document
    named = data["extends"]
    if not isinstance(named, str):
        raise document.error(("extends",), "names one file, relative to this one")
    path = document.path.parent / named
    chain = (*before, document.path)
    if path.resolve() in {one.resolve() for one in chain}:
        way = " → ".join(one.name for one in (*chain, path))
        problem = f"the files extend one another in a circle: {way}"
        raise _Circle(str(document.error(("extends",), problem)))
    try:
        base = _extended(read(path), chain)
    except _Circle:
        raise
    except ConfigInvalid as error:
        raise document.error(("extends",), str(error)) from None
    if not isinstance(base.data, dict):
        raise document.error(("extends",), f"{named} is no team and no scenario")
    lines = {where: line for where, line in document.lines.items() if where}
    line = document.lines.get(("extends",), 1)
    rest = {key: value for key, value in data.items() if key != "extends"}
    merged, moved = _merged(base.data, rest, (), {})
    line_numbers = dict.fromkeys(base.lines, line)
    for where, number in lines.items():
        line_numbers[_moved(where, moved)] = number
    line_numbers[()] = 1
    return Document(document.path, merged, line_numbers)


def _merged(
    base: dict[str, Plain],
    more: Mapping[str, Plain],
    where: Where,
    moved: dict[Where, Where],
) -> tuple[dict[str, Plain], dict[Where, Where]]:
    """Merge two mappings; and where entries of the second have gone."""
    merged = dict(base)
    for key, value in more.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key], _ = _merged(before, value, (*where, key), moved)
        elif where == () and key == "agents" and isinstance(before, list):
            merged[key] = _merged_agents(before, value, moved)
        else:
            merged[key] = value
    return merged, moved


def _merged_agents(
    before: list[Plain], value: Plain, moved: dict[Where, Where]
) -> Plain:
    if not isinstance(value, list):
        return value
    merged = list(before)
    ids = [one.get("id") if isinstance(one, dict) else None for one in merged]
    for number, entry in enumerate(value):
        known = entry.get("id") if isinstance(entry, dict) else None
        if known is not None and known in ids:
            at = ids.index(known)
            assert isinstance(entry, dict)
            old = cast("dict[str, Plain]", merged[at])
            merged[at], _ = _merged(old, entry, ("agents", at), moved)
        else:
            at = len(merged)
            merged.append(entry)
            ids.append(known)
        moved["agents", number] = ("agents", at)
    return merged


def _moved(where: Where, moved: Mapping[Where, Where]) -> Where:
    for old, new in moved.items():
        if where[: len(old)] == old:
            return (*new, *where[len(old) :])
    return where


def _varied(document: Document) -> Iterator[Variant]:
    data = document.data
    if not isinstance(data, dict) or "matrix" not in data:
        yield Variant(document)
        return
    rest = {key: value for key, value in data.items() if key != "matrix"}
    plain = Document(document.path, rest, document.lines)
    chosen = list(_choices(document, data["matrix"]))
    if len(chosen) > VARIANTS_MAX:
        problem = f"makes {len(chosen):,} scenarios; keep to {VARIANTS_MAX:,}"
        raise document.error(("matrix",), problem)
    for where, values in chosen:
        varied, runtime = plain, None
        for path, value in values.items():
            if path == "runtime":
                runtime = _runtime(document, where, value)
            else:
                varied = _set(varied, path, value, (*where, path))
        title = ", ".join(f"{path} {_titled(value)}" for path, value in values.items())
        yield Variant(varied, title, runtime)


def _titled(value: Plain) -> str:
    return str(value) if not isinstance(value, dict | list) else "…"


def _runtime(document: Document, where: Where, value: Plain) -> Runtime:
    for runtime in RUNTIMES:
        if runtime == value:
            return runtime
    problem = f"{value!r} is no event loop; choose from {', '.join(RUNTIMES)}"
    raise document.error((*where, "runtime"), problem)


def _choices(
    document: Document, matrix: Plain
) -> Iterator[tuple[Where, dict[str, Plain]]]:
    where: Where = ("matrix",)
    if isinstance(matrix, list) and matrix:
        for number, values in enumerate(matrix):
            if not isinstance(values, dict) or not values:
                problem = "is a mapping of paths to values: {seed: 1}"
                raise document.error((*where, number), problem)
            yield (*where, number), values
        return
    if not isinstance(matrix, dict) or not matrix:
        problem = "maps paths to lists of values: {voting.policy: [slate, revision]}"
        raise document.error(where, problem)
    several = [_values(document, path, value) for path, value in matrix.items()]
    for values in product(*several):
        yield where, dict(zip(matrix, values, strict=True))


def _values(document: Document, path: str, value: Plain) -> Iterable[Plain]:
    if isinstance(value, str) and (numbers := span(value)) is not None:
        return numbers
    if isinstance(value, list) and value:
        return value
    problem = "give a list of values, or a span of numbers: 0..9"
    raise document.error(("matrix", path), problem)


def _set(document: Document, path: str, value: Plain, said_at: Where) -> Document:
    """A copy in which ``path`` has ``value``; agents are found by their ids."""
    line = document.lines.get(said_at) or document.lines.get(said_at[:-1]) or 1
    steps = path.split(".")
    lines = dict(document.lines)
    where: Where = ()

    def put(old: Any, left: list[str]) -> Plain:  # noqa: ANN401  (plain YAML)
        nonlocal where
        if not left:
            return value
        key = left[0]
        if isinstance(old, list):
            many = cast("list[Plain]", old)
            at = _index(many, key)
            if at is None:
                ids = ", ".join(_ids(many)) or f"a number under {len(many)}"
                problem = f"{path!r} leads nowhere: there is no {key!r}; name {ids}"
                raise document.error(said_at, problem)
            where = (*where, at)
            return [*many[:at], put(many[at], left[1:]), *many[at + 1 :]]
        if old is not None and not isinstance(old, dict):
            problem = f"{path!r} leads nowhere: {key!r} is below a plain value"
            raise document.error(said_at, problem)
        known = cast("dict[str, Plain]", old or {})
        where = (*where, key)
        return {**known, key: put(known.get(key), left[1:])}

    data = put(document.data, steps)
    for known in [known for known in lines if known[: len(where)] == where]:
        del lines[known]
    lines[where] = line
    return Document(document.path, data, lines)


def _index(many: list[Plain], key: str) -> int | None:
    if key in (ids := _ids(many)):
        return ids.index(key)
    return int(key) if key.isdecimal() and int(key) < len(many) else None


def _ids(many: list[Plain]) -> list[str]:
    return [str(one.get("id", "")) if isinstance(one, dict) else "" for one in many]


def _counted(document: Document) -> Document:
    data = document.data
    agents = data.get("agents") if isinstance(data, dict) else None
    if not isinstance(agents, list) or not any(
        isinstance(entry, dict) and "count" in entry for entry in agents
    ):
        return document
    entries: list[Plain] = []
    origins: list[int] = []
    for number, entry in enumerate(agents):
        several = _several(document, number, entry)
        entries += several
        origins += [number] * len(several)
    if len(entries) > AGENTS_MAX:
        problem = f"are {len(entries):,}; keep to {AGENTS_MAX:,}"
        raise document.error(("agents",), problem)
    lines = {w: line for w, line in document.lines.items() if w[:1] != ("agents",)}
    below: dict[int, list[tuple[Where, int]]] = {}
    for where, line in document.lines.items():
        if len(where) > 1 and where[0] == "agents":
            below.setdefault(cast("int", where[1]), []).append((where[2:], line))
    lines["agents",] = document.lines.get(("agents",), 1)
    for number, origin in enumerate(origins):
        for rest, line in below.get(origin, ()):
            lines["agents", number, *rest] = line
    assert isinstance(data, dict)
    return Document(document.path, {**data, "agents": entries}, lines)


def _several(document: Document, number: int, entry: Plain) -> list[Plain]:
    if not isinstance(entry, dict) or "count" not in entry:
        return [entry]
    count, name = entry["count"], entry.get("id")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        problem = f"{count!r} is no number of agents; give 1 or more"
        raise document.error(("agents", number, "count"), problem)
    rest = {key: value for key, value in entry.items() if key != "count"}
    if count > AGENTS_MAX:
        problem = f"{count:,} are too many; keep to {AGENTS_MAX:,}"
        raise document.error(("agents", number, "count"), problem)
    if isinstance(name, str) and "{n}" not in name:
        rest["id"] = name + "{n}"
    return [_numbered(rest, n) for n in range(1, count + 1)]


def _numbered(value: Plain, number: int) -> Plain:
    match value:
        case str():
            return value.replace("{n}", str(number))
        case list():
            return [_numbered(one, number) for one in value]
        case dict():
            return {key: _numbered(one, number) for key, one in value.items()}
        case _:
            return value
