"""A converted configuration as the text of a team file of ours."""

from __future__ import annotations

from typing import Any, cast

from coordinator.massgen.conversion import Converted, unsupported


def team_file(converted: Converted) -> str:
    """Write a team file, headed by what could not be taken over.

    ``${NAME}`` stays as it stands, but for what a team file fills in: see
    :mod:`coordinator.team.paths`.
    """
    import yaml  # noqa: PLC0415  (20 ms, and only where a file is written)

    left = unsupported(converted.rows)
    name = converted.document.path.name
    lines = [f"# Converted from {name}, a MassGen configuration."]
    if left:
        lines.append("# What it asks for that is not here:")
    lines += [f"# line {row.line}: {row.key}: {row.note}" for row in left]
    dumped = cast(
        "str",
        cast("Any", yaml).dump(
            converted.document.data,
            Dumper=_dumper(),
            sort_keys=False,
            allow_unicode=True,
            width=88,
        ),
    )
    return "\n".join(lines) + "\n" + dumped


def _dumper() -> type[Any]:
    """A dumper that writes text of several lines as such, and no anchors."""
    import yaml  # noqa: PLC0415  (as above)

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002  (the library's)
            return True

    def text(dumper: Any, data: str) -> Any:  # noqa: ANN401  (the library's)
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    cast("Any", Dumper).add_representer(str, text)
    return Dumper
