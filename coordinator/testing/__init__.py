"""The door for tests of one's own teams, backends, tools and prompts.

::

    from coordinator.testing import check_backend, run_scenario, run_virtual

    def test_my_backend() -> None:
        check_backend(MyBackend)

    def test_my_team_in_no_time() -> None:
        result = run_virtual(coordinator.run, "Why?", my_team())
        assert result.status == "answered"

pytest finds the fixtures and collects scenario files by itself, see
:mod:`coordinator.testing.pytest_plugin`; ``scenarios/README.md`` says how a scenario is
written. Importing this package loads nothing: each name brings its own module.
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
