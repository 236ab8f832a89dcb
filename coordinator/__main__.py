"""``python -m coordinator``, and what the ``coordinator`` command calls."""

import sys

from agents.door import collector_paused

with collector_paused():
    from coordinator.cli import main as _main
    from coordinator.cli.tool_output import end_program


def main() -> int:
    """Run the command line, and end the program with its exit code."""
    return end_program(_main())


if __name__ == "__main__":
    sys.exit(main())
