"""The command line: arguments, wiring, exit codes. Nothing imports it."""

from coordinator.cli.app import main

__all__ = ["main"]
