"""Fetches the files that an agent's code has written, when the session has ended.

Their names come from a model, which may have read them on a page: here they become
plain names in one folder. Nothing that is there is overwritten, and no link is
followed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
import msgspec

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

    def know(self, fetched: Mapping[str, FileRecord]) -> None:
        """Learn what an earlier process has fetched; it is not fetched again."""
        self._fetched = dict(fetched)

    def take(self, chunk: ServerToolReturned) -> None:
        """Note the files that a result names."""
        for file_id in file_ids(chunk):
            if len(self._written) < FILES_MAX:
                self._written.setdefault(file_id, chunk.agent)

    async def collect(self) -> tuple[FileRecord, ...]:
        """Fetch them all, as far as time allows; each with what became of it."""
        found = {
            file_id: FileRecord(agent=agent, id=file_id, problem=problem)
            for file_id, agent in self._written.items()
            for problem in ["" if self._folder is None else "it did not come in time"]
        }
        here: dict[str, FileRecord] = {}
        if self._fetched:
            here = await anyio.to_thread.run_sync(_still_here, self._fetched)
        found |= {file_id: file for file_id, file in here.items() if file_id in found}
        if self._folder is not None and found:
            limiter = anyio.CapacityLimiter(SIDE_BY_SIDE)
            with anyio.move_on_after(COLLECT_S):
                async with anyio.create_task_group() as group:
                    for file_id in found.keys() - here.keys():
                        group.start_soon(
                            self._fetch, file_id, self._folder, found, limiter
                        )
        return tuple(found.values())

    async def _fetch(
        self,
        file_id: str,
        folder: Path,
        found: dict[str, FileRecord],
        limiter: anyio.CapacityLimiter,
    ) -> None:
        record = found[file_id]
        store: FileStore | None = getattr(self._backends[record.agent], "files", None)
        async with limiter:
            try:
                name, data = await _downloaded(store, file_id)
                path = await anyio.to_thread.run_sync(
                    _kept, folder, safe_name(name, file_id), data
                )
            except (AgentError, OSError) as error:
                found[file_id] = msgspec.structs.replace(record, problem=str(error))
                return
        found[file_id] = msgspec.structs.replace(
            record, name=path.name, path=str(path), size_bytes=len(data), problem=""
        )


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


def _kept(folder: Path, name: str, data: bytes) -> Path:
    """Write a file that was not there, under ``name`` or one like it.

    Raises:
        OSError: It cannot be written; nothing of it is left then.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def _created(folder: int, name: str) -> tuple[str, int]:
    """Make a new file in an open folder; its name and descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    for number in range(1, _SAME_NAMES):
        tried = name if number == 1 else f"{stem}-{number}{dot}{suffix}"
        try:
            return tried, os.open(tried, flags, 0o600, dir_fd=folder)
        except FileExistsError:
            continue
    raise OSError(f"{_SAME_NAMES} files are called {name!r} already")
