"""Which sessions a sweep is made of, and what each is called. Pure.

A session's name follows from what it asks of whom with which seed. So another run of
the same sweep finds what was done and what was begun, and a question or a team that has
changed is a new session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from coordinator.sweep.questions import Question

_OTHER = re.compile(r"[^A-Za-z0-9]+")
_NAME_CHARS = 20


class TeamSource(msgspec.Struct, frozen=True, kw_only=True):
    """A team as bytes: what any process makes it again from, without its keys."""

    name: str
    source: msgspec.Raw
    """As :func:`coordinator.team.team_source.source_of` wrote it."""
    digest: str
    """Of all that decides what the team does; not of where its file lies."""
    seed: int = 0
    """The first of its seeds."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One session to be run."""

    session: str
    """Its name, and that of its journal."""
    team: str
    question: Question
    seed: int
    """Decides every lot of the session."""


def jobs(
    questions: Sequence[Question], teams: Sequence[TeamSource], seeds: int
) -> Iterator[Job]:
    """All sessions, those that will be compared next to each other."""
    for question in questions:
        for number in range(seeds):
            for team in teams:
                seed = team.seed + number
                yield Job(
                    session=session_name(question, team, seed),
                    team=team.name,
                    question=question,
                    seed=seed,
                )


def session_name(question: Question, team: TeamSource, seed: int) -> str:
    """A name by which the session is known again: readable, and unique by a digest."""
    about = "\0".join((question.id, question.question, team.name, team.digest))
    digest = hashlib.sha256(f"{about}\0{seed}".encode("utf-8", "replace")).hexdigest()
    words = (_plain(question.id), _plain(team.name), str(seed))
    return "-".join(("q", *filter(None, words), digest[:10]))[:64]


def _plain(text: str) -> str:
    return _OTHER.sub("-", text).strip("-")[:_NAME_CHARS].strip("-")


def digest_of(source: bytes) -> str:
    """A digest of what a team is made from, wherever its file lies."""
    plain = msgspec.json.decode(source, type=dict[str, msgspec.Raw])
    fields = {key: plain[key] for key in sorted(plain) if key not in {"folder", "path"}}
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()[:16]


def names_of(paths: Sequence[str]) -> dict[str, str]:
    """Path → a team's name: its file's, with the folder where two are called alike."""
    stems = [_stem(path) for path in paths]
    return {
        path: stem if stems.count(stem) == 1 else path
        for path, stem in zip(paths, stems, strict=True)
    }


def _stem(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def missing(all_jobs: Sequence[Job], done: Mapping[str, object]) -> list[Job]:
    """The jobs that have no outcome yet, in their order."""
    return [job for job in all_jobs if job.session not in done]
