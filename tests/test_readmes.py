"""Every block of every README runs as it stands, and every path in one leads somewhere.

YAML and Python run against the emulator; shell commands run with ``coordinator`` on the
path and the emulator's address for the API. A block that is marked ``long`` takes
minutes or an account of its own: its commands are parsed, and not run. The two commands
that set everything up are run by ``.ci/run``; see ``tests/test_setup.py``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from anyio.from_thread import start_blocking_portal
from cyclopts import CycloptsError

from agents.emulator import sample_script, serve
from coordinator.cli.app import app
from coordinator.scenarios.key_reference import with_tables

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "*/**/*.md", ".github/*.md")
    for path in ROOT.glob(pattern)
    if not any(part in {".venv", ".hypothesis"} for part in path.parts)
)
LINES_MAX = 200
"""Of the first README: it ends in a running team, and the rest is in its room."""
SET_UP = "python3 -m venv"
FILE = re.compile(r"# (my_\w+\.py)\n")
"""How a block begins that other blocks import."""
SESSION = "7c1f"
"""How the pages call a session that is kept."""

pytestmark = pytest.mark.real_time

Bash: TypeAlias = Callable[[str], "subprocess.CompletedProcess[str]"]


class Block(NamedTuple):
    """A fenced block, and where it stands."""

    place: str
    language: str
    is_long: bool
    text: str


def _blocks() -> Iterator[Block]:
    for path in PAGES:
        name = path.relative_to(ROOT)
        language, first, lines = "", 0, list[str]()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            fence = re.fullmatch(r"```(.*)", line)
            if fence and not first:
                language, first, lines = fence[1], number, []
            elif fence:
                word, _, more = language.partition(" ")
                text = "\n".join(lines) + "\n"
                yield Block(f"{name}:{first}", word, more == "long", text)
                first = 0
            elif first:
                lines.append(line)


BLOCKS = list(_blocks())


def _of(*languages: str, is_long: bool = False) -> list[Block]:
    return [b for b in BLOCKS if b.language in languages and b.is_long == is_long]


def _named(block: Block) -> str:
    return block.place


@pytest.fixture(scope="session")
def address() -> Generator[str]:
    """The pretended API, in a thread of its own: commands have their own loops."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(sample_script())) as server,
    ):
        yield server.base_url


@pytest.fixture
def bash(address: str, tmp_path: Path) -> Bash:
    """Runs a script as a reader would, in a folder that has what it needs."""
    there = tmp_path / "checkout"
    there.mkdir()
    (there / "scenarios").symlink_to(ROOT / "scenarios")
    for block in _of("python"):
        if name := FILE.match(block.text):
            (there / name[1]).write_text(block.text)
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "coordinator"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m coordinator "$@"\n')
    command.chmod(0o755)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("ANTHROPIC_")},
        "ANTHROPIC_API_KEY": "sk-ant-test",
        "ANTHROPIC_BASE_URL": address,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def run(script: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603  (a page of ours)
            [shutil.which("bash") or "bash", "-eo", "pipefail", "-c", script],
            cwd=there,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.mark.parametrize("block", _of("sh"), ids=_named)
def test_shell_commands_run(block: Block, bash: Bash) -> None:
    script = block.text
    if SET_UP in script:
        pytest.skip("run by .ci/run, and compared with it")
    bash(
        "git init -q . && git config user.email a@example.org && git config user.name a"
        " && echo one > file && git add file && git commit -qm one && echo two > file"
    )
    if SESSION in script:
        # Two sessions: one that has ended, and one that was interrupted.
        bash("coordinator run --demo --display none")
        listed = bash("coordinator sessions list --json").stdout
        session = re.findall(r'"([0-9a-f]{12})"', listed)[0]
        script = re.sub(rf"{SESSION}[0-9a-f]*", session, script)
    bash(script)


@pytest.mark.parametrize("block", _of("sh", is_long=True), ids=_named)
def test_long_shell_commands_can_be_parsed(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["coordinator"]:
            try:
                app.parse_args(words[1:], exit_on_error=False, print_error=False)
            except CycloptsError as error:
                pytest.fail(f"{line}: {error}")


@pytest.mark.parametrize("block", _of("python"), ids=_named)
def test_python_runs_when_pasted(block: Block, bash: Bash, tmp_path: Path) -> None:
    program = tmp_path / "checkout" / "program.py"
    program.write_text(block.text)
    is_test = "\ndef test_" in block.text
    bash(f"{sys.executable} {'-m pytest -q ' if is_test else ''}program.py")


@pytest.mark.parametrize("block", _of("yaml"), ids=_named)
def test_team_files_and_scenarios_run(block: Block, bash: Bash, tmp_path: Path) -> None:
    (tmp_path / "checkout" / "team.yaml").write_text(block.text)
    if "\nexpect:" in block.text:
        bash("coordinator scenario team.yaml")
    else:
        bash("coordinator run -c team.yaml 'Which one?' --emulate --display quiet")


def test_every_block_says_what_it_is() -> None:
    known = {"sh", "python", "yaml", "text"}
    assert not [b.place for b in BLOCKS if b.language not in known]


def test_the_first_page_is_short() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= LINES_MAX


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_path_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    rooms = r"`((?:agents|coordinator|tests|scenarios|\.ci|\.github)/[\w./-]*)`"
    lost = [path for path in linked if not (page.parent / path).exists()]
    lost += [path for path in re.findall(rooms, text) if not (ROOT / path).exists()]
    assert not lost


def test_the_tables_of_keys_are_those_of_the_program() -> None:
    text = (ROOT / "scenarios" / "README.md").read_text("utf-8")
    assert text == with_tables(text), (
        "run: python -m coordinator.scenarios.key_reference"
    )


def test_the_rules_of_consensus_are_cited_where_they_are_carried_out() -> None:
    room = ROOT / "coordinator" / "consensus"
    named = re.compile(r"\b[DSVRNWB]\d\b")
    page = (room / "README.md").read_text("utf-8")
    written = re.findall(r"^- \*\*([DSVRNWB]\d)\.\*\*", page, re.MULTILINE)
    assert len(written) == len(set(written))
    cited = {
        rule
        for path in room.glob("*.py")
        for rule in named.findall(path.read_text("utf-8"))
    }
    assert cited == set(written)
