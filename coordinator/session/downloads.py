"""Fetches the files that an agent's code has written, when the session has ended.

Their names come from a model, which may have read them on a page: here they become
plain names in one folder. Nothing that is there is overwritten, and no link is
followed.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import msgspec

from agents.boundary.guard import log_error, text_of, words_of
from agents.boundary.root import RootTask
from agents.boundary.threads import in_thread
from agents.conversation.uploads import store_of
from agents.errors import AgentError, BackendUnavailable
from coordinator.protocol.result import FileRecord

if TYPE_CHECKING:
    from agents.protocol.backend import Backend, FileStore
    from agents.protocol.chunks import AgentId, ServerToolReturned

FILE_BYTES = 100_000_000
"""Largest file that is fetched: all of it is in memory for a moment."""
FILES_MAX = 100
"""Files of a session; code in a loop can write any number."""
COLLECT_S = 60.0
"""How long fetching may take: the answer is there, and somebody waits for it."""
SIDE_BY_SIDE = 4
TRIES = 3
PAUSE_S = 0.5

NAME_BYTES = 120
"""Longest name: file systems take 255 bytes, and a number may have to fit in."""
FETCH_GRACE_S = 0.5
"""How long a fetch that is cancelled may take to end."""
_SAME_NAMES = 1_000
_UNFIT = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]'
)


class Downloads:
    """The files that a session's agents have written.

    Args:
        backends: Agent → its backend, whose account holds the files.
        folder: Where to put them, made when the first one comes; ``None``: they are
            listed and not fetched.
    """

    def __init__(
        self, backends: Mapping[AgentId, Backend], folder: Path | None
    ) -> None:
        self._backends = backends
        self._folder = folder
        self._written: dict[str, AgentId] = {}
        self._fetched: dict[str, FileRecord] = {}
        self._found: dict[str, FileRecord] = {}

    def know(self, fetched: Mapping[str, FileRecord]) -> None:
        """Learn what an earlier process has fetched; it is not fetched again."""
        self._fetched = dict(fetched)

    def take(self, chunk: ServerToolReturned) -> None:
        """Note the files that a result names."""
        for file_id in file_ids(chunk):
            if len(self._written) < FILES_MAX:
                self._written.setdefault(file_id, chunk.agent)

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """The state of each file by now."""
        return tuple(self._found.values())

    async def collect(self) -> tuple[FileRecord, ...]:
        """Fetch them all, as far as time allows; cancelled, what has come is kept."""
        late = "" if self._folder is None else "it did not come in time"
        self._found = {
            file_id: FileRecord(agent=agent, id=file_id, problem=late)
            for file_id, agent in self._written.items()
        }
        here: dict[str, FileRecord] = {}
        if self._fetched:
            fetched = self._fetched
            here = await in_thread(lambda: _still_here(fetched), name="files look-up")
        for file_id in here.keys() & self._found.keys():
            self._found[file_id] = here[file_id]
        if self._folder is not None and self._found:
            limiter = anyio.CapacityLimiter(SIDE_BY_SIDE)
            with anyio.move_on_after(COLLECT_S):
                async with anyio.create_task_group() as group:
                    for file_id in self._found.keys() - here.keys():
                        group.start_soon(self._fetch, file_id, self._folder, limiter)
        return self.files

    async def _fetch(
        self, file_id: str, folder: Path, limiter: anyio.CapacityLimiter
    ) -> None:
        async with limiter:
            task = RootTask(
                f"file {file_id}", lambda: self._fetched_to(file_id, folder)
            )
            await task.finish(FETCH_GRACE_S)
        record, error = self._found[file_id], task.error
        if error is None and task.value is not None:
            path, size = task.value
            record = msgspec.structs.replace(
                record, name=path.name, path=str(path), size_bytes=size, problem=""
            )
        elif isinstance(error, AgentError | OSError):
            record = msgspec.structs.replace(record, problem=text_of(error))
        elif error is not None:
            log_error(f"fetching the file {file_id}", error)
            record = msgspec.structs.replace(record, problem=words_of(error))
        self._found[file_id] = record

    async def _fetched_to(self, file_id: str, folder: Path) -> tuple[Path, int]:
        """Put a file into ``folder``; where it is, and its size."""
        agent = self._written[file_id]
        name, data = await _downloaded(store_of(self._backends[agent]), file_id)
        safe = safe_name(name, file_id)
        path = await in_thread(
            lambda: _write_new(folder, safe, data), name="file writing"
        )
        return path, len(data)


def _still_here(fetched: Mapping[str, FileRecord]) -> dict[str, FileRecord]:
    """Those whose file is where it was put, as long as it was."""
    return {
        file_id: file
        for file_id, file in fetched.items()
        if _size(file.path or "") == file.size_bytes
    }


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


async def _downloaded(store: FileStore | None, file_id: str) -> tuple[str, bytes]:
    """A file's name and content.

    Raises:
        AgentError: It cannot be had.
    """
    if store is None:
        raise AgentError("this backend fetches no files")
    for attempt in range(TRIES):
        try:
            file = await store.download(file_id, FILE_BYTES)
        except BackendUnavailable as error:
            if attempt + 1 == TRIES:
                raise
            await anyio.sleep(error.retry_after_s or PAUSE_S)
        else:
            return file.name, file.data
    raise AssertionError("the last try returns or raises")


def file_ids(chunk: ServerToolReturned) -> Iterator[str]:
    """The ids of files that a result of code execution says it has written."""
    if "code_execution" not in chunk.type or b'"file_id"' not in bytes(chunk.content):
        return
    content: Any = msgspec.json.decode(chunk.content)
    outputs: Any = content.get("content") if isinstance(content, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    for output in cast("list[Any]", outputs) if isinstance(outputs, list) else []:
        if isinstance(output, dict):
            file_id = cast("dict[str, Any]", output).get("file_id")
            if isinstance(file_id, str) and re.fullmatch(r"[\w-]{1,200}", file_id):
                yield file_id


def safe_name(name: str, otherwise: str) -> str:
    """A plain name: no folder, not hidden, nothing that a shell or a person misreads.

    Args:
        name: As somebody gave it.
        otherwise: Taken where nothing is left of it.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    name = _UNFIT.sub("", name.encode("utf-8", "replace").decode())
    name = " ".join(name.split()).lstrip(".-~ ").rstrip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > 16:
        stem, dot, suffix = name, "", ""
    room = NAME_BYTES - len((dot + suffix).encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return stem + dot + suffix if stem else otherwise


def _write_new(folder: Path, name: str, data: bytes) -> Path:
    """Write a file that was not there, under ``name`` or one like it.

    Raises:
        OSError: It cannot be written; nothing of it is left then.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32" or not hasattr(os, "O_DIRECTORY"):
        return _kept_by_path(folder, name, data)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    held = os.open(folder, flags)
    try:
        name, descriptor = _created(held, name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            os.unlink(name, dir_fd=held)
            raise
    finally:
        os.close(held)
    return folder / name


def _kept_by_path(folder: Path, name: str, data: bytes) -> Path:
    """The same where a system opens no folders, as Windows: a link may be followed.

    Raises:
        OSError: It cannot be written.
    """
    for tried in _tried(name):
        path = folder / tried
        with suppress(FileExistsError):
            with path.open("xb") as file:
                file.write(data)
            return path
    raise OSError(f"{_SAME_NAMES} files are called {name!r} already")


def _tried(name: str) -> Iterator[str]:
    """``name``, and names like it."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    yield name
    for number in range(2, _SAME_NAMES):
        yield f"{stem}-{number}{dot}{suffix}"


def _created(folder: int, name: str) -> tuple[str, int]:
    """Make a new file in an open folder; its name and descriptor."""
    assert sys.platform != "win32"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for tried in _tried(name):
        try:
            return tried, os.open(tried, flags, 0o600, dir_fd=folder)
        except FileExistsError:
            continue
    raise OSError(f"{_SAME_NAMES} files are called {name!r} already")
