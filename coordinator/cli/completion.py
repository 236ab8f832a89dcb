"""``coordinator completion``: completion scripts for bash, zsh and fish."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from coordinator.cli.exit_codes import Exit, complain

if TYPE_CHECKING:
    from cyclopts.completion import CompletionContext

Shell: TypeAlias = Literal["bash", "zsh", "fish"]
SHELLS: tuple[Shell, ...] = ("bash", "zsh", "fish")
SESSIONS_SHOWN = 50
"""Sessions that are offered, the newest; more help nobody."""


def completion_command(shell: Shell | None, *, is_installed: bool) -> int:
    """Print or install the script; the exit code."""
    from coordinator.cli.app import app  # noqa: PLC0415  (that imports this, seldom)

    chosen = shell or _shell_of(os.environ.get("SHELL", ""))
    if chosen is None:
        complain(
            f"$SHELL {os.environ.get('SHELL', '')!r} is none of {', '.join(SHELLS)}; "
            "name one: coordinator completion bash"
        )
        return Exit.CONFIGURATION
    if not is_installed:
        sys.stdout.write(app.generate_completion(shell=chosen))
        return Exit.ANSWERED
    target = _place(chosen, Path.home())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(app.generate_completion(shell=chosen), "utf-8")
    except OSError as error:
        complain(f"{target}: {error.strerror}; print it: coordinator completion")
        return Exit.CONFIGURATION
    sys.stdout.write(f"{target}\n{_NEXT[chosen]}\n")
    return Exit.ANSWERED


_NEXT: dict[Shell, str] = {
    "bash": "It works in every new bash that has the package bash-completion; here: "
    "source that file.",
    "zsh": "It works in a new zsh whose ~/.zshrc has these lines:\n"
    "  fpath=(~/.zsh/completions $fpath)\n  autoload -Uz compinit && compinit",
    "fish": "It works in every new fish.",
}


def _place(shell: Shell, home: Path) -> Path:
    """Where a shell looks by itself, or by one line of its rc file."""
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = {
        "bash": data / "bash-completion" / "completions" / "coordinator",
        "zsh": home / ".zsh" / "completions" / "_cyclopts_coordinator",
        "fish": config / "fish" / "completions" / "coordinator.fish",
    }
    return places[shell]


def _shell_of(path: str) -> Shell | None:
    name = Path(path).name
    return next((shell for shell in SHELLS if shell == name), None)


def session_names(_: CompletionContext) -> Sequence[str]:
    """The sessions that are kept, the newest first, for a shell to offer."""
    from coordinator.journal.lookup import LAST  # noqa: PLC0415  (on a Tab)
    from coordinator.journal.store import default_root, open_folder  # noqa: PLC0415

    root = default_root()
    if not root.is_dir():
        return [LAST]
    with open_folder(root) as folder:
        sessions = sorted(folder.sessions(), key=lambda x: x[1].st_mtime, reverse=True)
    return [LAST, *(session for session, _ in sessions[:SESSIONS_SHOWN])]
