"""One agent, alone in the world: its words, its model, its tools, its task.

    from agents import Agent, ClaudeBackend

    ada = Agent(id="ada", backend=ClaudeBackend(model="claude-sonnet-5-5"))

What users may import is listed in ``__init__.pyi``, each name once; everything else is
private and may move. Importing this package loads nothing: each name brings its own
room with it when it is first used.
"""

_STUB = __file__.removesuffix(".py") + ".pyi"


def __getattr__(name: str) -> object:
    from agents.door import resolve  # noqa: PLC0415  (with the first name)

    value = resolve(__name__, _STUB, name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    from agents.door import exports  # noqa: PLC0415  (as above)

    return sorted({*globals(), *exports(_STUB)})
