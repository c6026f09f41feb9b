"""What the operating system has counted: CPU time and memory of a process, memory of the kernel's sockets.

All of it is read from Linux's /proc. CPU time is user and system time of all threads, those that have ended
included, to 10 ms. *Waited* is the time for which a process was ready to run and others had its core: the
figure that tells whether other work disturbed a measurement (from /proc/PID/task/*/schedstat).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

# The kernel's caches from which a TCP connection's two ends are cut: the socket, its inode, its file, what
# epoll keeps of it, and its port. Names that a kernel has merged into others are not counted.
SOCKET_CACHES = (
    "TCP",
    "TCPv6",
    "sock_inode_cache",
    "filp",
    "eventpoll_epi",
    "ep_item",
    "tcp_bind_bucket",
    "tcp_bind2_bucket",
)


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Of one process so far, in seconds."""

    used: float
    waited: float
    """Ready to run, and other processes had the core. Only differences mean something."""

    def __sub__(self, before: CpuTime) -> CpuTime:
        return CpuTime(self.used - before.used, max(0.0, self.waited - before.waited))


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes."""

    rss: int
    """Resident; pages that it shares with others count in full."""
    pss: int
    """Proportional: shared pages count by this process' part of them."""


def cpu_time(pid: int) -> CpuTime:
    """CPU time of a process, its threads included.

    Raises:
        ProcessLookupError: there is no such process (any more).
    """
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"process {pid} is gone") from None
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return CpuTime(used, _waited_seconds(pid))


def _waited_seconds(pid: int) -> float:
    threads = []
    for schedstat in (PROC / str(pid) / "task").glob("*/schedstat"):
        try:
            used, ready, _ = schedstat.read_text().split()
        except (OSError, ValueError):
            continue  # the thread has just ended, or this kernel does not count
        threads.append((int(used), int(ready)))
    return _waited_for_others(threads) / 1e9


def _waited_for_others(threads: Sequence[tuple[int, int]]) -> int:
    """What the unluckiest thread waited for a core, but not for the core that its process' other threads had.

    Not that of the main thread: a server's work may be done by another one, as in Erlang. Less than the truth
    if the others ran on another core meanwhile: rather no disturbance than a false one.

    Args:
        threads: (used, waited) of each.
    """
    all_used = sum(used for used, _ in threads)
    return max((ready - (all_used - used) for used, ready in threads), default=0)


def memory(pid: int) -> Memory:
    """Memory of a process. The kernel walks all of its pages: not for every second of a measurement.

    Raises:
        ProcessLookupError: there is no such process (any more).
    """
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"process {pid} is gone") from None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return Memory(rss=kib["Rss"] * 1024, pss=kib["Pss"] * 1024)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, as the kernel counts it anyway: cheap enough for every second.

    Raises:
        ProcessLookupError: there is no such process (any more).
    """
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"process {pid} is gone") from None


def kernel_socket_bytes() -> int | None:
    """Memory that the kernel spends on TCP sockets of the whole machine; None if it does not tell.

    /proc/slabinfo needs root. Buffers are those that hold data at this moment.
    """
    try:
        slabs = (PROC / "slabinfo").read_text().splitlines()
        sockstat = (PROC / "net" / "sockstat").read_text().splitlines()
    except OSError:
        return None
    return _slab_bytes(slabs) + _buffer_pages(sockstat) * os.sysconf("SC_PAGE_SIZE")


def _slab_bytes(lines: list[str]) -> int:
    """Lines are `name active_objs num_objs objsize ...` after two of heading."""
    rows = (line.split() for line in lines[2:])
    return sum(int(row[1]) * int(row[3]) for row in rows if row[0] in SOCKET_CACHES)


def _buffer_pages(lines: list[str]) -> int:
    """The line is `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 174`, the last a number of pages."""
    return sum(int(line.split()[-1]) for line in lines if line.startswith("TCP:"))


def parse_cpus(text: str) -> frozenset[int]:
    """Read a list of cores as taskset writes it: `0`, `1,3`, `0-3,8`.

    Raises:
        ValueError: it is none.
    """
    cpus: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"{text!r} is no list of cores (for example 0 or 1,3 or 0-3)")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)
