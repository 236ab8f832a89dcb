"""``coordinator doctor``: what may be in the way here, and the way out of each."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import anyio
import msgspec

from agents.backends.compatible.servers import SERVERS
from agents.tools.workspace import sandbox
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit
from coordinator.displays.sanitizer import clean
from coordinator.errors import ConfigInvalid, CoordinatorError
from coordinator.journal.store import IS_POSIX, default_root, open_folder
from coordinator.team.builder import KEY_VARIABLES

Verdict: TypeAlias = Literal["well", "note", "wrong"]

PACKAGE = "massgen-coordinator"
OURS = ("agents", "coordinator")
API = "https://api.anthropic.com"
REACHED_S = 5.0
"""How long a server may take to answer; one that is far takes a second."""
LOCAL_S = 0.2
"""The same, on this machine."""
LEAST_BYTES = 100 << 20
"""Free space that some hundred sessions fit in."""
_OTHER_KEYS = ("OPENAI_API_KEY", "XAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
_MARKS: dict[Verdict, str] = {"well": "ok", "note": "--", "wrong": "!!"}


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """The options of ``doctor``, as given."""

    is_live: bool = False
    record: Path | None = None
    model: str | None = None
    server: str | None = None
    may_spend: bool = False
    is_json: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    about: str
    verdict: Verdict
    """``note``: teams run, something that some need is not here."""
    told: str
    way_out: str = ""


def doctor_command(options: DoctorOptions) -> int:
    """Look at everything and say what was found; the exit code."""
    return at_the_boundary(lambda: _examine(options))


def _examine(options: DoctorOptions) -> int:
    load_environment(None)
    findings: list[Finding] = []
    for check in CHECKS:
        for finding in check(os.environ):
            findings.append(finding)
            if not options.is_json:
                _tell(finding)
    if options.is_live:
        from coordinator.cli.live_checks import live_findings  # noqa: PLC0415  (seldom)

        for finding in live_findings(
            options.model, options.record, may_spend=options.may_spend
        ):
            findings.append(finding)
            if not options.is_json:
                _tell(finding)
    if options.server is not None:
        for finding in anyio.run(_probed, options.server):
            findings.append(finding)
            if not options.is_json:
                _tell(finding)
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if options.is_json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    elif wrong:
        sys.stdout.write(f"\n{wrong} in the way, marked !!\n")
    else:
        sys.stdout.write("\nAll that teams need is here. Next: coordinator init\n")
    return Exit.CONFIGURATION if wrong else Exit.ANSWERED


async def _probed(server: str) -> list[Finding]:
    """The abilities and gaps of a compatible server, by three small requests.

    Raises:
        ConfigInvalid: It is neither an address nor a name that is known.
    """
    profile = SERVERS.get(server)
    if profile is None and not server.startswith(("http://", "https://")):
        raise ConfigInvalid(
            f"--server {server!r} is none of {', '.join(SERVERS)}; give one, or an "
            "address: http://127.0.0.1:8000/v1"
        )
    from agents.backends.compatible.probe import probe  # noqa: PLC0415  (seldom)

    address = server if profile is None else profile.base_url
    key = None if profile is None or profile.key is None else profile.key
    findings = await probe(address, api_key=os.environ.get(key) if key else None)
    verdicts: dict[str, Verdict] = {"has": "well", "lacks": "wrong", "unknown": "note"}
    return [
        Finding(
            about=each.what,
            verdict=verdicts[each.state],
            told=each.told,
            way_out=each.way_out,
        )
        for each in findings
    ]


def _tell(finding: Finding) -> None:
    mark = _MARKS[finding.verdict]
    sys.stdout.write(f"{mark}  {finding.about:<12} {clean(finding.told)}\n")
    if finding.way_out:
        sys.stdout.write(f"{'':<17}→ {clean(finding.way_out)}\n")
    sys.stdout.flush()  # the next one may take seconds


def _well(about: str, told: str) -> Finding:
    return Finding(about=about, verdict="well", told=told)


def _note(about: str, told: str, way_out: str = "") -> Finding:
    return Finding(about=about, verdict="note", told=told, way_out=way_out)


def _wrong(about: str, told: str, way_out: str) -> Finding:
    return Finding(about=about, verdict="wrong", told=told, way_out=way_out)


def python(_: Mapping[str, str]) -> Iterator[Finding]:
    """The interpreter: its version, and whether it is an environment of its own."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield _well("Python", f"{version}, {sys.executable}")
    if sys.prefix == sys.base_prefix:
        yield _note(
            "environment",
            "no virtual environment",
            "python3 -m venv .venv && . .venv/bin/activate keeps packages apart",
        )


def packages(_: Mapping[str, str]) -> Iterator[Finding]:
    """Our version, those of what we need, and who else has our names."""
    try:
        yield _well(PACKAGE, metadata.version(PACKAGE))
        yield from _requirements()
    except metadata.PackageNotFoundError:
        yield _note(PACKAGE, "not installed; run from its source", "pip install -e .")
    home = Path(__file__).parent.parent.parent
    for name in OURS:
        spec = find_spec(name)
        where = Path(spec.origin).parent.parent if spec and spec.origin else None
        if where != home:
            yield _wrong(
                name,
                f"import {name} finds {where}, and the command runs from {home}",
                "another package of that name is in the way (openai-agents has one); "
                "give this one an environment of its own",
            )
        here = Path.cwd()
        for other in (here / name, here / f"{name}.py"):
            if other.exists() and here != home:
                yield _note(
                    name,
                    f"{other} would be imported instead by a program started here",
                    "rename it, or start from another folder",
                )
    yield from _others()


def _others() -> Iterator[Finding]:
    """Distributions that bring a top-level package of our names."""
    for name, holders in metadata.packages_distributions().items():
        strangers = sorted({*holders} - {PACKAGE, PACKAGE.replace("-", "_")})
        if name in OURS and strangers:
            yield _wrong(
                name,
                f"{', '.join(strangers)} brings a package {name!r} as well",
                f"pip uninstall {strangers[0]}, or an environment of its own",
            )


_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(\[[^]]*\])?\s*\(?([^;)]*)")


def _requirements() -> Iterator[Finding]:
    """Whether the versions of what we need are those that we were tried with."""
    count, are_well = 0, True
    for line in metadata.requires(PACKAGE) or ():
        if "extra ==" in line:
            continue
        match = _REQUIREMENT.match(line)
        assert match is not None
        name, _, wanted = match.groups()
        count += 1
        try:
            has = metadata.version(name)
        except metadata.PackageNotFoundError:
            are_well = False
            yield _wrong(name, "is not installed", f"pip install '{name}{wanted}'")
            continue
        if not fits(has, wanted):
            are_well = False
            yield _wrong(
                name,
                f"{has} is here, {wanted.strip()} is needed",
                f"pip install '{name}{wanted.strip()}'",
            )
    if are_well:
        yield _well("packages", f"{count} needed, each of a version that was tried")


def fits(has: str, wanted: str) -> bool:
    """Whether a version is within ``>=2.1,<3``; what is not understood is let be."""
    for part in filter(None, (each.strip() for each in wanted.split(","))):
        sign = part.rstrip("0123456789.abrcdevpost*")
        bar, mine = _numbers(part.removeprefix(sign)), _numbers(has)
        length = max(len(bar), len(mine))
        mine += (0,) * (length - len(mine))
        bar += (0,) * (length - len(bar))
        is_met = {">=": mine >= bar, "<": mine < bar, "==": mine == bar}
        if not is_met.get(sign, True):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int(x) for x in re.findall(r"\d+", version.split("+", maxsplit=1)[0])[:4]
    )


def extras(_: Mapping[str, str]) -> Iterator[Finding]:
    """Optional packages that some teams need."""
    for extra, modules, for_what in (
        ("mcp", ("mcp",), "MCP servers on our side (mcp:)"),
        ("web", ("starlette", "uvicorn"), "coordinator web"),
        ("otel", ("opentelemetry.sdk",), "traces"),
    ):
        absent = [name for name in modules if not _is_there(name)]
        if absent:
            way = f"pip install '{PACKAGE}[{extra}]', where it is wanted"
            yield _note(f"[{extra}]", f"not here; {for_what}", way)
        else:
            yield _well(f"[{extra}]", for_what)
    made_of = sandbox.kind()
    if made_of is None:
        yield _note(
            "sandbox",
            "neither bubblewrap nor user namespaces work here; agents' bash is kept to "
            "its folder by them",
            "apt install bubblewrap, where a team has bash",
        )
    else:
        yield _well(made_of, "agents' bash can be kept to its folder")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent
        return False


def keys(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Keys that are set, and whether they look like one; never a letter of them."""
    known = (*KEY_VARIABLES, *_OTHER_KEYS, *(x.key for x in SERVERS.values() if x.key))
    is_any = False
    for name in dict.fromkeys(known):
        value = environment.get(name)
        if value is None:
            continue
        is_any = True
        problem = _odd(value)
        if problem:
            yield _wrong(name, problem, f"export {name}=… once more, without it")
        else:
            yield _well(name, f"set, {len(value)} characters")
    if not is_any:
        yield _note(
            "keys",
            "no key of any maker is set",
            "export ANTHROPIC_API_KEY=…; without one: coordinator run … --emulate",
        )


def _odd(value: str) -> str:
    if not value.strip():
        return "is set and empty"
    if value != value.strip() or "\n" in value:
        return "has a blank or a line's end around it"
    if value[0] in "\"'" or value[-1] in "\"'":
        return "has quotes around it"
    if not value.isascii():
        return "has letters that no key has"
    return ""


def network(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the API answers, and what it says to the key."""
    named = environment.get("ANTHROPIC_BASE_URL")
    address = (named or API).rstrip("/")
    host = urlsplit(address).hostname or address
    key = next((x for n in KEY_VARIABLES if (x := environment.get(n, "").strip())), "")
    from coordinator.cli.live_checks import ask_api  # noqa: PLC0415  (httpx2: 0.1 s)

    status, problem = ask_api(address, environment, "/v1/models", limit_s=REACHED_S)
    proxies = [name for name in ("HTTPS_PROXY", "ALL_PROXY") if environment.get(name)]
    through = f", through {' and '.join(proxies)}" if proxies else ""
    make = _wrong if key else _note
    if status is None:
        way = "look at the network, a proxy (HTTPS_PROXY) or a firewall"
        yield make("network", f"{host} does not answer{through}: {problem}", way)
    elif key and status in {401, 403}:
        yield _wrong(
            "network",
            f"{host} refuses the key ({status})",
            "make a new one in its console; ANTHROPIC_AUTH_TOKEN and "
            "ANTHROPIC_API_KEY must not both be set",
        )
    elif key:
        takes = "takes the key" if status == 200 else f"answers {status}"
        yield _well("network", f"{host} {takes}{through}")
    else:
        yield _well("network", f"{host} answers{through}")
    for name, server in SERVERS.items():
        place = urlsplit(server.base_url)
        if server.is_local and place.port and _listens(place.hostname, place.port):
            observation = (
                f"something listens at {server.base_url}; models cost nothing there"
            )
            yield _well(name, observation)


def _listens(host: str | None, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host or "", port), LOCAL_S):
        return True
    return False


def terminal(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The terminal's abilities."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    if not sys.stdout.isatty():
        yield _note("terminal", "none: standard output goes to a file or a pipe")
        return
    size = shutil.get_terminal_size()
    name = environment.get("TERM", "")
    colours = "without colours (NO_COLOR)" if environment.get("NO_COLOR") else ""
    description = ", ".join(
        x for x in (name, f"{size.columns} by {size.lines}", colours) if x
    )
    if name in {"", "dumb"}:
        yield _note(
            "terminal", description or "TERM is not set", "plain lines are shown"
        )
    elif encoding.replace("-", "") != "utf8":
        way = "export LANG=C.UTF-8"
        yield _note("terminal", f"{description}; it takes {encoding or 'no text'}", way)
    else:
        yield _well("terminal", description)


def disk(_: Mapping[str, str]) -> Iterator[Finding]:
    """Where sessions are kept."""
    root = default_root()
    if not IS_POSIX:
        yield _note("sessions", "no journal is kept on this system", "use --no-journal")
        return
    existing = next(path for path in (root, *root.parents) if path.exists())
    try:
        if root.exists():
            with open_folder(root) as folder:
                folder.insist_on_privacy(may_be_sticky=True)
                count = sum(1 for _ in folder.sessions())
        else:
            count = 0
        free = shutil.disk_usage(existing).free
    except (OSError, CoordinatorError) as error:
        yield _wrong("sessions", str(error), "or name another folder: --journal DIR")
        return
    usage = f"{count} kept in {root}, {free / (1 << 30):.1f} GiB free"
    if not os.access(existing, os.W_OK):
        way = f"chmod u+w {existing}, or --journal DIR"
        yield _wrong("sessions", f"{existing} may not be written", way)
    elif free < LEAST_BYTES:
        yield _wrong("sessions", usage, "make room: coordinator sessions prune --help")
    else:
        yield _well("sessions", usage)


CHECKS: tuple[Callable[[Mapping[str, str]], Iterator[Finding]], ...] = (
    python,
    packages,
    extras,
    keys,
    network,
    terminal,
    disk,
)
"""The checks, in their order."""
