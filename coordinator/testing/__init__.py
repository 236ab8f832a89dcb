"""What tests of one's own teams, backends, tools and prompts stand on: the door.

::

    from coordinator.testing import check_backend, run_scenario, run_virtual

    def test_my_backend() -> None:
        check_backend(MyBackend)

    def test_my_team_in_no_time() -> None:
        result = run_virtual(coordinator.run, "Why?", my_team())
        assert result.status == "answered"

pytest finds the fixtures and collects scenario files by itself, see
:mod:`coordinator.testing.pytest_plugin`; ``scenarios/README.md`` says how a scenario is
written. Importing this package loads nothing: each name brings its own module.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.emulator import serve
    from agents.limits.outside_work import outside_work
    from coordinator.scenarios.reader import Scenario, read_scenario, read_scenarios
    from coordinator.scenarios.runner import Report, run_scenario
    from coordinator.simulation.fault_injection import faulty
    from coordinator.simulation.virtual_time import seeded_schedule, virtual
    from coordinator.testing.backend_checks import BackendFaulty, check_backend
    from coordinator.testing.checked_backend import Checked, ProtocolBroken
    from coordinator.testing.leftovers import no_leftovers
    from coordinator.testing.virtual_runs import run_virtual

__all__ = [
    "BackendFaulty",
    "Checked",
    "ProtocolBroken",
    "Report",
    "Scenario",
    "check_backend",
    "faulty",
    "no_leftovers",
    "outside_work",
    "read_scenario",
    "read_scenarios",
    "run_scenario",
    "run_virtual",
    "seeded_schedule",
    "serve",
    "virtual",
]

_ROOMS = {
    "BackendFaulty": "coordinator.testing.backend_checks",
    "Checked": "coordinator.testing.checked_backend",
    "ProtocolBroken": "coordinator.testing.checked_backend",
    "Report": "coordinator.scenarios.runner",
    "Scenario": "coordinator.scenarios.reader",
    "check_backend": "coordinator.testing.backend_checks",
    "faulty": "coordinator.simulation.fault_injection",
    "no_leftovers": "coordinator.testing.leftovers",
    "outside_work": "agents.limits.outside_work",
    "read_scenario": "coordinator.scenarios.reader",
    "read_scenarios": "coordinator.scenarios.reader",
    "run_scenario": "coordinator.scenarios.runner",
    "run_virtual": "coordinator.testing.virtual_runs",
    "seeded_schedule": "coordinator.simulation.virtual_time",
    "serve": "agents.emulator",
    "virtual": "coordinator.simulation.virtual_time",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(room), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
