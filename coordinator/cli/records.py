"""``coordinator records``: what became of sessions, and what follows for the team."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agents.protocol.chunks import AgentId
from coordinator.ballots import learned_weights
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.journal_paths import root_of
from coordinator.errors import ConfigInvalid, CoordinatorError
from coordinator.journal.entries import decode
from coordinator.journal.framing import Kind
from coordinator.journal.index import list_sessions
from coordinator.journal.inputs import history
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import read_session
from coordinator.protocol.result import Result
from coordinator.report.track_record import Learned, Told, learned

FILE = "outcomes.jsonl"
"""Beside the journals: a line for each outcome that was told; the last one counts."""

_decoder = msgspec.json.Decoder(Told)


def tell_command(session: str, answer: str, journal: Path | None) -> int:
    """Keep what the right answer of a session turned out to be."""
    return at_the_boundary(lambda: _tell(session, answer, root_of(journal)))


def _tell(session: str, answer: str, root: Path) -> int:
    if not answer.strip():
        complain("the answer is empty; say what was right, or 'none'")
        return Exit.CONFIGURATION
    name = find_session(root, session)
    result = _result_of(root, name)
    if result is None:
        complain(f"session {name!r} has not ended, so nothing can be learned of it")
        return Exit.CONFIGURATION
    line = msgspec.json.encode(Told(session=name, answer=answer)) + b"\n"
    with (root / FILE).open("ab") as file:
        file.write(line)
    known = learned([result], {name: answer})
    if known.unknown:
        sys.stdout.write(
            f"{name}: kept, but its answers are words that cannot be compared with "
            "this; name the answer that was right by its label or author\n"
        )
    else:
        right = sum(each.drafts.right for each in known.agents.values())
        total = sum(each.drafts.judged for each in known.agents.values())
        sys.stdout.write(f"{name}: {right} of {total} first answers were right\n")
    return Exit.ANSWERED


def learn_command(
    journal: Path | None, told: Path | None, agreed: float | None, *, is_json: bool
) -> int:
    """Print what sessions whose outcome is known say of their agents."""
    return at_the_boundary(
        lambda: _learn(root_of(journal), told, agreed, is_json=is_json)
    )


def _learn(
    root: Path, file: Path | None, agreed: float | None, *, is_json: bool
) -> int:
    if agreed is not None and not 0 < agreed <= 1:
        complain(f"--agreed {agreed:g} is no share; use more than 0 to 1")
        return Exit.CONFIGURATION
    answers = dict(
        _judgements(root / FILE if file is None else file, is_named=file is not None)
    )
    names = [
        each.session
        for each in list_sessions(root)
        if agreed is not None or each.session in answers
    ]
    results = [_result_of(root, name) for name in names]
    known = learned(
        [each for each in results if each is not None], answers, agreed=agreed
    )
    if is_json:
        sys.stdout.write(msgspec.json.encode(known).decode() + "\n")
        return Exit.ANSWERED
    if not known.sessions:
        complain(
            "nothing is known of any session kept here: tell outcomes by 'coordinator "
            "records tell SESSION ANSWER', or take agreement for it by --agreed 0.9"
        )
        return Exit.CONFIGURATION
    sys.stdout.write("\n".join(_words(known)) + "\n")
    return Exit.ANSWERED


def _words(known: Learned) -> Iterator[str]:
    """The lessons of the records, as lines for a team file."""
    yield f"# Learned from {known.sessions} sessions; put it into the team file."
    judged = {name: x.votes for name, x in known.agents.items() if x.votes.judged}
    if judged:
        weights = learned_weights(
            {AgentId(name): record for name, record in judged.items()}, options=2
        )
        yield "records:"
        for name, record in judged.items():
            yield (
                f"  {name}: {{right: {record.right}, judged: {record.judged}}}"
                f"  # weighs about {weights[AgentId(name)]:.2f}"
            )
    else:
        yield "# No vote had a right and a wrong answer to choose from: no weights."
    yield "# First answers that were right; an adaptive team begins with the first:"
    for name in known.order():
        drafts = known.agents[name].drafts
        yield f"#   {name}: {drafts.right} of {drafts.judged}"
    if known.unknown:
        yield f"# Not comparable with what was told: {', '.join(known.unknown)}"


def _judgements(path: Path, *, is_named: bool) -> Iterator[tuple[str, str]]:
    """The judgements that people have given, session by session.

    Raises:
        ConfigInvalid: The file cannot be read, or a line of it.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if is_named:
            raise ConfigInvalid(f"there is no file {str(path)!r}") from None
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: {error}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise ConfigInvalid(
                f'{path}:{number}: {error}; write {{"session": …, "answer": …}}'
            ) from None
        yield record.session, record.answer


def _result_of(root: Path, session: str) -> Result | None:
    """How a session ended; ``None``: it has not, or cannot be read."""
    try:
        records = history(read_session(root, session).records)
    except CoordinatorError:
        return None
    for record in reversed(tuple(records)):
        if record.kind == Kind.RESULT:
            entry = decode(record)
            assert isinstance(entry, Result)
            return entry
    return None
