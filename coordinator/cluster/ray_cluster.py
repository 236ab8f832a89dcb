"""The connection to a Ray cluster: authenticated, without statistics, from both loops.

A cluster that begins here has token authentication on, with a token of its own, and
reports no usage. One that is here already has its owner's settings; where it takes
anybody, that is said. Importing this module does not import Ray.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import sys
from collections.abc import Generator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from agents.boundary.root import Loop
from coordinator.errors import ConfigInvalid

_log = logging.getLogger("coordinator.cluster")


def is_installed() -> bool:
    """Whether the extra ``[ray]`` is."""
    return importlib.util.find_spec("ray") is not None


def insist_on_ray() -> None:
    """Make sure that Ray is installed, and have it imported as we want it.

    Ray reads its settings when it is imported first. A program that has done so before
    has chosen its own.

    Raises:
        ConfigInvalid: It is not installed.
    """
    if not is_installed():
        raise ConfigInvalid(
            "Ray is not installed; pip install 'massgen-coordinator[ray]', or stay on "
            "this machine: --on local"
        )
    if "ray" in sys.modules:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if not _has_token():
        # For a cluster that begins here; to any other, its own token would be known.
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _has_token() -> bool:
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    with suppress(OSError, RuntimeError):
        return bool(named) or (Path.home() / ".ray" / "auth_token").exists()
    return bool(named)


@contextmanager
def started(address: str = "ray") -> Generator[None]:
    """Be connected to a cluster until the block ends.

    Args:
        address: ``ray``: the cluster that ``RAY_ADDRESS`` names or that runs here, else
            a new one that ends with the block; or ``ray://HOST:PORT``.

    Raises:
        ConfigInvalid: There is no such cluster, or it does not let us in.
    """
    insist_on_ray()
    import ray  # noqa: PLC0415  (an extra, and it takes a second)

    if ray.is_initialized():  # the program's own connection; it ends it
        yield
        return
    try:
        _connect(address)
        yield
    finally:
        with suppress(Exception):
            ray.shutdown()


def _connect(address: str) -> None:
    import ray  # noqa: PLC0415  (see above)

    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": True,
    }
    try:
        if address.startswith("ray://"):
            ray.init(address, **quiet)
        elif "RAY_ADDRESS" in os.environ:
            ray.init(**quiet)
        else:
            try:
                ray.init("auto", **quiet)
            except ConnectionError:  # none is here
                ray.init("local", include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        raise ConfigInvalid(
            f"the Ray cluster {address!r} cannot be reached: {_first_line(error)}; is "
            "it there, and do RAY_AUTH_MODE and RAY_AUTH_TOKEN say what it wants?"
        ) from error
    if os.environ.get("RAY_AUTH_MODE") != "token":
        _log.warning(
            "this Ray cluster lets in whoever reaches it; start it with "
            "RAY_AUTH_MODE=token and a RAY_AUTH_TOKEN"
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


async def gotten(ref: Any) -> Any:  # noqa: ANN401  (whatever was computed)
    """Wait for what ``ref`` computes, on asyncio and on trio alike.

    Cancelled, it lets go at once; what is computed goes on.

    Raises:
        Exception: What the computation has raised, or Ray's own.
    """
    done, loop = anyio.Event(), Loop()
    future = ref.future()
    future.add_done_callback(lambda _: loop.call_soon(done.set))
    try:
        await done.wait()
    finally:
        if not done.is_set():
            future.cancel()
    try:
        return future.result(0)
    except CancelledError as error:
        raise ConnectionError("the connection to the cluster has ended") from error
