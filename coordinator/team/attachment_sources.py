"""Reads what is attached to a question: files of this machine, and addresses.

Everything is read before the session begins and before anything is paid for, so that a
wrong name costs one sentence. What a file is, is :mod:`agents.protocol.attachments`'s
to say.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

import anyio
import msgspec

from agents.boundary.threads import in_thread
from agents.limits.bounded_body import CLOSE_GRACE_S, TooLong, read_body
from agents.protocol.attachments import (
    DATA_BYTES,
    DOCUMENT_BYTES,
    Attach,
    Attachment,
    attachment,
    size,
)
from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Request

Attachable: TypeAlias = str | Path | Attach | Attachment
"""A path, an address, either with a word on how to send it, or what has been read."""

_PATIENT = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
"""As far as the system knows them: Windows has neither of the first two."""
ATTACHED_MAX = 100
"""The API takes a hundred images a request (docs.claude.com, vision, 2026-11-22)."""
INLINE_TOGETHER_BYTES = 4_000_000
"""Beyond this, files are uploaded where nobody said how: every request of every agent
would carry them."""
DOWNLOAD_S = 60.0
REDIRECTS = 5


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def is_address(source: str) -> bool:
    """Whether it is fetched from the web, and no file of this machine."""
    return source.lower().startswith(("http://", "https://"))


def placed(attach: str | Attach, folder: Path) -> Attach:
    """An attachment by its absolute path; a relative one is from the file's folder."""
    wish = Attach(source=attach) if isinstance(attach, str) else attach
    if _SCHEME.match(wish.source):
        return wish
    path = os.path.abspath(folder / Path(wish.source).expanduser())  # noqa: PTH100 (links stay)
    return msgspec.structs.replace(wish, source=path)


async def read_attachments(attached: Sequence[Attachable]) -> tuple[Attachment, ...]:
    """Read all of ``attached``, in order.

    Raises:
        ConfigInvalid: One is missing, unreadable, too large, or nothing that a model
            reads.
    """
    if len(attached) > ATTACHED_MAX:
        raise ConfigInvalid(
            f"{len(attached)} files are attached; {ATTACHED_MAX} are the most"
        )
    attachments: list[Attachment] = []
    inline = 0
    for each in attached:
        if isinstance(each, Attachment):
            item, wish = each, None
        else:
            wish = each if isinstance(each, Attach) else Attach(source=str(each))
            item = await _read(wish)
        if not item.is_uploaded:
            inline += len(item.data)
            is_free = wish is not None and wish.by == "auto"
            if is_free and inline > INLINE_TOGETHER_BYTES:
                inline -= len(item.data)
                item = msgspec.structs.replace(item, is_uploaded=True)
        attachments.append(item)
    return tuple(attachments)


async def _read(wish: Attach) -> Attachment:
    limit = DATA_BYTES if wish.container else DOCUMENT_BYTES
    try:
        if is_address(wish.source):
            data = await _fetched(wish.source, limit)
            name = unquote(urlsplit(wish.source).path)
        else:
            path = _path(wish.source)
            data = await in_thread(lambda: _content(path, limit), name="attachment")
            name = path.name
        return attachment(data, wish, name)
    except ValueError as problem:
        raise ConfigInvalid(f"attachment {_shown(wish.source)!r} {problem}") from None


def _path(source: str) -> Path:
    """A source that is a path.

    Raises:
        ValueError: It is an address of another kind than is fetched.
    """
    if scheme := _SCHEME.match(source):
        raise ValueError(
            f"begins with {scheme[0]}, which is not fetched; name a file, or an "
            "address that begins with https:// or http://"
        )
    return Path(source)


def _content(path: Path, limit: int) -> bytes:
    """All of a file.

    Raises:
        ValueError: It cannot be read, or is longer than ``limit``.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("is no file; name one")
        # Not blocking, so that a pipe without a writer is refused and not waited for.
        descriptor = os.open(path, os.O_RDONLY | _PATIENT)
    except FileNotFoundError:
        raise ValueError("is not there; check the path") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        if length > limit:
            raise ValueError(f"has {size(length)}; {size(limit)} are the most")
        try:
            # A file may grow while it is read.
            data = file.read(limit + 1)
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise ValueError(f"has more than {size(limit)}, the most there may be")
    return data


async def _fetched(address: str, limit: int) -> bytes:
    """The content at an address.

    Raises:
        ValueError: Nothing, or more than ``limit``, or not in time.
    """
    # Comes with the SDK, and only who attaches an address has to wait for it.
    import httpx2  # noqa: PLC0415

    try:
        with anyio.fail_after(DOWNLOAD_S):
            client = httpx2.AsyncClient(
                follow_redirects=True,
                max_redirects=REDIRECTS,
                event_hooks={
                    "request": [partial(_insist_on_public, urlsplit(address))]
                },
            )
            try:
                return await _body(client, address, limit, httpx2.HTTPError)
            finally:
                with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                    await client.aclose()
    except TimeoutError:
        raise ValueError(f"did not come within {DOWNLOAD_S:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ValueError(
            f"cannot be fetched: {str(error) or type(error).__name__}"
        ) from None


async def _insist_on_public(wanted: SplitResult, request: Request) -> None:
    """Let a request through that goes where somebody asked, or to the public network.

    Whoever serves an address may redirect to what only this machine can reach.

    Raises:
        ValueError: It was redirected into a private network.
    """
    host = request.url.host
    if host == (wanted.hostname or ""):
        return
    try:
        addresses = await anyio.getaddrinfo(host, request.url.port or 0)
    except OSError:
        return  # the transport says it better
    for _, _, _, _, (number, *_) in addresses:
        if not ipaddress.ip_address(number.partition("%")[0]).is_global:
            raise ValueError(
                f"is redirected to {host}, which is in a private network; name that "
                "address itself, if you mean it"
            )


async def _body(
    client: AsyncClient, address: str, limit: int, foreign: type[Exception]
) -> bytes:
    response = await client.send(client.build_request("GET", address), stream=True)
    try:
        if response.status_code != 200:
            raise ValueError(f"cannot be fetched: status {response.status_code}")
        return await read_body(aiter(response.aiter_bytes()), limit, foreign)
    except TooLong:
        raise ValueError(
            f"has more than {size(limit)}, the most there may be"
        ) from None
    finally:
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            await response.aclose()


def _shown(source: str) -> str:
    """A source fit for an error: addresses may bear keys."""
    if not _SCHEME.match(source):
        return source
    try:
        parts = urlsplit(source)
    except ValueError:
        return source.partition("?")[0]
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
