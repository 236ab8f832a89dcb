"""The Files API, emulated: upload, metadata, content, deletion.

Fields and errors as SDK 2.12.0 and the vendor's documentation have them (read
2026-11-22 and 23): what was uploaded cannot be downloaded again, what code execution
wrote can; every request needs the beta header.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import msgspec

from agents.backends.scripted.request_view import objects_in
from agents.emulator.refusal import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agents.backends.scripted.script import HttpError, JsonObject, WrittenFile

BETA = "files-api-2025-04-14"
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_FIELD = re.compile(rb'name="([^"]*)"')
_FILENAME = re.compile(rb'filename="([^"]*)"')
_TYPE = re.compile(rb"content-type:\s*([^\r\n;]+)", re.IGNORECASE)
_UNFIT = re.compile(r'[<>:"|?*\\/\x00-\x1f]')


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    id: str
    name: str
    media_type: str
    data: bytes
    is_downloadable: bool
    """Code execution wrote it."""

    def about(self) -> JsonObject:
        """The file's metadata, as the API returns it."""
        return {
            "id": self.id,
            "type": "file",
            "filename": self.name,
            "mime_type": self.media_type,
            "size_bytes": len(self.data),
            "created_at": "2026-11-22T00:00:00Z",
            "downloadable": self.is_downloadable,
        }


class Files:
    """An account's files.

    Args:
        written: What the scripts' code execution has written.
        troubles: Method → what its first requests are answered with instead.
    """

    def __init__(
        self,
        written: Iterable[WrittenFile],
        troubles: dict[str, Sequence[HttpError]] | None = None,
    ) -> None:
        self.kept: dict[str, Kept] = {
            file.id: Kept(
                id=file.id,
                name=file.name,
                media_type="application/octet-stream",
                data=b64decode(file.base64) if file.base64 else file.text.encode(),
                is_downloadable=True,
            )
            for file in written
        }
        """By id; what was deleted is gone."""
        self.uploads = 0
        self._troubles = {m: list(errors) for m, errors in (troubles or {}).items()}

    def trouble(self, method: str) -> HttpError | None:
        """The error planned for this request, if any."""
        waiting = self._troubles.get(method)
        return waiting.pop(0) if waiting else None

    def upload(self, body: bytes, content_type: str) -> Kept:
        """Keep what a form brings.

        Raises:
            Invalid: The form has no file, or its name is none.
        """
        for head, data in _parts(body, content_type):
            name = _FILENAME.search(head)
            if name is None or _field(head) != "file":
                continue
            filename = name[1].decode("utf-8", "replace")
            if not 1 <= len(filename) <= 255 or _UNFIT.search(filename):
                raise Invalid("file: Invalid filename")
            type_ = _TYPE.search(head)
            self.uploads += 1
            file = Kept(
                id=f"file_01{self.uploads:020d}",
                name=filename,
                media_type=type_[1].decode("latin-1")
                if type_
                else "application/octet-stream",
                data=data,
                is_downloadable=False,
            )
            self.kept[file.id] = file
            return file
        raise Invalid("file: Field required")

    def check(self, body: JsonObject, betas: frozenset[str]) -> None:
        """Check that a request's files are there.

        Raises:
            Invalid: One is not, or the beta header is missing.
        """
        for reference in objects_in(body.get("messages")):
            if reference.get("type") not in ("file", "container_upload"):
                continue
            if BETA not in betas:
                raise Invalid("source.file: Extra inputs are not permitted")
            if str(reference.get("file_id")) not in self.kept:
                raise Invalid(f"File not found: {reference.get('file_id')}")


def _parts(body: bytes, content_type: str) -> Iterator[tuple[bytes, bytes]]:
    """Head and content of each part of a ``multipart/form-data`` body."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise Invalid("Expected multipart/form-data")
    mark = b"--" + boundary[1].encode()
    for part in (b"\r\n" + body).split(b"\r\n" + mark)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        yield head, data


def _field(head: bytes) -> str:
    name: Any = _FIELD.search(head)
    return name[1].decode("utf-8", "replace") if name else ""
