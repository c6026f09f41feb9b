"""Where and with what something was measured: what a reader needs to know before comparing figures."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

# What a message's path is made of; other libraries do not touch a figure.
LIBRARIES = ("trio", "cbor2", "cryptography", "lmdb")


def describe_machine() -> dict[str, Any]:
    """Cores, memory, kernel, and how busy it was."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
    }


def describe_versions() -> dict[str, str]:
    """Python and the libraries."""
    versions = {"python": platform.python_version(), "roost": metadata.version("roost")}
    return versions | {name: metadata.version(name) for name in LIBRARIES}


def one_line(found: Mapping[str, Any]) -> str:
    """The machine and the interpreter of a run, for a heading."""
    machine, versions = found["machine"], found["versions"]
    cores = f"{machine['cores']} cores {machine['cpu']}, {machine['memory_gib']:.0f} GiB"
    return f"{cores}, {machine['system']}, Python {versions['python']}"


def commit(source: Path | None = None) -> str:
    """The short name of the commit that was measured, `+` if files were changed; "unknown" if there is none.

    Args:
        source: a checkout; None for where we are.
    """
    revision = _git(source, "rev-parse", "--short", "HEAD")
    if revision is None:
        return "unknown"
    return revision + ("+" if _git(source, "status", "--porcelain", "--untracked-files=no") else "")


def _git(source: Path | None, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=source, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
