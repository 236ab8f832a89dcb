"""``coordinator emulate --check``: what the API would refuse of recorded requests."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import RULES, refusals
from coordinator.cli.exit_codes import Exit, complain


def check_command(path: Path) -> int:
    """Say on standard output what the API is known to refuse of each request."""
    try:
        requests = _requests(path.read_bytes())
    except OSError as error:
        complain(f"{str(path)!r} cannot be read: {error.strerror}; name a file of JSON")
        return Exit.CONFIGURATION
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        complain(f"{str(path)!r} is not JSON: {error}")
        return Exit.CONFIGURATION
    if not requests:
        complain(f"{str(path)!r} holds no request; see 'coordinator emulate --help'")
        return Exit.CONFIGURATION
    refused = 0
    for number, request in enumerate(requests, 1):
        if not isinstance(request, dict):
            complain(f"request {number} of {str(path)!r} is no object")
            return Exit.CONFIGURATION
        body, betas = _parts(cast("dict[str, Any]", request))
        broken = refusals(body, betas, Issued(knows_all=False))
        refused += bool(broken)
        for rule, message in broken:
            where = f"request {number}: " if len(requests) > 1 else ""
            source = f"{rule.name}: {rule.source}, read {rule.read}"
            sys.stdout.write(f"{where}400 {message}\n    ({source})\n")
    count = f"{refused} of {len(requests)}" if refused else "nothing"
    sys.stdout.write(f"{count} would be refused, by {len(RULES)} rules\n")
    return Exit.CONFIGURATION if refused else Exit.ANSWERED


def _requests(data: bytes) -> list[Any]:
    """The requests in a file: one, a list of them, or one on each line.

    Raises:
        msgspec.DecodeError: It is no JSON.
    """
    data = data.removeprefix(codecs.BOM_UTF8).strip()
    try:
        decoded: Any = msgspec.json.decode(data)
    except msgspec.DecodeError:
        if b"\n" not in data:
            raise
        lines = [line for line in data.splitlines() if line.strip()]
        try:
            return [msgspec.json.decode(line) for line in lines]
        except msgspec.DecodeError:
            decoded = msgspec.json.decode(data)  # the file's fault, and not a line's
    return cast("list[Any]", decoded) if isinstance(decoded, list) else [decoded]


def _parts(request: dict[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """A request's body, and the betas that its header lists."""
    body: Any = request.get("body")
    if not isinstance(body, dict):
        return request, frozenset()
    listed = ",".join(_values_of("anthropic-beta", request.get("headers")))
    betas = frozenset(beta.strip() for beta in listed.split(",") if beta.strip())
    return cast("dict[str, Any]", body), betas


def _values_of(header: str, headers: object) -> Iterator[str]:
    """A header's values: recorders write an object, or pairs, a value or a list."""
    pairs: list[Any] = []
    if isinstance(headers, dict):
        pairs = list(cast("dict[str, Any]", headers).items())
    elif isinstance(headers, list):
        pairs = cast("list[Any]", headers)
    for pair in pairs:
        match pair:
            case (str(name), str(value)) if name.lower() == header:
                yield value
            case (str(name), [*values]) if name.lower() == header:
                yield from map(str, values)
            case {"name": str(name), "value": str(value)} if name.lower() == header:
                yield value
            case _:
                pass
