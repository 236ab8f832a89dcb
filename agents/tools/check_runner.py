"""Runs one check of an answer; whatever it does, its result is data.

A command runs in a copy of the author's workspace, which is gone afterwards, and in a
sandbox (:mod:`agents.tools.workspace.sandbox`). A pattern that is not sure to be quick
is searched by a process of its own: it may take for ever, and cannot be stopped in this
one. A function and a schema run here, in a task or a thread that may be left behind.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import stat
import sys
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple, cast

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from agents.boundary.guard import (
    class_name,
    is_a,
    log_error,
    plain_text,
    text_of,
    words_of,
)
from agents.boundary.root import RootTask
from agents.boundary.threads import CallClock, in_thread
from agents.errors import ToolFailed
from agents.limits.outside_work import outside_work
from agents.protocol.checks import Check, CheckResult, Outcome
from agents.protocol.unicode_text import whole_text
from agents.tools.answer_schema import SchemaInvalid, answer_form
from agents.tools.pattern_cost import is_quick
from agents.tools.workspace import sandbox
from agents.tools.workspace.bash import KEPT, Limits, limited
from agents.tools.workspace.child_process import kill_session, open_process
from agents.tools.workspace.work_place import OWNER

DETAIL_CHARS = 4_000
"""Of what a check wrote, that is kept: the end, where tests put their summary."""
CLOSE_GRACE_S = 2.0
"""How long a killed command may take to be gone."""
LEFT_S = 1.0
"""How long a function may take to end once its time is up."""
COPIED_MIB_MOST = 1024
"""Largest workspace that is copied for a check."""

_MATCHES = """\
import re, sys
pattern, _, text = sys.stdin.buffer.read().decode("utf-8", "replace").partition("\\0")
sys.exit(0 if re.search(pattern, text) else 3)
"""
_NO_MATCH = 3
_NOT_RUN = (126, 127)
"""Exit codes of a shell where a command cannot be run, or is not found."""
_FENCED = re.compile(r"```[A-Za-z0-9]*\n(.*?)```", re.DOTALL)


class Subject(NamedTuple):
    """The answer that is checked."""

    content: str
    value: msgspec.Raw | msgspec.UnsetType
    """Where answers are typed."""
    folder: Path | None
    """Its author's workspace; ``None``: it has none."""

    @property
    def text(self) -> str:
        """The input of a command: the value as JSON, or the words."""
        if isinstance(self.value, msgspec.UnsetType):
            return self.content
        return bytes(self.value).decode("utf-8", "replace")

    def decoded(self) -> object:
        """The argument of a function: the value, or the words."""
        if isinstance(self.value, msgspec.UnsetType):
            return self.content
        return msgspec.json.decode(self.value)


class _Found(NamedTuple):
    outcome: Outcome
    detail: str = ""


async def run_check(
    check: Check, subject: Subject, function: Callable[[Any], object] | None = None
) -> CheckResult:
    """Hold ``subject`` against ``check``.

    Args:
        check: What to run.
        subject: The answer.
        function: What ``check.function`` names, imported.

    Returns:
        What was found; its outcome is ``broken`` where the check itself went wrong.
    """
    began = anyio.current_time()
    try:
        finding = await _run(check, subject, function)
    except (ToolFailed, OSError, SchemaInvalid) as error:
        finding = _Found("broken", text_of(error))
    return CheckResult(
        check=check.called,
        outcome=finding.outcome,
        detail=whole_text(finding.detail[-DETAIL_CHARS:]),
        took_s=round(anyio.current_time() - began, 3),
    )


async def _run(
    check: Check, subject: Subject, function: Callable[[Any], object] | None
) -> _Found:
    if check.command is not None:
        return await _by_command(check, subject)
    if check.pattern is not None:
        return await _by_pattern(check.pattern, subject.content, check.timeout_s)
    if check.json_schema is not None:
        schema = check.json_schema

        def fits() -> object:
            return _schema_fault(schema, subject)

        return await _by_function(check, lambda: in_thread(fits, name="schema check"))
    if function is None:
        raise ToolFailed(f"{check.function} was not imported")
    return await _by_function(check, lambda: _called(function, subject))


async def _called(function: Callable[[Any], object], subject: Subject) -> object:
    """The result of ``function`` for the answer; a blocking one runs in a thread."""
    argument = subject.decoded()
    if inspect.iscoroutinefunction(function):
        return await cast("Awaitable[object]", function(argument))
    verdict = await in_thread(lambda: function(argument), name="check")
    return (
        await cast("Awaitable[object]", verdict)
        if inspect.isawaitable(verdict)
        else verdict
    )


async def _by_function(check: Check, call: Callable[[], Awaitable[object]]) -> _Found:
    """Run what may do anything, in a task that may be left behind."""
    scope = anyio.CancelScope()
    clock = CallClock(scope, check.timeout_s)

    async def run() -> object:
        return await call()

    with clock.in_use():
        task = RootTask(f"check {check.called}", run, names_blocking=True)
    clock.also_ends(task.scope)
    with scope:
        await task.finish(LEFT_S)
    if scope.cancelled_caught or task.is_cancelled:
        return _Found("late", f"it took longer than {check.timeout_s:g} s")
    error = task.error
    if error is None:
        return _verdict(task.value)
    if is_a(error, AssertionError):
        return _Found("failed", text_of(error) or "an assertion does not hold")
    log_error(f"check {check.called}", error)
    return _Found("broken", words_of(error))


def _verdict(result: object) -> _Found:
    """The verdict that a function's result stands for."""
    # By its type: isinstance would ask the result, which may answer anything.
    text = plain_text(result)
    if text is not None:
        return _Found("failed", text) if text.strip() else _Found("passed")
    if result is None or result is True:
        return _Found("passed")
    if result is False:
        return _Found("failed")
    return _Found(
        "broken",
        f"it returned a {class_name(result)}; return True, False, or a text that "
        "says what is wrong",
    )


def _schema_fault(schema: dict[str, Any], subject: Subject) -> str:
    """The first violation of ``schema`` by the answer; empty: it fits."""
    form = answer_form(schema)
    texts = [subject.text]
    if isinstance(subject.value, msgspec.UnsetType):
        texts += _FENCED.findall(subject.content)
    fault = "the answer holds no JSON"
    for text in texts:
        try:
            form.check(msgspec.Raw(text.strip().encode()))
        except msgspec.DecodeError:
            continue
        except ValueError as error:
            fault = text_of(error)
        else:
            return ""
    return fault


async def _by_pattern(pattern: str, text: str, timeout_s: float) -> _Found:
    """Look for ``pattern``, in a process of its own where that may take for ever."""
    if is_quick(pattern, text):
        await anyio.lowlevel.checkpoint()
        refused = (re.error, RecursionError, OverflowError)
        with suppress(*refused), warnings.catch_warnings(action="ignore"):
            is_there = re.search(pattern, text)
            return _Found("passed") if is_there else _no_match(pattern)
    stdin = f"{pattern}\0{text}".encode("utf-8", "replace")
    line = [sys.executable, "-I", "-S", "-c", _MATCHES]
    ended = await _to_end(line, stdin, timeout_s, None, os.environ)
    if ended is None:
        return _Found("late", f"it took longer than {timeout_s:g} s")
    code, output = ended
    if code == 0:
        return _Found("passed")
    return _no_match(pattern) if code == _NO_MATCH else _Found("broken", output)


def _no_match(pattern: str) -> _Found:
    return _Found("failed", f"nothing in the answer matches {pattern}")


async def _by_command(check: Check, subject: Subject) -> _Found:
    assert check.command is not None
    is_sandboxed = check.sandbox == "on"
    if is_sandboxed and not sandbox.is_there():
        raise ToolFailed(
            f"there is no sandbox here: {sandbox.NONE_HERE} to let the check see the "
            "whole file system"
        )
    async with _copied(subject.folder, check.files) as folder:
        limits = Limits(
            time_s=check.timeout_s, cpu_s=max(1, round(2 * check.timeout_s))
        )
        line = ["bash", "-c", limited(check.command, limits, is_sandboxed=is_sandboxed)]
        environment = _environment(folder)
        if is_sandboxed:
            line = sandbox.around(line, folder, environment, reads=_programs())
        else:
            sandbox.hide_environment()
        stdin = subject.text.encode("utf-8", "replace")
        ended = await _to_end(line, stdin, check.timeout_s, folder, environment)
    if ended is None:
        return _Found("late", f"it took longer than {check.timeout_s:g} s")
    code, output = ended
    outcome: Outcome = "passed" if code == 0 else "failed"
    if code in _NOT_RUN or (code and _lacks_module(check.command, output)):
        outcome = "broken"  # the answer was never looked at
    return _Found(outcome, f"{output}\n[exit code {code}]")


def _lacks_module(command: str, output: str) -> bool:
    """Whether Python had no such module as ``-m`` names: pytest, mostly."""
    module = re.search(r"-m\s+([\w.]+)", command)
    lacks = re.search(r"No module named '?([\w.]+)'?\s*$", output)
    return bool(module and lacks and module[1] == lacks[1])


def _programs() -> tuple[Path, ...]:
    """Where this Python and its packages are, where that is not the system's place."""
    packages = (each for each in sys.path if "site-packages" in each)
    named = (*_prefixes(), *map(Path, packages))
    return tuple(dict.fromkeys(x for x in named if not x.is_relative_to("/usr")))


def _prefixes() -> tuple[Path, ...]:
    named = (os.environ.get("VIRTUAL_ENV", ""), sys.prefix, sys.base_prefix)
    return tuple(dict.fromkeys(Path(each) for each in named if each))


def _environment(folder: Path) -> dict[str, str]:
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    places = [str(each / "bin") for each in _prefixes()]
    path = os.pathsep.join([*places, variables.get("PATH", sandbox.PATH)])
    # What tests write beside themselves is thrown away with the copy.
    return {
        **variables,
        "PATH": path,
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@asynccontextmanager
async def _copied(folder: Path | None, files: Sequence[str]) -> AsyncGenerator[Path]:
    """A copy of ``folder`` with ``files`` laid over it; gone afterwards.

    Raises:
        ToolFailed: It is too large, or a file is not there.
    """
    place = Path(mkdtemp(prefix="check-"))
    try:
        await in_thread(lambda: _copy(folder, files, place), name="copy for a check")
        yield place
    finally:
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            await in_thread(
                lambda: shutil.rmtree(place, ignore_errors=True), name="end of a check"
            )


def _copy(folder: Path | None, files: Sequence[str], place: Path) -> None:
    if folder is not None and folder.is_dir():
        room = [COPIED_MIB_MOST * 2**20]

        def passed_over(within: str, names: list[str]) -> set[str]:
            out: set[str] = set()
            for name in names:
                status = os.lstat(os.path.join(within, name))  # noqa: PTH118  (hot)
                room[0] -= status.st_size
                kinds = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
                if name == OWNER or not any(kind(status.st_mode) for kind in kinds):
                    out.add(name)  # a pipe would be read for ever
            if room[0] < 0:
                raise ToolFailed(
                    f"the workspace has more than {COPIED_MIB_MOST:,} MiB, which is "
                    "not copied for a check; keep data elsewhere"
                )
            return out

        shutil.copytree(
            folder, place, symlinks=True, ignore=passed_over, dirs_exist_ok=True
        )
    for name in files:
        source = Path(os.path.expandvars(name)).expanduser()
        target = place / source.name
        if source.is_dir():
            # Nothing of the author's stays beside what is laid over it.
            if target.is_symlink() or target.is_file():
                target.unlink()
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, symlinks=True)
        elif source.is_file():
            target.unlink(missing_ok=True)
            shutil.copy2(source, target)
        else:
            raise ToolFailed(f"{name} is not there, which the check lays over the copy")


async def _to_end(
    line: list[str],
    stdin: bytes,
    timeout_s: float,
    folder: Path | None,
    environment: Mapping[str, str],
) -> tuple[int, str] | None:
    """Run a program; its exit code and the end of what it wrote, or ``None``: late."""
    tail = bytearray()
    code: int | None = None
    process = await open_process(line, cwd=folder, env=environment, takes_input=True)
    try:
        with anyio.move_on_after(timeout_s), outside_work(timeout_s):
            async with anyio.create_task_group() as group:
                group.start_soon(_write, process, stdin, name="input of a check")
                group.start_soon(_read, process, tail, name="output of a check")
                await process.wait()
                # What it left behind holds its output open.
                kill_session(process.pid)
                code = process.returncode
    finally:
        kill_session(process.pid)
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True), outside_work():
            await process.aclose()
    if code is None:
        return None
    return code, tail.decode("utf-8", "replace").strip()


async def _write(process: anyio.abc.Process, stdin: bytes) -> None:
    assert process.stdin is not None
    try:
        await process.stdin.send(stdin)
        await process.stdin.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await anyio.lowlevel.checkpoint()  # it does not read its input


async def _read(process: anyio.abc.Process, tail: bytearray) -> None:
    assert process.stdout is not None
    async for data in process.stdout:
        tail += data
        del tail[: -4 * DETAIL_CHARS]
