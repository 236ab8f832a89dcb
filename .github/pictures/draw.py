"""Draws README's pictures of a real ``coordinator run --demo``: terminal and report.

Run it in a checkout: ``python .github/pictures/draw.py``. It needs tmux, a Chromium and
the package; everything else is what a user has.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, LINES = 110, 32
SECONDS_IN = 11.5
"""When cleo has just put forward a better answer, and two votes have fallen."""
BROWSERS = ("chromium-headless-shell", "chromium")
NAME = "coordinator-picture"


def run(*words: str) -> str:
    """Run a program to its end; what it printed."""
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603  (ours)
    return done.stdout


def terminal(command: str) -> str:
    """The terminal's picture of ``command``, some seconds in, as SVG."""
    size = ("-x", str(COLUMNS), "-y", str(LINES))
    run("tmux", "-L", NAME, "new-session", "-d", "-s", NAME, *size, command)
    time.sleep(SECONDS_IN)
    shown = run("tmux", "-L", NAME, "capture-pane", "-p", "-e", "-t", NAME)
    while _is_up():
        time.sleep(0.5)
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.rstrip("\n")), end="")
    svg = console.export_svg(title="coordinator run --demo")
    # The fonts of whoever looks: nothing is fetched from anywhere.
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def _is_up() -> bool:
    asked = ("tmux", "-L", NAME, "has-session", "-t", NAME)
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0  # noqa: S603  (ours)


def main() -> None:
    """Draw both."""
    program = f"{sys.executable} -m coordinator"
    with tempfile.TemporaryDirectory() as folder:
        journal = f"{folder}/journals"
        command = f"TERM=xterm-256color {program} run --demo --journal {journal}"
        (HERE / "terminal.svg").write_text(terminal(command), "utf-8")
        report = f"{folder}/report.html"
        words = f"{program} report last --journal {journal} -o {report}".split()
        run(*words)
        browser = next(filter(None, map(shutil.which, BROWSERS)))
        run(
            browser,
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--window-size=1000,1150",
            f"--screenshot={HERE / 'report.png'}",
            f"file://{report}",
        )


if __name__ == "__main__":
    main()
