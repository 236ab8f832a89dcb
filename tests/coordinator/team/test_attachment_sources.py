from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.protocol.attachments import DOCUMENT_BYTES, Attach
from coordinator.cli import main
from coordinator.errors import ConfigInvalid
from coordinator.team import attachment_sources as attaching
from coordinator.team.attachment_sources import Attachable, placed, read_attachments

TEAM = """\
question: Is it so?
attach: [notes.txt]
agents: [{id: ada, script: {turns: [{lines: [{text: "It is."}]}]}}]
"""


async def problem_of(*attached: Attachable) -> str:
    with pytest.raises(ConfigInvalid) as refused:
        await read_attachments(attached)
    return str(refused.value)


async def test_files_are_read_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    read = await read_attachments([tmp_path / "b", Attach(source=f"{tmp_path}/a")])
    assert [item.data for item in read] == [b"b", b"a"]


async def test_what_cannot_be_read_is_named_in_a_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pdf"
    assert await problem_of(missing) == (
        f"attachment '{missing}' is not there; check the path"
    )
    assert "is no file; name one" in await problem_of(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no file; name one" in await problem_of(pipe)
    empty = tmp_path / "empty"
    empty.touch()
    assert await problem_of(empty) == (
        f"attachment '{empty}' is empty; leave it out, or name another"
    )
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(DOCUMENT_BYTES + 1)
    assert "32.0 MB are the most" in await problem_of(large)
    assert "100 are the most" in await problem_of(*[missing] * 101)


async def test_an_address_that_is_not_fetched_is_no_path_either() -> None:
    wish = placed("ftp://me:secret@example.org/a.pdf", Path("/team"))
    assert await problem_of(wish) == (
        "attachment 'ftp://example.org/a.pdf' begins with ftp://, which is not "
        "fetched; name a file, or an address that begins with https:// or http://"
    )


async def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.write_text("x")
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("runs as a user who may read everything")
    assert "cannot be read: " in await problem_of(closed)


async def test_many_small_files_are_uploaded_beyond_what_fits_inline(
    tmp_path: Path,
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 900_000)
    read = await read_attachments([file] * 6)
    assert [item.is_uploaded for item in read] == [False] * 4 + [True] * 2


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        size = 0
        match self.path.partition("?")[0]:
            case "/moved":
                self.send_response(302)
                self.send_header("location", "/a%20page.html")
            case "/loop":
                self.send_response(302)
                self.send_header("location", "/loop")
            case "/a%20page.html":
                self.send_response(200)
                size = 5
            case "/huge":
                self.send_response(200)
                size = DOCUMENT_BYTES + 1
            case _:
                self.send_response(404)
        self.end_headers()
        sent = 0
        try:
            while sent < size:
                sent += self.wfile.write(b"hello" * min(10_000, size // 5 or 1))
        except OSError:
            return  # the client has seen enough

    def log_message(self, format: str, *_args: Any) -> None:  # noqa: A002
        del format


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.real_time
async def test_an_address_is_fetched_and_named_by_its_end(site: str) -> None:
    (item,) = await read_attachments([f"{site}/a%20page.html"])
    assert (item.name, item.data) == ("a page.html", b"hello")
    (moved,) = await read_attachments([f"{site}/moved"])
    assert moved.data == b"hello"


@pytest.mark.real_time
async def test_an_address_that_leads_nowhere_is_named_without_its_secrets(
    site: str,
) -> None:
    told = await problem_of(f"{site.replace('//', '//me:pw@')}/none?key=canary")
    assert told.endswith("/none' cannot be fetched: status 404")
    assert "canary" not in told
    assert "pw" not in told
    assert "cannot be fetched" in await problem_of(f"{site}/loop")
    assert "has more than 32.0 MB" in await problem_of(f"{site}/huge")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert "cannot be fetched" in await problem_of(f"http://127.0.0.1:{port}/x")


@pytest.mark.real_time
async def test_an_address_that_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attaching, "DOWNLOAD_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        told = await problem_of(f"http://127.0.0.1:{port}/x")
    assert "did not come within 0.2 s" in told


def test_a_team_files_paths_are_from_its_own_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "notes.txt").write_text("noted")
    team = str(tmp_path / "team.yaml")
    assert main(["run", "-c", team, "--json", "--no-journal"]) == 0
    (tmp_path / "notes.txt").unlink()
    assert main(["run", "-c", team, "--json", "--no-journal"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[-1].endswith("notes.txt' is not there; check the path")


def test_a_missing_attachment_is_one_sentence_and_exit_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", "--demo", "--attach", "none.pdf", "--no-journal"]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "none.pdf' is not there" in told


@pytest.mark.real_time
async def test_a_redirect_into_a_private_network_is_not_followed() -> None:
    class Redirects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["host"].partition(":")[0])
            if self.path == "/here":
                self.send_response(302)
                self.send_header("location", f"http://127.0.0.2:{ports[0]}/meta-data")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a secret of this machine")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    asked: list[str] = []
    ports: list[int] = []
    server = ThreadingHTTPServer(("0.0.0.0", 0), Redirects)  # noqa: S104
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    ports.append(port)
    try:
        with pytest.raises(ConfigInvalid, match="private network"):
            await read_attachments([f"http://127.0.0.1:{port}/here"])
        # Whoever names such an address means it.
        (item,) = await read_attachments([f"http://127.0.0.2:{port}/meta-data.txt"])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert asked == ["127.0.0.1", "127.0.0.2"]
    assert item.data == b"a secret of this machine"
