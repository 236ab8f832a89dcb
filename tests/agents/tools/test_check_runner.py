"""Results of checks, whatever they do; nothing is left of a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from agents.protocol.checks import Check, CheckResult
from agents.tools.check_runner import Subject, run_check

pytestmark = [pytest.mark.real_time]
TYPED = msgspec.Raw(b'{"city":"Paris","people":2}')


async def found(
    check: Check,
    content: str = "it is 42",
    *,
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET,
    folder: Path | None = None,
    function: Callable[[Any], object] | None = None,
) -> CheckResult:
    return await run_check(check, Subject(content, value, folder), function)


async def test_a_pattern_is_found_anywhere_in_the_words() -> None:
    assert (await found(Check(pattern=r"\b42\b"))).outcome == "passed"
    failed = await found(Check(pattern="^42"))
    assert (failed.outcome, failed.detail) == (
        "failed",
        "nothing in the answer matches ^42",
    )


async def test_a_pattern_that_takes_for_ever_is_late() -> None:
    check = Check(pattern="(a+)+$", timeout_s=0.3)
    assert (await found(check, "a" * 60 + "!")).outcome == "late"


async def test_a_schema_is_held_against_the_value_or_the_json_in_the_words() -> None:
    schema = {"type": "object", "required": ["people"]}
    check = Check(json_schema=schema)
    assert (await found(check, "words", value=TYPED)).outcome == "passed"
    assert (await found(check, 'So:\n```json\n{"people": 2}\n```')).outcome == "passed"
    failed = await found(check, '{"city": "Paris"}')
    assert failed.outcome == "failed"
    assert "'people' is a required property" in failed.detail
    assert (await found(check, "Paris")).detail == "the answer holds no JSON"


@pytest.mark.parametrize(
    ("said", "outcome", "detail"),
    [
        (None, "passed", ""),
        (True, "passed", ""),
        ("", "passed", ""),
        (False, "failed", ""),
        ("too short", "failed", "too short"),
        (41, "broken", "it returned a int; return True, False, or a text"),
    ],
)
async def test_what_a_function_returns_says_whether_it_passes(
    said: object, outcome: str, detail: str
) -> None:
    result = await found(Check(function="m:f"), function=lambda _: said)
    assert result.outcome == outcome
    assert result.detail.startswith(detail)


async def test_a_function_is_given_the_value_and_may_be_asynchronous() -> None:
    async def is_paris(value: dict[str, Any]) -> bool:
        await anyio.lowlevel.checkpoint()
        return value["city"] == "Paris"

    result = await found(Check(function="m:f"), value=TYPED, function=is_paris)
    assert result.outcome == "passed"


async def test_an_assertion_fails_an_answer_and_any_other_error_breaks_the_check(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def asserts(answer: str) -> None:
        assert "41" in answer, "41 is missing"

    def breaks(answer: str) -> None:
        raise KeyError(answer)

    failed = await found(Check(function="m:f"), function=asserts)
    assert failed.outcome == "failed"
    assert failed.detail.startswith("41 is missing")
    assert (await found(Check(function="m:f"), function=breaks)).outcome == "broken"
    assert "KeyError" in caplog.text


async def test_a_function_that_never_returns_is_late() -> None:
    check = Check(function="m:f", timeout_s=0.1)

    async def waits(_: object) -> None:
        await anyio.sleep_forever()

    assert (await found(check, function=waits)).outcome == "late"


@pytest.mark.needs("bwrap")
async def test_a_command_runs_in_a_copy_that_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 42\n")
    os.mkfifo(tmp_path / "pipe")
    check = Check(command="grep -q 42 module.py && echo 43 > module.py && pwd")
    result = await found(check, folder=tmp_path)
    place = anyio.Path(result.detail.splitlines()[0])
    assert result.outcome == "passed"
    assert not await place.exists()
    assert (tmp_path / "module.py").read_text() == "x = 42\n"


@pytest.mark.needs("bwrap")
async def test_a_command_reads_the_answer_and_fails_by_its_exit_code() -> None:
    passed = await found(Check(command="grep -q 42"))
    assert passed.outcome == "passed"
    typed = await found(Check(command="cat; exit 3"), value=TYPED)
    assert typed.outcome == "failed"
    assert typed.detail == f"{bytes(TYPED).decode()}\n[exit code 3]"


@pytest.mark.needs("bwrap")
@pytest.mark.parametrize("command", ["no-such-program -q", "python3 -m no_such -q"])
async def test_a_command_that_is_not_there_breaks_the_check(command: str) -> None:
    """Else authors would mend what nobody has looked at."""
    result = await found(Check(command=command))
    assert result.outcome == "broken"
    assert "no" in result.detail


@pytest.mark.needs("bwrap")
async def test_files_are_laid_over_what_the_author_has_written(tmp_path: Path) -> None:
    own, ours = tmp_path / "own", tmp_path / "ours" / "tests"
    (own / "tests").mkdir(parents=True)
    ours.mkdir(parents=True)
    (own / "tests" / "conftest.py").write_text("raise SystemExit(0)")
    (ours / "test_it.sh").write_text("exit 5")
    check = Check(
        command="test ! -e tests/conftest.py && bash tests/test_it.sh",
        files=(str(ours),),
    )
    result = await found(check, folder=own)
    assert result.detail.endswith("[exit code 5]")


@pytest.mark.needs("bwrap")
async def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    check = Check(command="sleep 60 & sleep 60", timeout_s=0.3)
    with anyio.fail_after(10):
        assert (await found(check)).outcome == "late"


@pytest.mark.needs("bwrap")
async def test_a_command_finds_no_key_and_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-77")
    (tmp_path / "secret").write_text("canary-78")
    check = Check(command=f"env; cat {tmp_path}/secret; cat /proc/*/environ; false")
    assert "canary" not in (await found(check)).detail


async def test_a_file_that_is_not_there_breaks_the_check() -> None:
    check = Check(command="true", files=("/no/such/file",), sandbox="off")
    result = await found(check)
    assert result.outcome == "broken"
    assert "/no/such/file is not there" in result.detail
