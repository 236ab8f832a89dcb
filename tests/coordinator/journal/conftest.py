"""A folder for journals, and first records to put into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest

from agents.protocol.chunks import AgentId, Seq, TextDelta, TurnNumber
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from coordinator.journal.entries import Opened

Opening: TypeAlias = Callable[..., Opened]
Frame: TypeAlias = Callable[[int], bytes]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def opening() -> Opening:
    """Make a first record; the defaults are of a small team."""

    def opening(session: str = "s1", **changes: object) -> Opened:
        opened = Opened(
            session=session,
            started=datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC),
            at=100.0,
            question="Which city?",
            team=msgspec.Raw(b'{"agents":[]}'),
            models={AgentId("ada"): "claude-haiku-5-5", AgentId("bob"): "scripted"},
            seed=7,
            nonce="n0nce",
            library="0.1.0",
        )
        return msgspec.structs.replace(opened, **changes)

    return opening


@pytest.fixture
def frame() -> Frame:
    """Make the n-th frame of an agent that counts."""

    def frame(number: int) -> bytes:
        pen = Pen(AgentId("ada"), TurnNumber(1), 100.0 + number)
        stamp = pen.stamp()
        stamp["seq"] = Seq(number)
        return encode_frame([TextDelta(**stamp, block=0, text=f"{number} ")])

    return frame
