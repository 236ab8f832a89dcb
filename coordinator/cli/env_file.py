"""Keys from a file of the working folder, so that nobody types them twice.

Of ``.env`` only names that end in ``_API_KEY`` are read: a stranger's folder must not
send a key elsewhere by a ``*_BASE_URL`` or a ``*_PROXY``. A file that is named is read
whole. What is set already stays.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from coordinator.cli.exit_codes import complain
from coordinator.errors import ConfigInvalid

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*\Z")
BYTES_MAX = 1 << 20
"""A longer file is no list of settings."""


def load_environment(named: Path | None) -> None:
    """Set what ``named``, or ``.env`` of the working folder, says; and say so.

    Raises:
        ConfigInvalid: The file that was named cannot be read, or a line is none.
    """
    path = Path(".env") if named is None else named
    try:
        if path.stat().st_size > BYTES_MAX:
            raise ConfigInvalid(f"{path}: longer than {BYTES_MAX:,} bytes")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        if named is None:
            return
        why = getattr(error, "strerror", None) or "it is not text"
        raise ConfigInvalid(f"--env-file {path}: {why}") from error
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None and named is not None:
            raise ConfigInvalid(f"{path}:{number}: write NAME=value")
        if match is None:
            continue
        name, value = match[1], _unquoted(match[2])
        is_wanted = named is not None or name.endswith("_API_KEY")
        if is_wanted and value and not os.environ.get(name):
            os.environ[name] = value
            names.append(name)
    if names:
        complain(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} from {path}")


def _unquoted(value: str) -> str:
    """A value without its quotes, or without the comment behind it."""
    if len(value) > 1 and value[0] in "'\"" and (end := value.find(value[0], 1)) > 0:
        return value[1:end]
    return re.split(r"\s+#", value, maxsplit=1)[0].strip()
