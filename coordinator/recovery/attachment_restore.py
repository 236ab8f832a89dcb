"""Attached files of a journal, found again for a session that goes on.

Their content is not kept: the same files are read again, where they were or where
somebody says they are now, and must be what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.protocol.attachments import Attach, Attachment
from agents.protocol.unicode_text import whole_text
from coordinator.errors import ConfigInvalid
from coordinator.journal.entries import AttachedFile
from coordinator.team.attachment_sources import Attachable, is_address, read_attachments


def told_of(
    attached: Sequence[Attachable], read: Sequence[Attachment]
) -> tuple[AttachedFile, ...]:
    """The record of attached files for the journal.

    Args:
        attached: As they were named.
        read: What was read of them, in the same order.
    """
    return tuple(_file_record(n, item) for n, item in zip(attached, read, strict=True))


def _file_record(named: Attachable, read: Attachment) -> AttachedFile:
    if isinstance(named, Attachment):
        return AttachedFile(
            name=read.name,
            digest=read.digest,
            source="",
            by="upload" if read.is_uploaded else "inline",
            title=read.title,
            citations=read.citations,
            container=read.kind == "data",
        )
    wish = named if isinstance(named, Attach) else Attach(source=str(named))
    return AttachedFile(
        name=read.name,
        digest=read.digest,
        source=whole_text(_place(wish.source)),
        by=wish.by,
        title=whole_text(wish.title),
        citations=wish.citations,
        container=wish.container,
    )


def _place(source: str) -> str:
    """Where a file can be found by another process; no key is in it."""
    if not is_address(source):
        return str(Path(source).absolute())
    from coordinator.team.team_source import LEFT_OUT, has_secret  # noqa: PLC0415  (for few)

    return LEFT_OUT if has_secret(source) else source


async def read_again(
    kept: Sequence[AttachedFile], given: Sequence[Attachable]
) -> tuple[Attachment, ...]:
    """Read the files that went with the question.

    Args:
        kept: What the journal says of them.
        given: Where some of them are now; a file is known by its name.

    Raises:
        ConfigInvalid: One is missing, or is another one than it was.
    """
    places = {_name(one): one for one in given}
    unknown = places.keys() - {file.name for file in kept}
    if unknown:
        names = ", ".join(file.name for file in kept) or "none"
        raise ConfigInvalid(
            f"{min(unknown)!r} did not go with the session's question; its files: "
            f"{names}"
        )
    wanted = [_wanted(file, places.get(file.name)) for file in kept]
    attachments = await read_attachments(wanted)
    for file, item in zip(kept, attachments, strict=True):
        if item.digest != file.digest:
            raise ConfigInvalid(
                f"attachment {file.name!r} has changed since the session began; give "
                f"it as it was: --attach PATH/{file.name}"
            )
    return attachments


def _name(attachable: Attachable) -> str:
    if isinstance(attachable, Attachment):
        return attachable.name
    source = attachable.source if isinstance(attachable, Attach) else str(attachable)
    return Path(source).name


def _wanted(file: AttachedFile, attachable: Attachable | None) -> Attachable:
    """Where to read a file, and how to send it: as it was sent.

    Raises:
        ConfigInvalid: Nobody knows where it is.
    """
    from coordinator.team.team_source import LEFT_OUT  # noqa: PLC0415  (for few)

    if isinstance(attachable, Attachment):
        return attachable
    source = (
        attachable.source
        if isinstance(attachable, Attach)
        else str(attachable or file.source)
    )
    if source in ("", LEFT_OUT):
        raise ConfigInvalid(
            f"attachment {file.name!r} went with the question and is not kept; give it "
            f"again: --attach PATH/{file.name}"
        )
    return Attach(
        source=source,
        by=file.by,
        title=file.title,
        citations=file.citations,
        container=file.container,
    )
