"""Writes a golden journal: one record of every word that this version can say.

    python tests/golden/make.py 1      # writes journal-1.journal and journal-1.jsonl

Made once, when a version is about to be released with a new word or a new format, and
never again: what is here decodes forever. It refuses to touch what exists.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from agents.protocol.chunks import StreamChunk, TextDelta, ThinkingDelta, ToolInputDelta
from agents.protocol.frames import encode_frame, unfolded
from coordinator.journal.entries import FileKept, Opened, Resumed
from coordinator.journal.framing import (
    VERSION,
    Chain,
    Frames,
    Kind,
    Record,
    encode_file_header,
)
from coordinator.protocol.events import MachineOutput, ShellInput
from coordinator.protocol.result import Result

_SALT = 0x5EED
_DEEPEST = 4
_PLAIN: dict[type[inspect.Type], Any] = {
    inspect.IntType: 3,
    inspect.FloatType: 0.1,
    inspect.BoolType: True,
    inspect.RawType: {"raw": [1, None, "x"]},
    inspect.AnyType: {"any": 1},
    inspect.DateTimeType: "2026-11-23T12:00:00.250000Z",
}
_encode = msgspec.json.encode


def _sample(kind: inspect.Type, name: str = "word", depth: int = 0) -> Any:
    """Any value of ``kind``, as plain data."""
    match kind:
        case inspect.StrType():
            # What text may hold that a careless reader of lines would trip over.
            is_text = name in {"text", "content", "question", "answer"}
            return f"{name} \u00e4\u2028\U0001f600" if is_text else name
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=types):
            some = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _sample(some[0], name, depth)
        case inspect.TupleType(item_types=items):
            return [_sample(item, name, depth) for item in items]
        case inspect.VarTupleType(item_type=item):
            return [_sample(item, name, depth)] * 2 if depth < _DEEPEST else []
        case inspect.DictType(key_type=key, value_type=value):
            return {_sample(key, "key"): _sample(value, name, depth)}
        case inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            data = {} if tag_field is None else {tag_field: tag}
            for field in fields:
                data[field.encode_name] = _sample(field.type, field.name, depth + 1)
            return data
        case _:
            return _PLAIN[type(kind)]


def _every(union: Any) -> Iterator[dict[str, Any]]:
    for word in typing.get_args(union):
        yield _sample(inspect.type_info(word))


def _said() -> Iterator[tuple[Kind, bytes]]:
    opened = _sample(inspect.type_info(Opened))
    opened["models"] = {"ada": "claude-haiku-5-5", "bob": "scripted"}
    yield Kind.OPENED, _encode(opened)
    lines = [
        _encode(chunk | {"agent": "ada", "turn": 1, "seq": seq, "at": 10.0 + seq})
        for seq, chunk in enumerate(_every(StreamChunk))
    ]
    yield Kind.FRAME, b"".join(line + b"\n" for line in lines[:3])
    for line in lines[3:]:
        yield Kind.FRAME, line + b"\n"
    yield Kind.FRAME, encode_frame(_read_at_once())
    for word in _every(ShellInput):
        yield Kind.INPUT, _encode(word)
    for word in _every(MachineOutput):
        yield Kind.OUTPUT, _encode(word)
    yield Kind.FILE, _encode(_sample(inspect.type_info(FileKept)))
    yield Kind.RESULT, _encode(_sample(inspect.type_info(Result)))
    yield Kind.RESUMED, _encode(_sample(inspect.type_info(Resumed)) | {"kept": 1000})


def _read_at_once() -> Iterator[StreamChunk]:
    """Pieces of three blocks, so that a frame has a line for each."""
    for word in (TextDelta, ThinkingDelta, ToolInputDelta):
        said = _sample(inspect.type_info(word))
        for seq in range(100, 104):
            stamp = {"agent": "ada", "turn": 1, "seq": seq, "at": 99.5}
            yield msgspec.convert(said | stamp, word)


def _line(kind: Kind, payload: bytes) -> bytes:
    if kind == Kind.FRAME:
        return unfolded(payload)
    if kind == Kind.RESULT:
        return b'{"kind":"result","result":%b}\n' % payload
    return payload + b"\n"


def main(version: str) -> None:
    """Write the golden files of ``version`` beside this one."""
    said = list(_said())
    chain = Chain(_SALT)
    data = encode_file_header(_SALT, VERSION)
    for number, (kind, payload) in enumerate(said):
        if number and number % 10 == 0:
            data += chain.mark(10.0 + number, len(data), len(data))
        record = Record(kind=kind, at=10.0 + number, payload=payload)
        data += b"".join(chain.framed([record]))
    together = Frames()
    for at in (500.0, 501.0):
        frame = encode_frame(_read_at_once())
        together.take([frame], at)
        said.append((Kind.FRAME, frame))
    data += b"".join(chain.framed([together]))
    path = Path(__file__).parent / f"journal-{version}.journal"
    with path.open("xb") as file:
        file.write(data)
    with path.with_suffix(".jsonl").open("xb") as file:
        file.write(b"".join(_line(kind, payload) for kind, payload in said))


if __name__ == "__main__":
    main(sys.argv[1])
