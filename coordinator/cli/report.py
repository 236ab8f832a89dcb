"""``coordinator report``: a session as one file to read, print or send."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit
from coordinator.cli.journal_paths import root_of
from coordinator.errors import ConfigInvalid
from coordinator.journal.index import summary_of
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import read_session
from coordinator.report.markdown import markdown
from coordinator.report.page import page
from coordinator.report.story import tell

_MARKDOWN = (".md", ".markdown")
_WRITTEN = ("", ".html", ".htm", *_MARKDOWN)
"""The suffixes of a report's file."""


def report_command(
    session: str, output: Path | None, journal: Path | None, *, is_opened: bool
) -> int:
    """Write the report, and open it if asked to."""
    return at_the_boundary(
        lambda: _report(session, output, root_of(journal), is_opened=is_opened)
    )


def _report(session: str, output: Path | None, root: Path, *, is_opened: bool) -> int:
    if output is not None and output.suffix.lower() not in _WRITTEN:
        raise ConfigInvalid(
            f"--output {output}: a report is HTML or Markdown; name it "
            f"{output.with_suffix('.html')} or {output.with_suffix('.md')}"
        )
    name = find_session(root, session)
    is_running = summary_of(root, name).status == "running"
    story = tell(read_session(root, name), is_running=is_running)
    target = output or Path(f"{name}.html")
    is_markdown = target.suffix.lower() in _MARKDOWN
    text = markdown(story) if is_markdown else page(story)
    if str(output) == "-":
        sys.stdout.write(text)
        return Exit.ANSWERED
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(
            f"--output {target}: {error.strerror}; choose another file"
        ) from error
    sys.stdout.write(f"{target}\n")
    if is_opened and not webbrowser.open(target.absolute().as_uri()):
        raise ConfigInvalid(f"no browser could be opened; open {target} yourself")
    return Exit.ANSWERED
