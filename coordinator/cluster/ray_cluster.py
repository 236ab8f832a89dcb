"""The connection to a Ray cluster: authenticated, without statistics, from both loops.

A cluster that begins here has token authentication on, with a token of its own, and
reports no usage. One that is here already has its owner's settings; where it takes
anybody, that is said. Importing this module does not import Ray.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio

from agents.boundary.log_context import bound_logger
from agents.boundary.root import Loop
from coordinator.errors import ConfigInvalid

_log = bound_logger("coordinator.cluster")
_connecting = threading.Lock()
_head: list[str] = []
"""The address of the cluster that this process is connected to."""
_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Ray ends a process whose cluster's head is gone for so long: 60 s by itself."""
ANSWER_S = 10.0
"""How long a cluster may take to accept a connection."""
_MISMATCH = "Version mismatch"
"""How Ray begins to say so."""


def is_installed() -> bool:
    """Whether the extra ``[ray]`` is."""
    return importlib.util.find_spec("ray") is not None


def ray() -> Any:  # noqa: ANN401  (its types are partial, and it is an extra)
    """The library; imported when it is first asked for, which takes a second."""
    return importlib.import_module("ray")


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
    if not connect(address):  # the program's own connection; it ends it
        yield
        return
    try:
        yield
    finally:
        if not is_gone():  # else it waits for its head's return
            with suppress(Exception):
                ray().shutdown()


def connect(address: str = "ray") -> bool:
    """Connect this process to a cluster, for as long as it lives. Blocks for seconds.

    Returns:
        Whether it was not connected before.

    Raises:
        ConfigInvalid: There is no such cluster, or it does not let us in.
    """
    insist_on_ray()
    with _connecting:
        if ray().is_initialized():
            _remember(address)
            return False
        # The processes of a cluster that begins here die with the thread that began
        # them (PR_SET_PDEATHSIG), so that is one which never ends. In the main thread
        # Ray would also put a handler of its own on SIGTERM.
        done: Future[None] = Future()

        def begin() -> None:
            try:
                _connect(address)
            except Exception as error:  # noqa: BLE001  (raised where it is waited for)
                done.set_exception(error)
            else:
                done.set_result(None)
                threading.Event().wait()

        threading.Thread(target=begin, name="Ray", daemon=True).start()
        done.result()
        _remember(address)
        return True


def _remember(address: str) -> None:
    """Where to look whether the cluster is still there."""
    if not _head:
        is_far = address.startswith("ray://")
        _head.append(address if is_far else ray().get_runtime_context().gcs_address)


def is_gone() -> bool:
    """Whether the head of the cluster answers no more. Blocks for seconds at worst.

    Asked itself, Ray waits for its return without an end.
    """
    try:
        _insist_on_answer(_head[0] if _head else "")
    except ConnectionError:
        return True
    return False


def _connect(address: str) -> None:
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": True,
    }
    try:
        if address.startswith("ray://"):
            _insist_on_answer(address)
            ray().init(address, **quiet)
        elif named := os.environ.get("RAY_ADDRESS"):
            _insist_on_answer(named)
            with _outliving():
                ray().init(**quiet)
        else:
            try:
                _insist_on_answer(_address_here())
                with _outliving():
                    ray().init("auto", **quiet)
            except ConnectionError:  # none is here
                ray().init("local", include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        why = _first_line(error)
        way = "is it there, and do RAY_AUTH_MODE and RAY_AUTH_TOKEN say what it wants?"
        if _MISMATCH in why:
            way = "install what the cluster has"
        raise ConfigInvalid(
            f"the Ray cluster {address!r} cannot be reached: {why}; {way}"
        ) from error
    if os.environ.get("RAY_AUTH_MODE") != "token":
        _log.warning(
            "this Ray cluster lets in whoever reaches it; start it with "
            "RAY_AUTH_MODE=token and a RAY_AUTH_TOKEN"
        )


@contextmanager
def _outliving() -> Generator[None]:
    """Connect for longer than the cluster lives; nothing that is begun inherits it."""
    if _PATIENCE in os.environ:
        yield
        return
    os.environ[_PATIENCE] = str(30 * 86_400)
    try:
        yield
    finally:
        del os.environ[_PATIENCE]


def _address_here() -> str:
    """Ray's record of a cluster on this machine; the file outlives one that died."""
    folder = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir()))
    with suppress(OSError):
        return (folder / "ray" / "ray_current_cluster").read_text().strip()
    return ""


def _insist_on_answer(address: str) -> None:
    """Make sure that somebody listens: Ray itself asks for 13 minutes (2.60).

    Raises:
        ConnectionError: Nobody does. What is no HOST:PORT is not looked at.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise ConnectionError(f"nobody answers at {address}: {why}") from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines()]
    if not lines:
        return type(error).__name__
    if _MISMATCH in lines[0] or lines[0].endswith(":"):  # the rest says which, or why
        return " ".join(lines)[:300]
    return lines[0][:300]


async def gotten(ref: Any) -> Any:  # noqa: ANN401  (whatever was computed)
    """Wait for what ``ref`` computes, on asyncio and on trio alike.

    Cancelled, it lets go at once; what is computed goes on.

    Raises:
        ConnectionError: The cluster is gone.
        Exception: What the computation has raised, or Ray's own.
    """
    done, loop = anyio.Event(), Loop()

    def tell(_: object) -> None:
        loop.call_soon(done.set)

    future = ref.future()
    future.add_done_callback(tell)
    await done.wait()
    if future.cancelled():
        raise ConnectionError("the connection to the cluster has ended")
    return future.result(0)
