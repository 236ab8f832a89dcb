"""Sessions that MassGen itself has kept, to go on from.

It keeps ``.massgen/sessions/NAME/turn_N``, from where it was started: the question in
``metadata.json``, the final answer in ``answer.txt``, and of a turn that was cancelled
what there was in ``partial_answers.json``. Read of MassGen 0.1.97 on 2026-12-01.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import msgspec

from agents.protocol.turns import Earlier
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import Json
from coordinator.recovery.follow_up import EARLIER_MOST, Continued

FOLDERS = (Path(".massgen/sessions"), Path("sessions"))
"""Where its sessions are, now and in earlier versions."""

_NAME = re.compile(r"[\w.-]+")
_TURN = re.compile(r"turn_(\d+)")


def massgen_session(name: str, folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """The folder of a session of MassGen's; ``None``: it has kept none of that name."""
    if not _NAME.fullmatch(name) or set(name) == {"."}:
        return None
    return next((each / name for each in folders if _turns(each / name)), None)


def continued_from_massgen(folder: Path) -> Continued:
    """Read what there is to go on from. Blocks.

    Args:
        folder: Of the session.

    Raises:
        ConfigInvalid: No turn of it has a question and an answer.
    """
    turns = [_earlier(turn) for turn in _turns(folder)]
    earlier = tuple(each for each in turns if each is not None)
    if not earlier:
        raise ConfigInvalid(
            f"{folder} holds no question with an answer to go on from; ask without "
            "--continue"
        )
    return Continued(
        session=folder.name, earlier=earlier[-EARLIER_MOST:], source=b"null"
    )


def _turns(folder: Path) -> list[Path]:
    """The folders of its turns, in order."""
    if not folder.is_dir():
        return []
    matched = [(_TURN.fullmatch(path.name), path) for path in folder.iterdir()]
    numbered = [(int(match[1]), path) for match, path in matched if match]
    return [path for _, path in sorted(numbered) if path.is_dir()]


def _earlier(turn: Path) -> Earlier | None:
    metadata = _json(turn / "metadata.json")
    question = str(metadata.get("task") or "")
    answer, agreed = _text(turn / "answer.txt"), ""
    if not answer.strip():
        answer = _partial(_json(turn / "partial_answers.json"))
        agreed = "The session was cancelled before this was decided."
    if not question or not answer.strip():
        return None
    return Earlier(question=question, answer=answer, agreed=agreed)


def _partial(answers: Json) -> str:
    """The answers of the agents when they were cancelled."""
    texts = [
        str(cast("Json", each).get("answer") or "")
        for each in answers.values()
        if isinstance(each, dict)
    ]
    return "\n\n".join(filter(None, texts))


def _json(path: Path) -> Json:
    try:
        value: Any = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
