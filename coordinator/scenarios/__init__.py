"""Scenarios: a team, what its agents will say, and the outcome expected of it.

A scenario is a file that people write and read, and a test that runs in virtual time
through the real shell. :mod:`coordinator.scenarios.form` says what may stand in one.
"""

from coordinator.scenarios.command import (
    list_command,
    scenario_command,
    schema_command,
)
from coordinator.scenarios.form import schema
from coordinator.scenarios.reading import Scenario, read_scenario
from coordinator.scenarios.running import Report, run_scenario, run_together

__all__ = [
    "Report",
    "Scenario",
    "list_command",
    "read_scenario",
    "run_scenario",
    "run_together",
    "scenario_command",
    "schema",
    "schema_command",
]
