"""The Files API, as sessions use it: upload, download with a limit, delete.

The SDK's client does the talking; foreign exceptions become ours by the backend's own
table, which is handed in, so that only :mod:`agents.backends.claude.backend` imports
the SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import anyio

from agents.backends.claude.settings import FILES
from agents.errors import BackendRefused
from agents.limits.bounded_body import CLOSE_GRACE_S, TooLong, read_body
from agents.limits.library_warnings import with_warnings_logged
from agents.protocol.attachments import Attachment, size
from agents.protocol.backend import Downloaded

EXPIRES_S = 7 * 24 * 3600
"""An upload that nobody deletes, because the process was killed, expires after this:
longer than any session. The API takes an hour to ninety days (SDK 2.12.0)."""


class ClaudeFiles:
    """One account's files.

    Args:
        client: Gives the SDK's client for the running event loop.
        account: Sets it apart from other accounts; no key can be read from it.
        mapped: Turns the SDK's exceptions into ours.
        broken: What reading a body raises where the network fails.
        has_container: Whether the backend's model runs code in a container.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        account: str,
        mapped: Callable[[], AbstractContextManager[None]],
        broken: type[Exception],
        *,
        has_container: bool,
    ) -> None:
        self._client = client
        self._mapped = mapped
        self._broken = broken
        self.account = account
        self.has_container = has_container

    async def upload(self, item: Attachment) -> str:
        """Upload a file; its id.

        Raises:
            AgentError: It was not taken.
        """
        with self._mapped():
            metadata = await with_warnings_logged(
                self._client().beta.files.upload(
                    file=(item.name, item.data, item.media_type),
                    expires_in_seconds=EXPIRES_S,
                    betas=[FILES],
                )
            )
        return str(metadata.id)

    async def has(self, file_id: str) -> bool:
        """Whether a file is there; one that may not be looked at is not.

        Raises:
            AgentError: Nobody can tell now.
        """
        try:
            with self._mapped():
                await with_warnings_logged(
                    self._client().beta.files.retrieve_metadata(file_id, betas=[FILES])
                )
        except BackendRefused:
            return False
        return True

    async def delete(self, file_id: str) -> None:
        """Delete a file.

        Raises:
            AgentError: It was not deleted.
        """
        with self._mapped():
            await with_warnings_logged(
                self._client().beta.files.delete(file_id, betas=[FILES])
            )

    async def download(self, file_id: str, limit_bytes: int) -> Downloaded:
        """Fetch a file that code has written.

        Args:
            file_id: As a result named it.
            limit_bytes: A larger one is refused, whatever it said of itself.

        Raises:
            AgentError: There is none, it may not be fetched, or it is too large.
        """
        files = self._client().beta.files
        with self._mapped():
            about = await with_warnings_logged(
                files.retrieve_metadata(file_id, betas=[FILES])
            )
            if int(about.size_bytes or 0) > limit_bytes:
                raise BackendRefused(f"it has more than {size(limit_bytes)}")
            streaming = files.with_streaming_response.download(file_id, betas=[FILES])
            response = await with_warnings_logged(streaming.__aenter__())
            try:
                # Not the SDK's iter_bytes(): closing that leaves httpx2's behind.
                body = aiter(response.http_response.aiter_bytes())
                data = await read_body(body, limit_bytes, self._broken)
            except TooLong:
                raise BackendRefused(f"it has more than {size(limit_bytes)}") from None
            finally:
                # The SDK's own exit would wait unshielded.
                with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                    await response.close()
        return Downloaded(name=str(about.filename or ""), data=data)
