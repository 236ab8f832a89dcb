"""The checks of a team, ready to be run: functions imported, files found.

What a check is stands in :mod:`agents.protocol.checks`; rules keep it as a value, and a
function that a program brings is kept here beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from agents.protocol.checks import Check
from agents.tools.answer_schema import SchemaInvalid, answer_form
from agents.tools.workspace import sandbox
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.team.function_tools import imported
from coordinator.team.paths import expanded

Given: TypeAlias = Check | str | Callable[[Any], object]
"""A check as programs give it: a text is a command, a function itself."""
Functions: TypeAlias = dict[str, Callable[[Any], object]]


def with_checks(rules: Rules, more: Sequence[Given]) -> tuple[Rules, Functions]:
    """``rules`` with ``more`` checks, and the functions that they and theirs run.

    Args:
        rules: Whose own checks come first.
        more: What a program gives beside them.

    Raises:
        ConfigInvalid: A function cannot be imported, a schema is none, a name is
            there twice, or a command has no sandbox.
    """
    brought: Functions = {}
    checks = [*rules.drafting.each_check()]
    for each in more:
        check = _as_check(each)
        if callable(each):
            brought[check.called] = each
        if check not in checks:  # a team that is changed has taken them up already
            checks.append(check)
    if len(checks) > len(rules.drafting.checks):
        rules = rules.replace(checks=checks)
    functions = {
        check.called: brought.get(check.called) or _imported(check)
        for check in rules.drafting.each_check()
        if check.function is not None
    }
    for check in rules.drafting.each_check():
        _check_usable(check)
    return rules, functions


def _as_check(check: Given) -> Check:
    try:
        if isinstance(check, str):
            return Check(command=check)
        if isinstance(check, Check):
            return check
        if callable(check):
            return Check(function=_name_of(check))
    except ValueError as error:
        raise ConfigInvalid(f"checks: {error}") from None
    raise ConfigInvalid(
        f"checks: {check!r} is no check; give a command, a function or a Check"
    )


def placed(rules: Rules, folder: str) -> Rules:
    """``rules`` of a team file, with functions and files sought in its folder too.

    Raises:
        ConfigInvalid: A function cannot be imported, or a file is not there.
    """
    resolved: list[Check] = []
    for check in rules.drafting.each_check():
        if check.function is not None:
            _imported(check, folder)
        files = tuple(_file(name, folder) for name in check.files)
        resolved.append(msgspec.structs.replace(check, files=files))
    return rules.replace(checks=resolved) if resolved else rules


def _name_of(function: Callable[[Any], object]) -> str:
    module = getattr(function, "__module__", None) or "program"
    name = getattr(function, "__qualname__", None) or type(function).__name__
    return f"{module}:{name}"


def _imported(check: Check, folder: str = "") -> Callable[[Any], object]:
    assert check.function is not None
    try:
        function = imported(check.function, folder)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigInvalid(
            f"check {check.called!r} cannot be used: {error}; write a function of the "
            "answer as module:function"
        ) from error
    if not callable(function):
        raise ConfigInvalid(
            f"check {check.called!r} cannot be used: {check.function} is no function"
        )
    return function


def _file(name: str, folder: str) -> str:
    try:
        path = Path(folder) / expanded(name)
    except ValueError as error:
        raise ConfigInvalid(f"a check's file: {error}") from None
    if not path.exists():
        raise ConfigInvalid(
            f"a check lays {name} over the workspace, and {path} is not there"
        )
    return os.path.abspath(path)  # noqa: PTH100  (no link is resolved)


def _check_usable(check: Check) -> None:
    """Refuse before anything is paid for what no answer could pass."""
    if check.command is not None and check.sandbox == "on" and not sandbox.is_there():
        raise ConfigInvalid(
            f"check {check.called!r} is a command, and nothing here keeps commands to "
            f"a folder: {sandbox.NONE_HERE} to let it see the whole file system"
        )
    if check.json_schema is not None:
        try:
            answer_form(check.json_schema)
        except SchemaInvalid as error:
            raise ConfigInvalid(f"check {check.called!r} {error}") from None
