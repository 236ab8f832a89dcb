"""``coordinator examples``: files that travel with the package, to read and copy."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.help import terminal_width
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.library import RULES, Example, examples, examples_folder

_TITLES = {
    "": "To begin with",
    "capabilities": "One file for each thing the API can do",
    "teams": "Whole stories, played by scripts",
    RULES: "Rules, each proved by a scenario",
}
_NAME_WIDTH = 24


def examples_command(name: str | None, output: Path | None, all_to: Path | None) -> int:
    """List them, print one, or copy one or all; the exit code."""
    return at_the_boundary(lambda: _examples(name, output, all_to))


def _examples(name: str | None, output: Path | None, all_to: Path | None) -> int:
    if all_to is not None:
        _copy_all(all_to)
        return Exit.ANSWERED
    known = examples()
    if name is None:
        _list([each for each in known if each.folder != RULES])
        rules = sum(each.folder == RULES for each in known)
        sys.stdout.write(
            f"{rules} more prove a rule each: coordinator examples rules\n"
            "Print one: coordinator examples web_search. Copy it: … -o team.yaml.\n"
            "Run it without a key: coordinator run -c team.yaml --emulate\n"
        )
        return Exit.ANSWERED
    fitting = matching(known, name)
    if len(fitting) != 1:
        if output is not None:
            raise ConfigInvalid(
                f"{len(fitting)} examples fit {name!r}, and only one can be written to "
                f"{output}; give more of its name"
            )
        _list(fitting)
        return Exit.ANSWERED
    (one,) = fitting
    if output is None:
        sys.stdout.write(one.path.read_text("utf-8"))
        return Exit.ANSWERED
    for path in _copy(one, output):
        sys.stdout.write(f"{path}\n")
    return Exit.ANSWERED


def matching(known: Sequence[Example], name: str) -> list[Example]:
    """The examples that a person means by ``name``: exactly so called, or nearly.

    Raises:
        ConfigInvalid: None is.
    """
    wanted = name.removesuffix(".yaml").removeprefix("scenarios/").strip("/")
    by = wanted.casefold().replace(" ", "_").replace("-", "_")
    for fits in (
        [one for one in known if by in {one.name.casefold(), one.path.stem.casefold()}],
        [one for one in known if one.folder == wanted],
        [one for one in known if by in one.name.casefold()],
        [one for one in known if name.casefold() in one.sentence.casefold()],
    ):
        if fits:
            return fits
    raise ConfigInvalid(
        f"no example is called {name!r} or says so; see: coordinator examples"
    )


def _list(listed: Sequence[Example]) -> None:
    for folder in dict.fromkeys(each.folder for each in listed):
        sys.stdout.write(f"{_TITLES.get(folder, folder)}:\n")
        for each in listed:
            if each.folder == folder:
                sys.stdout.write("".join(f"{line}\n" for line in _row(each)))
        sys.stdout.write("\n")


def _row(example: Example) -> Iterator[str]:
    name = example.path.stem
    words = example.sentence.split(". ")[0].removesuffix(",")
    indent = " " * (_NAME_WIDTH + 4)
    if name.replace("_", " ").casefold() == words.replace("'", "").casefold():
        # A file that is called as its sentence needs it said once.
        yield f"  {name}"
        return
    lines = textwrap.wrap(words, terminal_width() - len(indent)) or [""]
    if len(name) > _NAME_WIDTH:
        yield f"  {name}"
    else:
        yield f"  {name:<{_NAME_WIDTH}}  {lines.pop(0)}"
    yield from (indent + line for line in lines)


def _copy(example: Example, target: Path) -> Iterator[Path]:
    """Write one, and the files beside it that it names.

    Raises:
        ConfigInvalid: Something is there already, or cannot be written.
    """
    if target.is_dir():
        target /= example.path.name
    text = example.path.read_text("utf-8")
    wanted = [(example.path, target)]
    beside = example.path.parent / "files"
    if beside.is_dir():
        wanted += [
            (path, target.parent / "files" / path.name)
            for path in sorted(beside.iterdir())
            if f"files/{path.name}" in text
        ]
    for source, to in wanted:
        if to.exists() and to.read_bytes() != source.read_bytes():
            raise ConfigInvalid(f"--output {to} is there already; choose another name")
    for source, to in wanted:
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to)
        except OSError as error:
            raise ConfigInvalid(f"--output {to}: {error.strerror}") from error
        yield to


def _copy_all(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigInvalid(f"--all {target} is there already; name a new folder")
    try:
        shutil.copytree(examples_folder(), target, dirs_exist_ok=True)
    except OSError as error:
        raise ConfigInvalid(f"--all {target}: {error.strerror or error}") from error
    complain(f"all examples are in {target}; its README.md has every key")
