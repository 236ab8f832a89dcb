"""Installed, declared and locked packages agree, and so does the README."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
LOCK = [
    line
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
]
INSTALLED = packages_distributions()
BY_HAND = {
    "google": "tests/bench/bench_dialects.py says how it is installed",
    "openai": "tests/bench/bench_dialects.py says how it is installed",
    "massgen": "coordinator/bench/massgen_program.py is run by MassGen's own Python",
    "pytest": "coordinator/testing/pytest_plugin.py is loaded by pytest itself",
    "pref_voting": "tests/bench/compare_pref_voting.py says how it is installed",
}
"""Imported by programs that bring an environment of their own."""
NOT_IMPORTED = {
    "coverage": "run by .ci/coverage",
    "flake8-async": "run by the gates",
    "import-linter": "run by the gates",
    "pyright": "run by the gates",
    "pytest-xdist": "a plugin",
    "ruff": "run by the gates",
    "pref-voting": "an oracle, run by hand",
    "votelib": "through import_module, because it has no types",
    "claude-agent-sdk": "through import_module: it is large, and an extra of its own",
    "openai": "through import_module, where somebody signs in by it",
    "ray": "through import_module, because its types are partial",
    "uvloop": "through import_module, in an environment of its own",
    "trio": "the other event loop, through anyio",
}
"""Declared, and used otherwise than by an import."""


def _declared(*lists: list[str]) -> set[str]:
    return {
        canonicalize_name(Requirement(line).name) for lines in lists for line in lines
    }


@cache
def _imported(*rooms: str) -> dict[str, str]:
    """Top-level names that are imported, each with a file that does so."""
    found: dict[str, str] = {}
    for path in (
        path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))
    ):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], str(path.relative_to(ROOT)))
    ours = {"agents", "coordinator", "tests", "__future__", *sys.stdlib_module_names}
    beside = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    return {name: file for name, file in found.items() if name not in ours | beside}


def _distributions(names: set[str]) -> set[str]:
    return {
        canonicalize_name(distribution)
        for name in names
        for distribution in INSTALLED.get(name, [name])
    }


def test_every_package_that_is_imported_is_declared() -> None:
    needed = PROJECT["project"]["dependencies"]
    extras = [lines for name, lines in EXTRAS.items() if name != "test"]
    allowed = _declared(needed, *extras)
    for rooms, more in ((("agents", "coordinator"), []), (("tests",), EXTRAS["test"])):
        imported = _imported(*rooms)
        missing = {
            name: file
            for name, file in imported.items()
            if name not in BY_HAND
            and not _distributions({name}) & (allowed | _declared(more))
        }
        assert not missing, f"imported and not declared: {missing}"


def test_every_package_that_is_declared_is_imported() -> None:
    used = _distributions(set(_imported("agents", "coordinator")))
    used |= set(NOT_IMPORTED)
    idle = _declared(PROJECT["project"]["dependencies"]) - used
    assert not idle, f"declared, and imported by neither package: {idle}"
    used |= _distributions(set(_imported("tests")))
    idle = _declared(*EXTRAS.values()) - used
    assert not idle, f"in an extra, and imported nowhere: {idle}"


def test_a_line_of_the_lock_is_one_exact_version_and_no_address() -> None:
    assert LOCK
    for line in LOCK:
        requirement = Requirement(line)
        assert requirement.url is None, line
        assert not requirement.extras, f"{line}: no constraint, for pip"
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), line


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lock_holds_one_version_of_all_that_is_declared(
    version: str, system: str
) -> None:
    platform = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}[system]
    there: dict[str, str] = {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": platform,
        "platform_system": system,
        "os_name": "nt" if system == "Windows" else "posix",
    }
    locked: dict[str, str] = {}
    for line in map(Requirement, LOCK):
        if line.marker is None or line.marker.evaluate(there):
            name = canonicalize_name(line.name)
            assert name not in locked, f"{name} is there twice"
            locked[name] = str(line.specifier).removeprefix("==")
    declared = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["build-system"]["requires"],
        *(line for lines in EXTRAS.values() for line in lines),
    ]
    for wanted in map(Requirement, declared):
        if wanted.marker is None or wanted.marker.evaluate({**there, "extra": ""}):
            version_locked = locked.get(canonicalize_name(wanted.name))
            assert version_locked, f"{wanted} is not locked; run .ci/lock"
            assert wanted.specifier.contains(version_locked, prereleases=True), (
                f"{wanted} is locked as {version_locked}; run .ci/lock"
            )


def test_the_build_is_exact_because_constraints_do_not_reach_it() -> None:
    for line in PROJECT["build-system"]["requires"]:
        assert line in LOCK, f"{line} is not in the lock; run .ci/lock"


def test_the_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert f"\n  {command}\n" in script, f".ci/run does not run: {command}"
