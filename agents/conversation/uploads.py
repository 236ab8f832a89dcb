"""One session's attached files: the blocks they are for each backend, and their end.

Owns the uploads. Each file goes once to each account, however many agents and turns
use it; who comes second waits for who came first. What was uploaded is deleted by
:meth:`SessionFiles.release`, also when the session was cancelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio
import msgspec

from agents.boundary.guard import attribute_of, text_attribute
from agents.errors import AgentError, BackendRefused, BackendUnavailable
from agents.limits.limiter import PATIENCE_S
from agents.protocol.attachments import (
    INLINE_BYTES,
    Attachment,
    file_block,
    inline_block,
    size,
)

if TYPE_CHECKING:
    from agents.protocol.backend import Backend, FileStore

FileKey: TypeAlias = tuple[str, str]
"""An account, and the digest of a file in it."""

PRETENDED = "pretended "
"""The accounts of an emulated API begin like this; its files are gone with it."""

RELEASE_S = 10.0
"""How long deleting may take; what is left expires by itself."""

REFUSED_PAUSE_S = 1.0
"""How long nobody uploads after "too many" that does not say for how long."""

DELETE_TRIES = 4
DELETE_PAUSE_S = 0.5
DELETIONS = 8
"""Files deleted side by side: a session with a hundred must not open as many
connections on its way out."""


class SessionFiles:
    """The files of one session.

    Args:
        attached: What the question comes with.
        uploaded: Account and digest → id: uploads of a process before this one, which
            are used again if they are still there, and deleted in the end.
    """

    def __init__(
        self,
        attached: Sequence[Attachment] = (),
        uploaded: Mapping[FileKey, str] | None = None,
    ) -> None:
        self._attached = tuple(attached)
        self._earlier = {
            key: file_id
            for key, file_id in (uploaded or {}).items()
            if not key[0].startswith(PRETENDED)
        }
        self._inline: dict[str, msgspec.Raw] = {}
        self._uploads: dict[FileKey, str] = {}
        self._stores: dict[str, FileStore] = {}
        self._locks: dict[FileKey, anyio.Lock] = {}
        self._shut_until: dict[str, float] = {}
        """Account → when the server takes more of it, on the event loop's clock."""
        self.on_change: Callable[[FileKey, str, bool], None] | None = None
        """Told of each upload, and of each deletion (``True``), by its id."""
        self.left_behind: list[str] = []
        """Ids of files that could not be deleted; known after :meth:`release`."""

    def know(self, backends: Sequence[Backend]) -> None:
        """Learn where uploads of an earlier process are, to delete them in the end."""
        for backend in backends if self._earlier else ():
            store = store_of(backend)
            if store is not None:
                self._stores.setdefault(account_of(store), store)

    async def blocks_for(self, backend: Backend) -> tuple[msgspec.Raw, ...]:
        """The blocks to put before the question, in the API's form.

        Raises:
            AgentError: A file cannot be uploaded.
        """
        if not self._attached:
            return ()
        store = store_of(backend)
        return tuple(
            [
                block
                for item in self._attached
                if (block := await self._block(item, store)) is not None
            ]
        )

    def may_upload(self, backend: Backend) -> bool:
        """Whether :meth:`blocks_for` may have to upload something first."""
        store = store_of(backend)
        return store is not None and any(
            item.is_uploaded and (account_of(store), item.digest) not in self._uploads
            for item in self._attached
        )

    async def _block(
        self, item: Attachment, store: FileStore | None
    ) -> msgspec.Raw | None:
        if item.kind == "data" and (store is None or not store.has_container):
            return None  # nowhere to put it: this agent runs no code there
        if not item.is_uploaded or store is None:
            return self._inline_block(item)
        return file_block(item, await self._file_id(item, store))

    def _inline_block(self, item: Attachment) -> msgspec.Raw:
        """Made once, for all agents and turns.

        Raises:
            BackendRefused: The API has no place for it in a request.
        """
        if len(item.data) > INLINE_BYTES:
            raise BackendRefused(
                f"{item.name!r} has {size(len(item.data))}, too much for a request, "
                "and this backend takes no uploads; leave it out or make it smaller"
            )
        if item.digest not in self._inline:
            self._inline[item.digest] = inline_block(item)
        return self._inline[item.digest]

    async def _file_id(self, item: Attachment, store: FileStore) -> str:
        key = (account_of(store), item.digest)
        async with self._locks.setdefault(key, anyio.Lock()):
            if key not in self._uploads:
                self._stores[account_of(store)] = store
                opens_at = self._shut_until.get(account_of(store), -math.inf)
                await anyio.sleep_until(opens_at)
                try:
                    self._uploads[key] = await self._id_of(item, store, key)
                except BackendUnavailable as error:
                    # Whoever comes next must not be refused at once as well.
                    wait_s = error.retry_after_s
                    if error.is_rate_limit and (wait_s or 0.0) <= PATIENCE_S:
                        until = anyio.current_time() + (wait_s or REFUSED_PAUSE_S)
                        self._shut_until[account_of(store)] = until
                    raise
                self._earlier.pop(key, None)
        return self._uploads[key]

    async def _id_of(self, item: Attachment, store: FileStore, key: FileKey) -> str:
        """The id of a file that was uploaded before, or is now."""
        earlier = self._earlier.get(key)
        if earlier is not None and await store.has(earlier):
            return earlier
        return await self._uploaded(item, store, key)

    async def _uploaded(self, item: Attachment, store: FileStore, key: FileKey) -> str:
        try:
            file_id = await store.upload(item)
        except BackendRefused as error:
            raise BackendRefused(f"{item.name!r} was not taken: {error}") from error
        if self.on_change is not None:
            self.on_change(key, file_id, False)
        return file_id

    async def release(self) -> None:
        """Delete what was uploaded; shielded, bounded, and raises nothing of it."""
        uploads = self._earlier | self._uploads
        self._earlier, self._uploads = {}, {}
        if not uploads:
            return
        self.left_behind = list(uploads.values())
        limiter = anyio.CapacityLimiter(DELETIONS)
        with anyio.move_on_after(RELEASE_S, shield=True):
            async with anyio.create_task_group() as group:
                for key, file_id in uploads.items():
                    store = self._stores.get(key[0])
                    if store is not None:
                        group.start_soon(self._delete, store, key, file_id, limiter)

    async def _delete(
        self,
        store: FileStore,
        key: FileKey,
        file_id: str,
        limiter: anyio.CapacityLimiter,
    ) -> None:
        async with limiter:
            for _ in range(DELETE_TRIES):
                try:
                    await store.delete(file_id)
                except BackendUnavailable as error:
                    await anyio.sleep(error.retry_after_s or DELETE_PAUSE_S)
                except AgentError:
                    if await _may_be_there(store, file_id):
                        return
                    self.left_behind.remove(file_id)
                    return
                else:
                    self.left_behind.remove(file_id)
                    if self.on_change is not None:
                        self.on_change(key, file_id, True)
                    return


def store_of(backend: Backend) -> FileStore | None:
    """The store of a backend; one of the caller's own may know nothing of files."""
    return attribute_of(backend, "files", cast("FileStore | None", None))


def account_of(store: FileStore) -> str:
    """The store's account, as plain text that can be compared."""
    return text_attribute(store, "account")


async def _may_be_there(store: FileStore, file_id: str) -> bool:
    try:
        return await store.has(file_id)
    except AgentError:
        return True
