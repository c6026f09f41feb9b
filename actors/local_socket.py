"""Sockets with a name in the file system, for processes of one machine: any length of path, no stale file.

Two things make Unix sockets awkward, and both are dealt with here, so that nobody else need know of them:

- An address has room for 107 bytes, and a data folder's path may be longer. Linux resolves
  ``/proc/self/fd/<descriptor of the folder>/<name>`` to the same file, so only the name has to fit.
- The file outlives its process. One that nobody listens at is replaced, by renaming the new socket over it,
  so that a peer finds the old one or the new one and never nothing.

Not here: who may connect. The file is for its owner only (mode 600); the rest is the folder's own mode.
"""

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trio

# struct sockaddr_un of Linux, less the zero byte that ends it; other systems have 104.
MAX_ADDRESS_BYTES: Final = 107

# A Unix socket cannot be waited for while the listener's backlog is full: the kernel says EAGAIN and
# remembers nothing of us. So one asks again.
RETRY_SECONDS: Final = 0.02

_UCRED: Final = struct.Struct("3i")  # who is at the other end: process, user, group


def listen_local(path: Path, backlog: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """Open a non-blocking socket that listens at ``path``, in place of one that a dead process has left.

    Raises:
        OSError: EADDRINUSE if a living process has it, or something else than a socket is there; otherwise as
            the system says (no such folder, no permission, path too long on a system without /proc).
    """
    _refuse_if_taken(path, kind)
    # Bound beside its place, and listening before it is moved there: whoever finds the name can connect.
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        sock.setblocking(False)
        beside.unlink(missing_ok=True)
        with short_address(beside) as address:
            sock.bind(address)
        beside.chmod(0o600)
        sock.listen(backlog)
        beside.rename(path)
    except BaseException:
        sock.close()
        beside.unlink(missing_ok=True)
        raise
    return sock


async def connect_local(path: Path) -> socket.socket:
    """Connect to whoever listens at ``path``; waits while the backlog is full.

    Always a checkpoint. Cancelled, it leaves nothing behind.

    Raises:
        OSError: nobody listens there (FileNotFoundError, ConnectionRefusedError), or as the system says.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await trio.lowlevel.checkpoint()
        while not _try_connect(sock, path):  # noqa: ASYNC110  # nobody tells: see RETRY_SECONDS
            await trio.sleep(RETRY_SECONDS)
    except BaseException:
        sock.close()
        raise
    return sock


def remove_local(path: Path, identity: tuple[int, int]) -> None:
    """Remove the file of a socket that is being closed, unless another process has taken its place."""
    try:
        if file_identity(path) == identity:
            path.unlink()
    except OSError:
        pass  # it has gone already, or its folder has


def file_identity(path: Path) -> tuple[int, int]:
    """Which file a path names: the device and the inode.

    Raises:
        OSError: as the system says.
    """
    found = path.lstat()
    return found.st_dev, found.st_ino


def peer_name(sock: socket.socket) -> str:
    """Name the process at the other end of a connected local socket, for logs: ``"local:4711"``."""
    if not hasattr(socket, "SO_PEERCRED"):
        return "local"
    pid, _, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return f"local:{pid}"


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """Give an address that fits the kernel's limit and means ``path`` within the block.

    Raises:
        OSError: ENAMETOOLONG if there is no such address: the name itself is too long, or there is no /proc.
    """
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        address = f"/proc/self/fd/{folder}/{path.name}"
        if len(os.fsencode(address)) > MAX_ADDRESS_BYTES or not os.path.isdir("/proc/self/fd"):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
        yield address
    finally:
        os.close(folder)


def _refuse_if_taken(path: Path, kind: socket.SocketKind) -> None:
    """Raise EADDRINUSE unless the path is free, or a socket that nobody holds any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISSOCK(mode) and _is_abandoned(path, kind):
        return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), str(path))


def _is_abandoned(path: Path, kind: socket.SocketKind) -> bool:
    # The kernel closes the sockets of a killed process, and refuses who connects to what is left of one.
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        try:
            _connect(probe, path)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False  # a full backlog (EAGAIN), another kind of socket (EPROTOTYPE): somebody is there
        return False


def _try_connect(sock: socket.socket, path: Path) -> bool:
    """Connect; False if the backlog is full."""
    try:
        _connect(sock, path)
    except BlockingIOError:
        return False
    return True


def _connect(sock: socket.socket, path: Path) -> None:
    with short_address(path) as address:
        sock.connect(address)
