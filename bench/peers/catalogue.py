"""The peers by name, and what they run on this machine: installed or not, and how to install them."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import cast

from bench.peers.peer import Peer, Promises

NAMES = ("ejabberd", "prosody", "mosquitto")
"""In the order of the columns."""

ALL = "all"

OURS = Promises(
    durable="yes, fsync before ✓",
    encrypted="yes (Noise)",
    receipts="the relay, kept for a sender who is away",
    order="a chat's, enforced",
    login="Diffie-Hellman (Noise IK)",
)
"""What a Roost node promises."""

# Where Debian has servers; not on every user's PATH.
SERVER_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def peer_named(name: str) -> Peer:
    """The peer of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in NAMES:
        raise ValueError(f"{name!r} is no peer; there are {', '.join(NAMES)} and {ALL}")
    return cast("Peer", importlib.import_module(f"bench.peers.{name}").PEER)


def peers_named(names: Iterable[str]) -> list[Peer]:
    """These peers, each once, in the catalogue's order; `all` is every one.

    Raises:
        ValueError: one does not exist.
    """
    asked = list(names)
    chosen = [peer_named(name) for name in asked if name != ALL]
    wanted = {peer.name for peer in chosen} if ALL not in asked else set(NAMES)
    return [peer_named(name) for name in NAMES if name in wanted]


def program_of(peer: Peer) -> str | None:
    """The path of a peer's program; None if it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SERVER_FOLDERS))
    return shutil.which(peer.program, path=path)


def how_to_install(peer: Peer) -> str:
    """The command that installs a peer."""
    return f"apt-get install {peer.package}"


def version_of(peer: Peer) -> str:
    """The version of a peer's Debian package; "unknown" where it came otherwise."""
    words = ["dpkg-query", "--show", "--showformat", "${Version}", peer.package]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
