"""What ``coordinator.testing`` exports: the whole of its public surface.

Each name is written once, with where it lives; :mod:`agents.door` reads these lines
when a name is first used. What is not listed is private and may move.
"""

from coordinator.testing.backend_checks import BackendFaulty as BackendFaulty
from coordinator.testing.checked_backend import Checked as Checked
from coordinator.testing.checked_backend import ProtocolBroken as ProtocolBroken
from coordinator.scenarios.runner import Report as Report
from coordinator.scenarios.reader import Scenario as Scenario
from coordinator.testing.backend_checks import check_backend as check_backend
from coordinator.simulation.fault_injection import faulty as faulty
from coordinator.testing.leftovers import no_leftovers as no_leftovers
from agents.limits.outside_work import outside_work as outside_work
from coordinator.scenarios.reader import read_scenario as read_scenario
from coordinator.scenarios.reader import read_scenarios as read_scenarios
from coordinator.scenarios.runner import run_scenario as run_scenario
from coordinator.testing.virtual_runs import run_virtual as run_virtual
from coordinator.simulation.virtual_time import seeded_schedule as seeded_schedule
from agents.emulator import serve as serve
from coordinator.simulation.virtual_time import virtual as virtual
