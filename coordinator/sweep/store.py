"""The folder of a sweep: what was asked, each outcome as a line, journals, a summary.

``sweep.json``       what was asked of whom, for people and for other programs
``results.jsonl``    an outcome a line, written as soon as a session has ended
``sessions/``        the journals, by which what was begun goes on
``summary.json``, ``plot.svg``   at the end

One sweep at a time writes it. A line that a kill has torn is cut off before the next
one is written.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from coordinator.errors import ConfigInvalid, JournalUnavailable
from coordinator.journal.store import IS_POSIX, lock, write_all
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.worker import SEAL

RESULTS = "results.jsonl"
SESSIONS = "sessions"
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Outcome)


class Store:
    """A sweep's folder, open for writing; made by :func:`opened`."""

    def __init__(self, folder: Path, results: IO[bytes], seal: str) -> None:
        self.folder = folder
        self.seal = seal
        self._results = results

    @property
    def sessions(self) -> Path:
        """Where the journals are."""
        return self.folder / SESSIONS

    def append(self, outcome: Outcome) -> None:
        """Keep an outcome; it is in the file when this returns.

        Raises:
            ConfigInvalid: There is no room for it; nothing of it is in the file then.
        """
        fd = self._results.fileno()
        with _mapped(self.folder):
            end = os.lseek(fd, 0, os.SEEK_END)
            try:
                write_all(fd, _encoder.encode(outcome) + b"\n")
            except OSError:
                os.ftruncate(fd, end)
                raise

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder as a whole; see :func:`write_file`."""
        write_file(self.folder, name, content)


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Write a file of a sweep's folder as a whole, or leave the one that is there.

    Raises:
        ConfigInvalid: It cannot be written, or has no room.
    """
    path = folder / name
    part = path.with_suffix(path.suffix + ".part")
    with _mapped(folder):
        part.write_bytes(content)
        part.replace(path)


@contextmanager
def _mapped(folder: Path) -> Generator[None]:
    """Say of which folder an error is, and what helps."""
    try:
        yield
    except OSError as error:
        raise ConfigInvalid(
            f"--out {str(folder)!r} cannot be written: {error.strerror}; make room "
            "there: what it has is kept, and the same command goes on with it"
        ) from error


@contextmanager
def opened(folder: Path) -> Generator[tuple[Store, dict[str, Outcome]]]:
    """Open a sweep's folder; made where it is missing.

    Yields:
        The store, and the outcomes of earlier runs by session, the last of each.

    Raises:
        ConfigInvalid: It cannot be written, another sweep writes it, or a line of its
            results is none.
    """
    try:
        (folder / SESSIONS).mkdir(parents=True, exist_ok=True)
        (folder / SESSIONS).chmod(0o700)
        results = (folder / RESULTS).open("a+b", buffering=0)
    except OSError as error:
        raise ConfigInvalid(
            f"--out {str(folder)!r} cannot be written: {error.strerror}; name another "
            "folder"
        ) from error
    with results:
        if IS_POSIX:
            try:
                lock(results.fileno(), folder / RESULTS)
            except JournalUnavailable as error:
                raise ConfigInvalid(
                    f"--out {str(folder)!r} is in use by another sweep; wait for it, "
                    "or name another folder"
                ) from error
        done = _read(folder / RESULTS, results)
        seal = secrets.token_hex(8)
        write_file(folder, SEAL, seal.encode())
        yield Store(folder, results, seal), done


def read_outcomes(folder: Path) -> tuple[Outcome, ...]:
    """The outcomes of a sweep's folder, the last of each session.

    Raises:
        ConfigInvalid: There are none, or a line is none.
    """
    path = folder / RESULTS
    try:
        with path.open("rb") as results:
            outcomes = _lines(path, results.read())[0]
    except OSError as error:
        raise ConfigInvalid(
            f"{str(path)!r} cannot be read: {error.strerror}"
        ) from error
    return tuple({outcome.session: outcome for outcome in outcomes}.values())


def _read(path: Path, results: IO[bytes]) -> dict[str, Outcome]:
    results.seek(0)
    outcomes, end = _lines(path, results.read())
    os.ftruncate(results.fileno(), end)
    return {outcome.session: outcome for outcome in outcomes}


def _lines(path: Path, data: bytes) -> tuple[Sequence[Outcome], int]:
    """The outcomes, and where the last whole line ends."""
    end = data.rfind(b"\n") + 1
    outcomes: list[Outcome] = []
    for number, line in enumerate(data[:end].split(b"\n")[:-1], 1):
        if not line.strip():
            continue
        try:
            outcomes.append(_decoder.decode(line))
        except msgspec.DecodeError as error:
            raise ConfigInvalid(
                f"{str(path)!r}, line {number} is no outcome: {error}; take the line "
                "out, or name another folder"
            ) from error
    return outcomes, end
