"""The house rules that a tool can check; the same for a person as for CI."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

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


def test_flake8_async_finds_nothing() -> None:
    files = [
        str(path.relative_to(ROOT))
        for room in ("agents", "coordinator")
        for path in sorted((ROOT / room).rglob("*.py"))
    ]
    assert files
    _run("flake8_async", "--enable=ASYNC", "--anyio", *files)


def test_arrows_between_rooms_go_one_way() -> None:
    _run_code(
        "from importlinter.cli import lint_imports_command\n"
        "lint_imports_command(['--no-cache'])\n"
    )


def test_every_module_that_calls_itself_pure_is_in_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (pure,) = (each for each in contracts if each["name"].startswith("pure files"))
    named = tuple(pure["source_modules"])
    missing = [
        module
        for module, doc in _docstrings()
        if re.search(r"\bPure[.;:]", doc)
        and not any(module == each or module.startswith(f"{each}.") for each in named)
        and not module.endswith("scripted")
    ]
    assert not missing, "add them to the contract in pyproject.toml"


_RIDDLE = re.compile(r"(What|Who|How|Where|Why|Whether|When)\b")
"""How a first line begins that asks its reader to guess; ``How`` is on the list too."""


def _docstrings() -> Iterator[tuple[str, str]]:
    for room in ("agents", "coordinator"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            doc = ast.get_docstring(ast.parse(path.read_text())) or ""
            yield module.removesuffix(".__init__"), doc


def test_a_module_says_first_what_it_is() -> None:
    riddles = [
        f"{module}: {doc.splitlines()[0]}"
        for module, doc in _docstrings()
        if doc and _RIDDLE.match(doc)
    ]
    assert not riddles, "begin with a noun of the field, or a verb in the third person"


def test_pyright_finds_nothing() -> None:
    _run("pyright", "--pythonpath", sys.executable)


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
"""What takes long to load, and is needed by few."""


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
        for name in exports(stub)
    ]
    assert len(public) == len(set(public))
    listed = (ROOT / "tests" / "golden" / "public_names.txt").read_text().split()
    assert sorted(public) == sorted(listed)


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
