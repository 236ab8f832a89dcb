"""``coordinator schema``: prints the JSON Schema of scenario or team files."""

from __future__ import annotations

import sys

from coordinator.scenarios.json_schema import Kind, encoded


def schema_command(kind: Kind) -> int:
    """Print a schema, for editors; the exit code."""
    sys.stdout.write(encoded(kind).decode())
    return 0
