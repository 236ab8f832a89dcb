"""Configuration of an MCP server: how it starts or is reached, what it may see."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from string import Template

import msgspec

PASSED_ON = ("PATH", "HOME", "LANG")
"""All that a server sees of our environment; a key is never among it."""

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,31}(?:_[a-zA-Z0-9-]+)*")


class McpServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server: a command that speaks on its standard streams, or an address.

    Raises:
        ValueError: The name is not usable, or not exactly one of ``command`` and
            ``url`` is given, or a setting is the other kind's.
    """

    name: str
    """Its tools are ``name__tool`` to the model."""
    command: tuple[str, ...] = ()
    """The whole command line; run as it is, without a shell."""
    env: dict[str, str] = {}
    """Its environment variables beside ``PATH``, ``HOME`` and ``LANG``. ``$NAME`` in a
    value is our own variable of that name, so that no secret need be written here."""
    url: str | None = None
    """Of a streamable HTTP endpoint."""
    headers: dict[str, str] = {}
    """Sent with every request; ``$NAME`` as above."""
    tools: tuple[str, ...] | None = None
    """The server's names of the tools to offer; ``None``: all."""
    exclude: tuple[str, ...] = ()
    """The server's names of tools that are not offered."""
    defer_loading: bool = False
    """Whether the API shall load them only when tool search finds them."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or "__" in self.name or len(self.name) > 48:
            raise ValueError(
                f"MCP server name {self.name!r} is not usable; use up to 48 letters, "
                "digits, '-' and single '_'"
            )
        who = f"MCP server {self.name!r}"
        if bool(self.command) == (self.url is not None):
            raise ValueError(f"{who} needs either a 'command' or a 'url'")
        if self.url is not None and self.env:
            raise ValueError(f"{who} has a 'url', so it takes 'headers' and no 'env'")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"{who}: url {self.url!r} begins with neither http nor https"
            )
        if self.command and self.headers:
            raise ValueError(f"{who} has a 'command', so it takes 'env', not 'headers'")

    def __repr__(self) -> str:
        return f"McpServer({self.name!r})"  # env, headers and address may hold secrets


def program(server: McpServer) -> str:
    """The absolute path of the program that ``server`` runs.

    Raises:
        ValueError: There is none.
    """
    named = server.command[0]
    # A relative path with a folder in it would depend on where one stands.
    is_plain = os.sep not in named
    path = shutil.which(named) if is_plain or os.path.isabs(named) else None  # noqa: PTH117  (a string as people write it)
    if path is None:
        way = "install it or" if is_plain else "check it, or"
        raise ValueError(
            f"MCP server {server.name!r}: there is no program {named!r}; {way} give "
            "an absolute path, or a name that is on PATH"
        )
    return path


def filled_in(server: McpServer, ours: Mapping[str, str]) -> McpServer:
    """``server`` with each ``$NAME`` replaced by what ``ours`` has.

    Raises:
        ValueError: A variable is not set, or a ``$`` stands alone.
    """
    try:
        return msgspec.structs.replace(
            server,
            env={n: Template(v).substitute(ours) for n, v in server.env.items()},
            headers={
                n: Template(v).substitute(ours) for n, v in server.headers.items()
            },
        )
    except KeyError as error:
        raise ValueError(
            f"MCP server {server.name!r} takes {error.args[0]} from the environment, "
            "where it is not set; set it"
        ) from None
    except ValueError:
        raise ValueError(
            f"MCP server {server.name!r}: '$' begins a variable's name; write '$$' "
            "for the sign itself"
        ) from None


def environment(server: McpServer, ours: Mapping[str, str]) -> dict[str, str]:
    """All that the server's process sees of the environment."""
    passed_on = {name: ours[name] for name in PASSED_ON if name in ours}
    return {**passed_on, **server.env}
