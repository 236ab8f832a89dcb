"""``coordinator emulate --check``: what the API would refuse of recorded requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import msgspec

from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import RULES, refusals
from coordinator.cli.exit_codes import Exit, complain


def check_command(path: Path) -> int:
    """Say on standard output what the API is known to refuse of each request."""
    try:
        told: Any = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        complain(f"{str(path)!r} cannot be read: {error.strerror}; name a file of JSON")
        return Exit.CONFIGURATION
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        complain(f"{str(path)!r} is not JSON: {error}")
        return Exit.CONFIGURATION
    requests = cast("list[Any]", told) if isinstance(told, list) else [told]
    refused = 0
    for number, request in enumerate(requests, 1):
        if not isinstance(request, dict):
            complain(f"request {number} of {str(path)!r} is no object")
            return Exit.CONFIGURATION
        body, betas = _parts(cast("dict[str, Any]", request))
        found = refusals(body, betas, Issued(knows_all=False))
        refused += bool(found)
        for rule, said in found:
            where = f"request {number}: " if len(requests) > 1 else ""
            source = f"{rule.name}: {rule.source}, read {rule.read}"
            sys.stdout.write(f"{where}400 {said}\n    ({source})\n")
    count = f"{refused} of {len(requests)}" if refused else "nothing"
    sys.stdout.write(f"{count} would be refused, by {len(RULES)} rules\n")
    return Exit.CONFIGURATION if refused else Exit.ANSWERED


def _parts(request: dict[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """A request's body, and the betas that its header lists."""
    body: Any = request.get("body")
    if not isinstance(body, dict):
        return request, frozenset()
    headers: Any = request.get("headers")
    named = cast("dict[str, Any]", headers) if isinstance(headers, dict) else {}
    listed = next(
        (str(v) for name, v in named.items() if name.lower() == "anthropic-beta"), ""
    )
    betas = frozenset(beta.strip() for beta in listed.split(",") if beta.strip())
    return cast("dict[str, Any]", body), betas
