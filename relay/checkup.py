"""What `roost doctor` looks at besides the store: this machine, this installation, these settings.

Each check is a function of a `Patient` that returns one `Finding`: a verdict, what was seen, and what to
change if it is not fine. A warning is something that will hurt later or under load; a problem keeps a node
from starting or from keeping its promises.
Not here: the store and its folder (store_checkup.py), how findings are shown (doctor.py).
"""

import os
import re
import resource
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from actors.ports import Clock
from relay import descriptors
from relay.config import Config, HostPort, is_loopback
from storage.environment import DEFAULT_MAP_BYTES

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)

EARLIEST_NOW = 1_790_000_000
"""Autumn of 2026, when this was written: a clock before that is wrong."""

LISTEN_BACKLOG = 1_024
"""What a node asks the kernel for."""

SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


class Verdict(Enum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    verdict: Verdict
    seen: str
    advice: str = ""
    """What to change; empty if nothing."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined."""

    config: Config
    holder: int | None
    """The process that has the data folder open, 0 if it is unknown which, None if nobody has."""
    clock: Clock


def examine_machine(patient: Patient) -> Iterator[Finding]:
    """Every check of this module, in the order in which they are shown."""
    yield check_python(sys.version_info[:2])
    yield check_libraries(_requirements())
    yield check_descriptors(patient.config, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield check_address_space(patient.config, resource.getrlimit(resource.RLIMIT_AS)[0])
    yield check_listen_backlog(SOMAXCONN)
    yield check_clock(patient.clock)
    yield check_port(patient, "port for devices", patient.config.listen, "--listen")
    if patient.config.admin is not None:
        yield check_port(patient, "port for operators", patient.config.admin, "--admin")
        yield check_admin(patient.config)
    yield check_sms(patient.config)


def _requirements() -> list[str]:
    """What the installed package says that it needs; nothing if it is run from a folder of sources."""
    try:
        return requires("roost") or []
    except PackageNotFoundError:
        return []


def check_python(running: tuple[int, ...]) -> Finding:
    """Whether this Python is one that Roost is tested with."""
    seen = ".".join(map(str, running))
    if running < OLDEST_PYTHON:
        return Finding("Python", Verdict.PROBLEM, seen, "use Python 3.11 or later")
    if running > NEWEST_PYTHON:
        return Finding("Python", Verdict.WARNING, seen, "tested with 3.11 to 3.13; prefer one of them")
    return Finding("Python", Verdict.OK, seen)


def check_libraries(requirements: list[str]) -> Finding:
    """Whether every library is there, and as new as `pyproject.toml` wants it."""
    wrong = [complaint for line in requirements if (complaint := _complaint(line)) is not None]
    if not requirements:
        advice = "install it: pip install ."
        return Finding("libraries", Verdict.WARNING, "roost itself is not installed", advice)
    if wrong:
        advice = "install them: pip install --upgrade --constraint constraints.txt ."
        return Finding("libraries", Verdict.PROBLEM, "; ".join(wrong), advice)
    return Finding("libraries", Verdict.OK, f"all there, trio {version('trio')}, lmdb {version('lmdb')}")


def _complaint(requirement: str) -> str | None:
    """What is wrong with one requirement; None if it is met, or is only for developers."""
    found = re.match(r"([\w.-]+)(?:\[[\w,]+\])?(?:.*?>=([\d.]+))?", requirement)
    if found is None or "extra ==" in requirement:
        return None
    name, least = found[1], found[2] or "0"
    try:
        present = version(name)
    except PackageNotFoundError:
        return f"{name} is missing"
    return None if _numbers(present) >= _numbers(least) else f"{name} {present} is older than {least}"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", text))


def check_descriptors(config: Config, limit: int) -> Finding:
    """Whether a worker may have as many descriptors as there may be connections."""
    needed = descriptors.needed(config)
    if limit == resource.RLIM_INFINITY or limit >= needed:
        shown = "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
        return Finding("descriptors", Verdict.OK, f"{shown}, for {config.max_connections} connections")
    advice = f"raise it to {needed} (systemd: LimitNOFILE=, shell: ulimit -Hn), or lower max_connections"
    room = descriptors.fitted(config, limit).max_connections
    seen = f"{limit}: room for {room} connections of {config.max_connections}"
    verdict = Verdict.PROBLEM if descriptors.is_hopeless(config, limit) else Verdict.WARNING
    return Finding("descriptors", verdict, seen, advice)


def check_address_space(config: Config, limit: int) -> Finding:
    """Whether the store's maps fit into what a process may address: each worker maps those of all."""
    needed = (config.workers + 1) * DEFAULT_MAP_BYTES
    if limit == resource.RLIM_INFINITY or limit > needed:
        return Finding("address space", Verdict.OK, "unlimited" if limit < 0 else f"{limit} bytes")
    advice = f"lift it (ulimit -v unlimited): the store reserves {needed} bytes of it, not of memory"
    return Finding("address space", Verdict.PROBLEM, f"limited to {limit} bytes", advice)


def check_listen_backlog(file: Path) -> Finding:
    """Whether the kernel keeps as many waiting connections as a node asks for."""
    try:
        limit = int(file.read_text())
    except (OSError, ValueError):
        return Finding("listen backlog", Verdict.OK, "this system does not say")
    if limit >= LISTEN_BACKLOG:
        return Finding("listen backlog", Verdict.OK, str(limit))
    advice = (
        f"sysctl net.core.somaxconn={LISTEN_BACKLOG}: a login storm after a restart would meet closed doors"
    )
    return Finding("listen backlog", Verdict.WARNING, str(limit), advice)


def check_clock(clock: Clock) -> Finding:
    """Whether the clock can be right at all; codes, expiry and last-seen depend on it, order does not."""
    now = clock.now()
    if now < EARLIEST_NOW:
        return Finding("clock", Verdict.PROBLEM, "it is before this program was written", "set it, use NTP")
    return Finding("clock", Verdict.OK, "plausible")


def check_port(patient: Patient, check: str, place: HostPort, flag: str) -> Finding:
    """Whether a node could listen there."""
    if place.port == 0:
        return Finding(check, Verdict.OK, f"{place}: any that is free")
    problem = _why_not_listen(place)
    if problem is None:
        return Finding(check, Verdict.OK, f"{place} is free")
    if patient.holder is not None:
        return Finding(check, Verdict.OK, f"{place} is taken, by the running node if all is well")
    advice = f"stop what listens there, or choose another with {flag} HOST:PORT"
    return Finding(check, Verdict.PROBLEM, f"{place}: {problem}", advice)


def _why_not_listen(place: HostPort) -> str | None:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        socket.create_server(place, family=family).close()
    except OSError as error:
        # create_server adds a sentence of its own to the system's words.
        return os.strerror(error.errno).lower() if error.errno else str(error)
    return None


def check_admin(config: Config) -> Finding:
    """Whether operators' figures and the drain travel in clear through a network."""
    assert config.admin is not None
    if is_loopback(config.admin.host):
        return Finding("admin endpoint", Verdict.OK, f"{config.admin}, only from this machine")
    advice = "HTTP in clear: keep it to a private network, or put a TLS proxy before 127.0.0.1"
    return Finding("admin endpoint", Verdict.WARNING, f"{config.admin}, with a token", advice)


def check_sms(config: Config) -> Finding:
    """Whether people elsewhere could get their codes."""
    if config.sms == "console" and not is_loopback(config.listen.host):
        advice = "set sms to webhook:URL: with console, codes are shown to the operator only"
        return Finding("verification codes", Verdict.WARNING, "sms = console", advice)
    kind = config.sms.partition(":")[0]
    if kind == "webhook" and not config.sms_secret:
        advice = "set ROOST_SMS_SECRET, so that the receiver can tell the relay's requests from anybody's"
        return Finding("verification codes", Verdict.WARNING, "sms = webhook, unsigned", advice)
    return Finding("verification codes", Verdict.OK, f"sms = {kind}")
