"""A team of one's own under stress: what is wrong is found, shrunk and told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from coordinator.stress.plan import Wish, plan_of
from coordinator.stress.play import play
from coordinator.stress.targets import target

ROOT = Path(__file__).parents[3]
TEAM = str(ROOT / "scenarios" / "offline_team.yaml")
OWN = """
import anyio
from contextlib import asynccontextmanager
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.emulator.default_scripts import sample_script
from coordinator import Team

class Late(ScriptedBackend):
    @asynccontextmanager
    async def open_stream(self, request, pen):
        with anyio.CancelScope(shield=True):
            await anyio.sleep(500)
        async with super().open_stream(request, pen) as stream:
            yield stream

def make(agents=3):
    script = sample_script()
    good, late = ScriptedBackend(script), Late(script)
    return Team(agents=tuple(
        Agent(id=f"a{n}", backend=late if n == 2 else good) for n in range(agents)
    ))

def none():
    return 3
"""
BAD = """
from agents import Agent, FunctionBackend
from coordinator import Team

TEAM = 3

def raises():
    raise RuntimeError("no database")

def takes_two(one, two):
    return None

async def late():
    return 3

def buggy():
    def ask(messages, tools):
        raise KeyError("typo")
    backend = FunctionBackend(ask)
    return Team(agents=(Agent(id="a", backend=backend), Agent(id="b", backend=backend)))
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_same_seed_says_the_same(runtime: Runtime) -> None:
    team = target(TEAM, 30)
    one, other = (play(team, 3, Wish(), runtime=runtime)[0] for _ in range(2))
    assert one == other
    assert one.problems == ()
    assert one.agents == 30


def test_leaving_an_agent_out_changes_nothing_for_the_others() -> None:
    names = [f"a{n}" for n in range(20)]
    whole, part = plan_of(7, names, Wish()), plan_of(7, names[5:], Wish())
    assert {k: v for k, v in whole.faults.items() if k in names[5:]} == part.faults
    assert whole.deadline_s == part.deadline_s


def test_a_team_that_ends_as_it_must_is_told_in_a_table_and_drawn(
    run: Run, tmp_path: Path
) -> None:
    picture = tmp_path / "stress.svg"
    code, out, _ = run(
        "stress", TEAM, "--agents", "12", "--seeds", "0..3", "--runtime", "both",
        "--plot", str(picture),
    )  # fmt: skip
    assert code == 0
    assert "nothing was left open, lost, late or out of order" in out
    assert "when, of the deadline: " in out
    assert picture.read_text().startswith("<svg")


def test_what_cannot_be_stopped_is_found_made_small_and_told_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_late_team.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    code, out, _ = run("stress", "own_late_team:make", "--agents", "9", "--seeds", "4")
    assert code == 2
    # It is left behind, so that the session is not late; its turn never ends.
    assert "lost: the end of a turn of a2" in out
    assert "as small as it became: 4 agents" in out
    (line,) = [x.strip() for x in out.splitlines() if x.startswith("  coordinator")]
    assert line.endswith("--only a0,a1,a2,a3")
    again, told, _ = run(*line.split()[1:], "--json")
    assert again == 2
    read: Any = msgspec.json.decode(told)
    assert read["sessions"][0]["agents"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "cannot be read"),
        (["no_such_module:make"], "cannot be imported"),
        ([TEAM, "--seeds", "x"], "give a span such as 0..19"),
        ([TEAM, "--faults", "fials"], "is no fault; did you mean 'fails'?"),
        ([TEAM, "--agents", "0"], "--agents 0 is none; give 1 or more"),
        ([TEAM, "--only", "zed"], "--only: no agent is 'zed'; name "),
        (["own_bad_team:raises"], "made no team: RuntimeError: no database (own_bad_"),
        (["own_bad_team:takes_two"], "it is called with nothing, or with agents="),
        (["own_bad_team:TEAM"], "is a int; name a function that returns a new Team"),
        (["own_bad_team:raise"], "did you mean 'raises'?"),
        (["own_bad_team:late"], "returned 3, which is no Team"),
        ([TEAM, "--deadline", "0"], "give seconds over 0"),
    ],
)
def test_what_cannot_be_put_under_stress_is_refused(
    run: Run,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "own_bad_team.py").write_text(BAD)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    sys.modules.pop("own_bad_team", None)
    code, _, err = run("stress", *arguments)
    assert code == 1
    assert said in err


def test_who_fails_with_nothing_put_around_it_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_buggy_team.py").write_text(BAD)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    code, out, _ = run(
        "stress", "own_buggy_team:buggy", "--seeds", "0", "--faults", "none"
    )
    assert code == 0  # the session ended as it must: an agent that fails is data
    assert "failed with nothing put around them: 2 agents" in out
    assert "2, first a: " in out
    assert "typo" in out


def test_several_sessions_run_at_once() -> None:
    endings = play(target(TEAM, 6), 0, Wish(), runtime="asyncio", sessions=4)
    assert [ending.seed for ending in endings]
    assert len(endings) == 4
    assert all(ending.problems == () for ending in endings)


@pytest.mark.real_time
def test_a_team_is_asked_over_http(run: Run) -> None:
    code, out, _ = run(
        "stress", TEAM, "--seeds", "0..0", "--over", "http", "--faults", "none",
        "--no-people", "--deadline", "30",
    )  # fmt: skip
    assert (code, "1 answered" in out) == (0, True)
