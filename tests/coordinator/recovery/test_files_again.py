"""Files of a session that goes on: sent again, uploaded once, fetched once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

import coordinator
from agents.emulator import Server, serve
from agents.emulator.files import Kept
from agents.protocol.attachments import Attach
from coordinator.errors import ConfigInvalid
from coordinator.journal.entries import FileKept, decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.reader import read_session
from coordinator.protocol.result import Result
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import parse_team
from coordinator.team.team import Team
from coordinator.team.team_file_schema import TeamConfig

pytestmark = pytest.mark.real_time

TEAM = """\
question: What is in it?
defaults: {backend: claude, base_url: BASE_URL}
agents:
  - id: ada
    model: claude-sonnet-5-5
    tools: [code_execution]
    script:
      files: [{id: file_chart, name: chart.svg, text: "<svg/>"}]
      turns:
        - repeat: true
          when: {task: draft}
          lines:
            - server_tool: bash_code_execution
              result: {content: [{file_id: file_chart}]}
            - {answer: Numbers.}
        - {repeat: true, when: {task: review}, lines: [{vote: Numbers., delay_s: 0.05}]}
        - {repeat: true, when: {task: present}, lines: [{text: It is numbers.}]}
  - id: bob
    model: claude-haiku-5-5
    script:
      turns:
        - {repeat: true, when: {task: draft}, lines: [{answer: Words.}]}
        - {repeat: true, when: {task: review}, lines: [{vote: Numbers., delay_s: 0.05}]}
voting: {policy: slate}
"""


def config(base_url: str = "http://127.0.0.1:1") -> TeamConfig:
    return parse_team(TEAM.replace("BASE_URL", base_url), Path("team.yaml"))


def requests(server: Server, method: str, end: str = "") -> int:
    """How many there were about files."""
    about = [r for r in server.requests if r.path.startswith("/v1/files")]
    return sum(r.method == method and r.path.endswith(end) for r in about)


def check_attached(server: Server) -> None:
    """Every model was sent the file."""
    bodies = [r.body for r in server.requests if r.path == "/v1/messages"]
    assert bodies
    assert all("file_id" in str(body["messages"][0]["content"][0]) for body in bodies)


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    async with serve(config().scripts) as server:
        yield server


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.txt"
    path.write_text("1 2 3", "utf-8")
    return path


def move(source: Path) -> Path:
    """Put the file elsewhere, and another one beside it; where it is now."""
    elsewhere = source.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x").write_text("4 5 6", "utf-8")
    return source.rename(elsewhere / source.name)


@pytest.fixture
async def team(server: Server) -> AsyncGenerator[Team]:
    async with closing(assemble(config(server.base_url), environment={})) as team:
        yield team


@pytest.fixture
async def records(team: Team, root: Path, source: Path) -> tuple[Record, ...]:
    """Those of a session that has run to its end."""
    upload = Attach(source=str(source), by="upload")
    await coordinator.run(
        "q", team, journal=root, session_id="whole", attachments=[upload]
    )
    return read_session(root, "whole").records


async def go_on(path: Path, team: Team, *given: Path) -> Result:
    async with coordinator.resume_session(path, team, attachments=given) as session:
        result = await session.wait()
    assert (result.status, result.answer) == ("answered", "It is numbers.")
    assert session.files_left == ()
    return result


def uploaded(records: tuple[Record, ...]) -> tuple[int, FileKept]:
    """How many records there are up to the first upload, and what it says."""
    for number, record in enumerate(records, start=1):
        if record.kind == Kind.FILE:
            kept = decode(record)
            assert isinstance(kept, FileKept)
            return number, kept
    raise AssertionError("nothing was uploaded")


@pytest.mark.parametrize("is_late", [False, True])
async def test_what_a_killed_process_had_uploaded_is_used_and_deleted_in_the_end(
    records: tuple[Record, ...],
    team: Team,
    server: Server,
    write: Callable[..., Path],
    is_late: bool,
) -> None:
    early, kept = uploaded(records)
    data = Kept(
        id=kept.file_id,
        name="numbers.txt",
        media_type="text/plain",
        data=b"1 2 3",
        is_downloadable=False,
    )
    server.files.kept[kept.file_id] = data
    cut = len(records) - 4 if is_late else early
    assert requests(server, "POST") == 1
    await go_on(write("cut", records[:cut]), team)
    assert requests(server, "POST") == 1
    assert kept.file_id not in server.files.kept
    check_attached(server)


async def test_what_has_been_deleted_since_is_uploaded_again(
    records: tuple[Record, ...], team: Team, server: Server, write: Callable[..., Path]
) -> None:
    early, _ = uploaded(records)
    await go_on(write("cut", records[:early]), team)
    assert requests(server, "POST") == 2
    assert [*server.files.kept] == ["file_chart"]
    check_attached(server)


async def test_a_file_that_was_moved_is_named_anew_and_another_one_is_refused(
    records: tuple[Record, ...], team: Team, source: Path, write: Callable[..., Path]
) -> None:
    path = write("cut", records[: uploaded(records)[0]])
    before = path.read_bytes()
    elsewhere = move(source)
    with pytest.raises(ConfigInvalid, match=r"numbers.txt' is not there"):
        await go_on(path, team)
    elsewhere.with_name("x").rename(source)
    with pytest.raises(ConfigInvalid, match=r"has changed .* --attach PATH/numbers"):
        await go_on(path, team)
    with pytest.raises(ConfigInvalid, match=r"'other.txt' did not go with"):
        await go_on(path, team, source.with_name("other.txt"))
    assert path.read_bytes() == before
    await go_on(path, team, elsewhere)


async def test_what_code_has_written_is_fetched_by_the_process_that_ends_the_session(
    records: tuple[Record, ...], team: Team, root: Path, write: Callable[..., Path]
) -> None:
    slate = next(n for n, r in enumerate(records) if b"slate_frozen" in r.payload)
    result = await go_on(write("cut", records[:slate]), team)
    (chart,) = result.files
    assert chart.path == str(root / "cut.files" / "chart.svg")


async def test_a_folder_that_was_named_is_kept_by_those_who_go_on_and_by_branches(
    records: tuple[Record, ...],
    team: Team,
    root: Path,
    write: Callable[..., Path],
    tmp_path: Path,
) -> None:
    slate = next(n for n, r in enumerate(records) if b"slate_frozen" in r.payload)
    path = write("cut", records[:slate])
    async with coordinator.resume_session(path, team, output_dir=tmp_path / "named"):
        pass  # left at once
    count = len(read_session(root, "cut").records)
    async with coordinator.branch_session(
        "cut", count, team, journal=root, session_id="b1"
    ):
        pass
    for again in (path, root / "b1.journal"):
        (chart,) = (await go_on(again, team)).files
        assert chart.path is not None
        assert Path(chart.path).parent == tmp_path / "named"


async def test_what_an_interrupted_process_has_fetched_is_not_fetched_again(
    records: tuple[Record, ...], team: Team, server: Server, root: Path
) -> None:
    async with coordinator.branch_session(
        "whole", len(records) // 2, team, journal=root, session_id="b1"
    ) as session:
        session.interrupt()
        early = await session.wait()
    assert [file.name for file in early.files] == ["chart.svg"]
    before = requests(server, "GET", "/content")
    late = await go_on(root / "b1.journal", team)
    assert late.files == early.files
    assert requests(server, "GET", "/content") == before
    assert [path.name for path in (root / "b1.files").iterdir()] == ["chart.svg"]
