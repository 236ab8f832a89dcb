"""Flags of MassGen's command line that mean nothing here, or something else.

All take no value (0.1.97, read 2026-12-01). Those that ask for more than is here stay,
and are refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.cli.exit_codes import complain

NO_EFFECT = {
    "--debug": "every session is kept; see 'coordinator sessions show last'",
    "--logfire": "traces go where OTEL_EXPORTER_OTLP_ENDPOINT says",
    "--no-parse-at-references": "'@' in a question is text here",
    "--no-session-registry": "there is no registry beside the journals",
    "--rate-limit": "the API's own limits are kept",
    "--save-streaming-buffers": "the journal has every chunk",
    "--skip-agent-selector": "nothing is asked at the end",
    "--skip-validation": "a file is always looked at; it takes no time",
}
"""Flag → why it has none."""

RENAMED = {"--no-logs": "--no-journal"}
"""Flag → ours."""


def without_foreign_flags(words: Sequence[str]) -> list[str]:
    """``words`` without flags of MassGen's that mean nothing here; each is told once.

    What stands behind a question's words is looked at as well; a word that is an
    option's value is not, because no value begins so.
    """
    own_words: list[str] = []
    for word in words:
        if (why := NO_EFFECT.get(word)) is not None:
            complain(f"{word} has no effect here: {why}")
        else:
            own_words.append(RENAMED.get(word, word))
    return own_words
