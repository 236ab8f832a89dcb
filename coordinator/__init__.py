"""A team of agents under one roof: voting, consensus, sessions.

    result = await coordinator.run("Which city is the capital of Australia?", team)

    async with coordinator.open_session(question, team) as session:
        async for chunk in session:
            ...

What users may import is listed in ``__init__.pyi``, each name once; everything else is
private and may move. Importing this package loads nothing: each name brings its own
room with it when it is first used,
so ``coordinator --help`` does not wait for the engine.
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
