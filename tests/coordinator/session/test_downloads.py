from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.errors import BackendRefused, BackendUnavailable
from agents.protocol.backend import Downloaded
from agents.protocol.chunks import AgentId, ServerToolReturned, TurnNumber
from agents.protocol.stamper import Pen
from coordinator.session.downloads import NAME_BYTES, Downloads, file_ids, safe_name

ADA = AgentId("ada")


def wrote(*file_ids: Any, kind: str = "bash_code_execution") -> ServerToolReturned:
    outputs = [{"type": f"{kind}_output", "file_id": file_id} for file_id in file_ids]
    content = {"type": f"{kind}_result", "return_code": 0, "content": outputs}
    return ServerToolReturned(
        **Pen(ADA, TurnNumber(1), 0.0).stamp(),
        block=0,
        id="i",
        type=f"{kind}_tool_result",
        content=msgspec.Raw(msgspec.json.encode(content)),
        is_error=False,
    )


class Store:
    """A backend, and the store it has: what it holds is given out by id."""

    account = "one"
    has_container = True

    def __init__(self, **files: Downloaded | Exception) -> None:
        self.given = files
        self.failures = 0

    @property
    def files(self) -> Store:
        return self

    async def download(self, file_id: str, limit_bytes: int) -> Downloaded:
        assert limit_bytes > 0
        if self.failures:
            self.failures -= 1
            raise BackendUnavailable("busy")
        found = self.given[file_id]
        if isinstance(found, Exception):
            raise found
        return found


def file(name: str, data: bytes = b"x") -> Downloaded:
    return Downloaded(name=name, data=data)


def downloads(store: Store, folder: Path | None) -> Downloads:
    made = Downloads({ADA: store}, folder)  # type: ignore[dict-item]  (only its files)
    made.take(wrote(*store.given))
    return made


async def test_files_of_one_name_stand_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    store = Store(f1=file("a.txt", b"1"), f2=file("a.txt", b"2"))
    records = await downloads(store, tmp_path).collect()
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert {Path(r.path or "").name for r in records} == {"a-2.txt", "a-3.txt"}
    assert {(tmp_path / f"a-{n}.txt").read_bytes() for n in (2, 3)} == {b"1", b"2"}


async def test_no_link_is_followed_and_nobody_else_reads_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").symlink_to(outside)
    (record,) = await downloads(Store(f1=file("a.txt")), folder).collect()
    assert not outside.exists()
    assert record.path is not None
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600  # noqa: PTH116 (a string)


async def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    (record,) = await downloads(Store(f1=file("a")), tmp_path / "folder").collect()
    assert record.path is None
    assert record.problem
    assert not list((tmp_path / "elsewhere").iterdir())


async def test_what_cannot_be_had_is_listed_with_its_reason(tmp_path: Path) -> None:
    store = Store(f1=BackendRefused("404 not found"), f2=file("b"))
    bad, good = await downloads(store, tmp_path).collect()
    assert (bad.path, bad.problem) == (None, "404 not found")
    assert good.path == str(tmp_path / "b")


async def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    store = Store(f1=file("a"))
    store.failures = 2
    (record,) = await downloads(store, tmp_path).collect()
    assert record.path


async def test_without_a_folder_files_are_listed_and_left_where_they_are() -> None:
    (record,) = await downloads(Store(f1=file("a")), None).collect()
    assert (record.id, record.path, record.problem) == ("f1", None, "")


def test_ids_are_taken_from_code_executions_results_alone() -> None:
    assert [*file_ids(wrote("f1", "f2"))] == ["f1", "f2"]
    assert [*file_ids(wrote("f1", kind="web_fetch"))] == []
    assert [*file_ids(wrote("../../x", 7, None, {}))] == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("chart.png", "chart.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        (".bashrc", "bashrc"),
        ("--rf", "rf"),
        ("..", "file_1"),
        ("", "file_1"),
        ("a\x1b[31m\n\u202eb.txt", "a[31mb.txt"),
        ("a\udc80.txt", "a.txt"),
        ("  spaced   out . ", "spaced out"),
        ("ä" * 300 + ".csv", "ä" * 58 + ".csv"),
        ("a." + "b" * 300, "a." + "b" * (NAME_BYTES - 2)),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name, "file_1") == safe
