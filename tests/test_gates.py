"""The house rules that a tool can check; the same for a person as for CI."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents.door import exports

ROOT = Path(__file__).parent.parent


def _run(*words: str) -> None:
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-m", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    _run("ruff", "check", "--no-cache", ".")


def test_ruff_would_format_nothing() -> None:
    _run("ruff", "format", "--no-cache", "--check", ".")


_WAITS = re.compile(r"\b(async|await|asyncio|anyio|trio)\b")


def test_flake8_async_finds_nothing() -> None:
    # It takes a quarter of a second a file, and has nothing to say of the pure ones.
    files = [
        str(path.relative_to(ROOT))
        for room in ("agents", "coordinator")
        for path in sorted((ROOT / room).rglob("*.py"))
        if _WAITS.search(path.read_text(encoding="utf-8"))
    ]
    assert files
    _run("flake8_async", "--enable=ASYNC", "--anyio", *files)


def test_arrows_between_rooms_go_one_way() -> None:
    _run_code(
        "from importlinter.cli import lint_imports_command\n"
        "lint_imports_command(['--no-cache'])\n"
    )


def test_pyright_finds_nothing() -> None:
    _run("pyright", "--pythonpath", sys.executable)


@pytest.mark.long
def test_pyright_finds_nothing_for_windows() -> None:
    # All but the benches, which measure POSIX processes.
    _run("pyright", "--pythonpath", sys.executable, "-p", ".ci/windows.json")


_HEAVY = {
    "anthropic",
    "cyclopts",
    "genai_prices",
    "h11",
    "importlib.metadata",
    "pydantic",
    "rapidfuzz",
    "rich",
    "sqlite3",
    "trio",
    "yaml",
}
"""Modules that take long to load, and are needed by few."""


def test_importing_coordinator_loads_no_heavy_library() -> None:
    _assert_unloaded("import coordinator", _HEAVY | {"agents", "anyio", "msgspec"})


def test_the_engine_loads_no_heavy_library() -> None:
    _assert_unloaded("from coordinator import Agent, Team, run", _HEAVY)


def test_help_is_there_before_anything_that_works_is_loaded() -> None:
    works = {"agents", "anyio", "msgspec"} | _HEAVY - {"cyclopts", "rich"}
    code = "from coordinator.cli import main; main(['--help'])"
    _assert_unloaded(code, works - {"importlib.metadata"})


def test_importing_agents_loads_nothing_until_a_name_is_used() -> None:
    _assert_unloaded("import agents", _HEAVY | {"anyio", "msgspec", "agents.agent"})


def test_all_that_the_packages_promise_is_there() -> None:
    _run_code(
        "import agents, coordinator.testing\n"
        "for room in (agents, coordinator, coordinator.testing):\n"
        "    for name in room.__all__:\n"
        "        assert name in dir(room)\n"
        "        getattr(room, name)\n"
    )


def test_what_is_public_changes_on_purpose_alone() -> None:
    # A name that is added, moved or taken away is a decision: say so in the CHANGELOG,
    # and change the list. What is in it may not go without a word in 0.x.
    public = [
        f"{stub.parent.relative_to(ROOT)}.{name}".replace("/", ".")
        for stub in ROOT.glob("[ac]*/**/__init__.pyi")
        for name in exports(str(stub))
    ]
    assert len(public) == len(set(public))
    listed = (ROOT / "tests" / "golden" / "public_names.txt").read_text().split()
    assert sorted(public) == sorted(listed)


def test_the_top_level_holds_what_the_house_has_there() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  (whichever git there is)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not in a clone: what lies here may be anybody's")
    top = {path.split("/")[0] for path in listed.stdout.split("\0") if path}
    assert {name for name in top if not name.startswith(".")} == {
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "agents",
        "coordinator",
        "pyproject.toml",
        "requirements.lock",
        "scenarios",
        "tests",
    }


def test_a_module_opens_with_what_it_is() -> None:
    # A noun phrase, which says more to who looks for it than a question does.
    asking = re.compile(r'"""(What|How|Where|Whether|Who|Whom|Whose|Why|When)\b')
    wrong = [
        str(path.relative_to(ROOT))
        for room in ("agents", "coordinator")
        for path in sorted((ROOT / room).rglob("*.py"))
        if asking.match(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, f"say what it is in the first line: {wrong}"


def test_no_docstring_opens_with_what_or_who() -> None:
    # The field's own term is what a stranger searches for: "The cost of ``usage`` in
    # USD", not "What ``usage`` costs".
    opening = re.compile(r'\s*r?"""(What|Who|Whom|Whose)\b')
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("agents", "coordinator", "tests", ".github")
        for path in sorted((ROOT / room).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if opening.match(line)
    ]
    assert not wrong, f"say what it is in the first line: {wrong}"


def _assert_unloaded(code: str, modules: set[str]) -> None:
    _run_code(
        f"{code}\n"
        "import sys\n"
        f"loaded = {sorted(modules)}\n"
        "loaded = [name for name in loaded if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )


def _run_code(code: str) -> None:
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
