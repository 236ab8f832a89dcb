"""A user's own check of an answer: a command that reads it and says by its exit code.

The command is no shell's: its words are taken apart as a shell would, and run where the
program runs. The answer is on its standard input, as JSON where answers are typed;
``COORDINATOR_QUESTION_ID``, ``COORDINATOR_QUESTION``, ``COORDINATOR_REFERENCE`` and
``COORDINATOR_RESULT`` are in its environment. Exit code 0 is right, 1 to 125 wrong;
anything else is a check that broke, and says nothing. A team's own ``checks`` are
another matter: they are part of its sessions.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import anyio
import msgspec

from agents.boundary.threads import in_thread
from agents.tools.workspace.child_process import kill_session
from coordinator.errors import ConfigInvalid
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.questions import Question

CHECK_S = 60.0
"""How long a check may take."""
WRONG_MOST = 125
"""Beyond it a shell says that a command was not found, or that a signal ended it."""
_BROKE = "; the check broke: "


def command_of(check: str) -> list[str]:
    """Take a check's command apart.

    Raises:
        ConfigInvalid: It is empty, or its quotes are not closed.
    """
    try:
        words = shlex.split(check)
    except ValueError as error:
        raise ConfigInvalid(f"--check {check!r} cannot be read: {error}") from error
    if not words:
        raise ConfigInvalid("--check is empty; name a command: --check 'python ok.py'")
    return words


def insist_on_program(check: str, *, is_local: bool) -> None:
    """Refuse before anything is paid for what could judge nothing.

    Args:
        check: The command.
        is_local: Whether it runs on this machine; what others have is not known here.

    Raises:
        ConfigInvalid: It cannot be taken apart, or there is no such program.
    """
    program = command_of(check)[0]
    if is_local and shutil.which(program) is None:
        raise ConfigInvalid(
            f"--check: there is no program {program!r} here; install it, or write its "
            "path"
        )


async def checked(
    outcome: Outcome, question: Question, check: str, limit_s: float = CHECK_S
) -> Outcome:
    """The outcome as the check judges it; one without an answer is wrong."""
    if outcome.answer is None:
        return msgspec.structs.replace(outcome, is_right=False, check=check)
    words = command_of(check)
    environment = {
        **os.environ,
        "COORDINATOR_QUESTION_ID": question.id,
        "COORDINATOR_QUESTION": question.question[:100_000],
        "COORDINATOR_REFERENCE": "\n".join(question.reference)[:10_000],
        "COORDINATOR_RESULT": outcome.result[:10_000],
    }
    environment = {key: text.replace("\0", "") for key, text in environment.items()}
    answer = (
        outcome.answer.encode("utf-8", "replace")
        if outcome.value is None
        else msgspec.json.encode(outcome.value)
    )
    code = await in_thread(
        lambda: _exit_code(words, answer, environment, limit_s), name="check"
    )
    if isinstance(code, int) and 0 <= code <= WRONG_MOST:
        return msgspec.structs.replace(outcome, is_right=code == 0, check=check)
    why = code if isinstance(code, str) else f"exit code {code}"
    before = outcome.detail.partition(_BROKE)[0]  # it may break again
    detail = f"{before}{_BROKE}{why}".lstrip("; ")
    return msgspec.structs.replace(outcome, is_right=None, check=check, detail=detail)


def _exit_code(
    words: list[str], answer: bytes, environment: dict[str, str], limit_s: float
) -> int | str:
    """Run the command to its end; why it has no exit code, where it has none."""
    try:
        with subprocess.Popen(  # noqa: S603  (the user's own command)
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                process.communicate(answer, timeout=limit_s)
            except subprocess.TimeoutExpired:
                kill_session(process.pid)
                return f"it took more than {limit_s:g} s"
            return process.returncode
    except OSError as error:
        return str(error)


async def checked_all(
    outcomes: list[tuple[Outcome, Question]], check: str, at_once: int
) -> list[Outcome]:
    """Judge many, so many at a time, in their order."""
    limiter = anyio.CapacityLimiter(at_once)
    judged: list[Outcome] = [outcome for outcome, _ in outcomes]

    async def one(number: int, outcome: Outcome, question: Question) -> None:
        async with limiter:
            judged[number] = await checked(outcome, question, check)

    async with anyio.create_task_group() as group:
        for number, (outcome, question) in enumerate(outcomes):
            group.start_soon(one, number, outcome, question, name=f"check {number}")
    return judged
