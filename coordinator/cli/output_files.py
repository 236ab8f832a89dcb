"""Files that a command writes at its end, looked at before it begins."""

from __future__ import annotations

import os
from pathlib import Path

from coordinator.errors import ConfigInvalid


def check_output(path: Path | None, option: str) -> None:
    """Refuse a file that cannot be written before anything is paid or waited for.

    Args:
        path: ``None``: nothing is to be written.
        option: What named it, as people write it.

    Raises:
        ConfigInvalid: It is a folder, or cannot be made where it is.
    """
    if path is None:
        return
    if path.is_dir():
        raise ConfigInvalid(f"{option} {path} is a folder; name a file in it")
    folder = path.parent
    if not folder.is_dir():
        raise ConfigInvalid(
            f"{option} {path} cannot be written: there is no folder {folder}; make it"
        )
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ConfigInvalid(
            f"{option} {path} may not be written by you; choose another place"
        )
