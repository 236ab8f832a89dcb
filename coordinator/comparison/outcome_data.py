"""Recorded outcomes: what real models answered, judged and programmed, read from files.

A folder holds JSON lines, gzipped or not, of three kinds, told apart by their keys:

- answers: ``dataset, model, problem, gold, answers[], tokens[]``: final answers of one
  model to one problem whose right answer is known, and what each cost in output tokens;
- verdicts: ``pair, judge, prompt, swapped, verdict, right``: which of two texts a judge
  prefers, and which is right;
- programs: ``task, right[], passes[][], author[]``: whether each program is right, and
  which tests it passes; ``author`` k ≥ 0: a test that program k's author wrote, below
  0: an assertion of the task's own, as a user's check might be.

Nothing is decided here; :mod:`coordinator.comparison.outcome_replay` replays policies.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from coordinator.errors import ConfigInvalid


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One model's answers to one problem."""

    dataset: str
    model: str
    problem: int | str
    """Its number or name."""
    gold: str | int | float
    answers: tuple[str | int | float | None, ...]
    """``None`` where none could be read from the response."""
    tokens: tuple[int | float, ...]
    """Output tokens of each."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Which of two texts a judge prefers."""

    pair: str
    judge: str
    prompt: str
    swapped: bool
    verdict: str
    right: str

    @property
    def is_right(self) -> bool:
        """Whether the judge prefers the better text."""
        return self.verdict == self.right


class ProgramTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task, and what became of each program that a model wrote for it."""

    task: str | int
    right: tuple[int, ...]
    passes: tuple[tuple[int, ...], ...]
    """Program → test → 1 if it passes."""
    author: tuple[int, ...]
    """The author of each test: a program's (0, 1, …), or the user (below 0)."""


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """All that a folder holds."""

    problems: dict[str, tuple[Problem, ...]]
    """Dataset → its problems."""
    verdicts: tuple[Verdict, ...]
    programs: tuple[ProgramTask, ...]


_KINDS: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("answers", Problem),
    ("verdict", Verdict),
    ("passes", ProgramTask),
)
"""A key that only one kind of line has."""


def read_outcomes(folder: Path) -> Outcomes:
    """Read every ``*.jsonl`` and ``*.jsonl.gz`` of ``folder``.

    Raises:
        ConfigInvalid: There is none, or a line is none of the three kinds; with file
            and line.
    """
    if not folder.is_dir():
        raise ConfigInvalid(
            f"{str(folder)!r} is no folder; name one with *.jsonl files"
        )
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not files:
        raise ConfigInvalid(
            f"folder {str(folder)!r} holds no *.jsonl nor *.jsonl.gz; see "
            "coordinator compare --help for what a line is"
        )
    problems: dict[str, list[Problem]] = {}
    verdicts: list[Verdict] = []
    programs: list[ProgramTask] = []
    for line in (line for file in files for line in _lines(file)):
        match line:
            case Problem():
                problems.setdefault(line.dataset, []).append(line)
            case Verdict():
                verdicts.append(line)
            case ProgramTask():
                programs.append(line)
            case _:
                pass
    if not (problems or verdicts or programs):
        raise ConfigInvalid(f"folder {str(folder)!r} holds nothing but empty files")
    return Outcomes(
        problems={name: tuple(outcomes) for name, outcomes in problems.items()},
        verdicts=tuple(verdicts),
        programs=tuple(programs),
    )


def _lines(file: Path) -> Iterator[msgspec.Struct]:
    try:
        data = file.read_bytes()
        data = gzip.decompress(data) if file.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigInvalid(f"{file.name}: cannot be read: {error}") from error
    for number, raw in enumerate(data.splitlines(), start=1):
        if raw.strip():
            yield _line(file, number, raw)


def _line(file: Path, number: int, raw: bytes) -> msgspec.Struct:
    try:
        keys = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        for key, kind in _KINDS:
            if key in keys:
                return _checked(msgspec.json.decode(raw, type=kind))
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigInvalid(f"{file.name}:{number}: {error}") from error
    raise ConfigInvalid(
        f"{file.name}:{number}: has none of 'answers', 'verdict' and 'passes'; a line "
        "holds a model's answers, a judge's verdict, or programs and their tests"
    )


def _checked(line: msgspec.Struct) -> msgspec.Struct:
    match line:
        case Problem() if len(line.answers) != len(line.tokens) or not line.answers:
            raise ValueError(
                f"{len(line.answers)} answers and {len(line.tokens)} counts of tokens; "
                "give one of each, at least one"
            )
        case ProgramTask() if len(line.right) != len(line.passes):
            raise ValueError(
                f"{len(line.right)} programs are right or not, but {len(line.passes)} "
                "were tested; give one row of 'passes' for each"
            )
        case ProgramTask() if any(len(x) != len(line.author) for x in line.passes):
            raise ValueError("a row of 'passes' has not one place for each 'author'")
        case _:
            return line
