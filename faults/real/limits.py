"""Faults: workers that run short: of descriptors, of memory, of the processor."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import trio

from faults.real.arena import Arena
from faults.real.bystanders import open_bystanders
from faults.real.control_groups import memory_limited
from faults.real.fault import Broken, Fault, Stroke
from faults.real.intruder import Door, door_of
from faults.real.needs import Need
from faults.real.node import NodeProcess
from faults.real.processes import is_running
from faults.real.rogues import rogues_of
from faults.real.toll import count_descriptors
from faults.real.unharmed import unharmed
from faults.real.victims import Watch, any_worker, living, until, until_gone, until_killing_is_fair
from protocol.frames import encode_frame
from protocol.preamble import HandshakePattern, encode_preamble

# ---- descriptors ----

SPARE_DESCRIPTORS = 3
"""How many more a worker may have than it has: it opens one now and then, to be asked how it is."""

STRANGERS = 48
"""Who connect then; the kernel gives each worker its share of them, by chance."""

REFUSED_SECONDS = 5.0
"""Less than the relay gives a peer that says nothing: whoever is refused is so for want of a descriptor."""

ADMITTED_SECONDS = 2.0
"""A new peer whose connection still stands after that has been let in."""


async def _exhaust_descriptors(arena: Arena, stroke: Stroke) -> str:
    node, door = arena.node, door_of(arena.node)
    pair = await rogues_of(arena).take(2)
    number, pid = await any_worker(node, stroke.random)
    async with open_bystanders(door, pair) as others:
        with limited(pid, resource.RLIMIT_NOFILE, count_descriptors(pid) + SPARE_DESCRIPTORS):
            async with strangers(door, STRANGERS) as crowd:
                await until(
                    lambda: crowd.refused > 0,
                    REFUSED_SECONDS,
                    f"none of {STRANGERS} new peers was refused: nothing was tried",
                )
                refused = crowd.refused
                await trio.sleep(stroke.seconds)
        if await living(node, number) != pid:
            raise Broken(f"worker {number} ended for want of descriptors")
    async with strangers(door, STRANGERS) as crowd:
        await trio.sleep(ADMITTED_SECONDS)
        if crowd.refused:
            raise Broken(f"{crowd.refused} of {STRANGERS} were refused when there were descriptors again")
    return f"worker {number}: {refused} of {STRANGERS} new peers refused; {others}"


@contextmanager
def limited(pid: int, limit: int, value: int) -> Iterator[None]:
    """Lower a limit of a process that runs, for the length of a block; if it ends, its successor has none."""
    before = resource.prlimit(pid, limit)
    try:
        resource.prlimit(pid, limit, (value, before[1]))
        yield
    finally:
        try:
            resource.prlimit(pid, limit, before)
        except ProcessLookupError:
            pass  # it has ended


class Strangers:
    """Peers who connect, say one word and no more."""

    def __init__(self, word: bytes) -> None:
        self.refused = 0
        """How many were not let in, or cut off."""
        self._word = word

    async def stay(self, door: Door) -> None:
        """Be one of them, until cancelled or refused."""
        try:
            stream = await trio.open_tcp_stream(door.host, door.port)
            async with stream:
                if self._word:
                    await stream.send_all(self._word)
                while await stream.receive_some():
                    pass
        except (OSError, trio.BrokenResourceError):
            pass
        self.refused += 1


@asynccontextmanager
async def strangers(door: Door, count: int, word: bytes = b"") -> AsyncIterator[Strangers]:
    """So many peers, for the length of a block; they say no more than this word."""
    crowd = Strangers(word)
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(crowd.stay, door)
        yield crowd
        nursery.cancel_scope.cancel()


# ---- memory ----

PRESSURE_PEERS = 500
"""For each worker: peers in mid-handshake, which makes it ask for memory, some kilobytes for each."""

LEAST_BYTES, MOST_BYTES = 256 << 10, 1 << 20
"""What a worker may still have: less than so many peers take."""

_HANDSHAKE_BEGUN = encode_preamble(HandshakePattern.XX) + encode_frame(b"\x09" + bytes(31))
"""A preamble, and a first message of the handshake: a public key."""

OF_MEMORY_ERRORS = (
    "actor_crashed",
    "child_shutdown_failed",
    "child_start_failed",
    "child_terminated",
    "journal_failed",
    "outgoing_failed",
    "question_failed",
    "supervisor_gave_up",
    "tree_ended",
    "worker_crashed",
)
"""What the log may say where a call for memory has failed: that is anywhere."""

SHORT_SECONDS = 15.0
"""In which it has to be noticed: a worker asks for more only when it has used up what it has."""


async def _exhaust_address_space(arena: Arena, stroke: Stroke) -> str:
    """The worker's own calls for memory fail: MemoryError, wherever that is."""
    node = arena.node
    await until_killing_is_fair(node)
    number, pid = await any_worker(node, stroke.random)
    value = _address_space(pid)
    with limited(pid, resource.RLIMIT_AS, value):
        async with _pressure(node):
            with trio.move_on_after(stroke.seconds):
                await _until_gone_for_good(pid)
    if is_running(pid):
        return f"worker {number} went on with {value >> 20} MB of address space, its limit"
    await living(node, number, other_than=pid)
    return f"worker {number} ended at {value >> 20} MB of address space, its limit"


async def _run_out_of_memory(arena: Arena, stroke: Stroke) -> str:
    """The kernel ends the worker, as it does on a machine that has no more."""
    node = arena.node
    await until_killing_is_fair(node)
    number, pid = await any_worker(node, stroke.random)
    watch = Watch(node)
    more = LEAST_BYTES + int(stroke.size * (MOST_BYTES - LEAST_BYTES))
    async with unharmed(arena, number):
        with memory_limited(pid, more):
            async with _pressure(node):
                with trio.move_on_after(SHORT_SECONDS):
                    await _until_gone_for_good(pid)
    if is_running(pid):
        raise Broken(f"worker {number} went on without memory for {SHORT_SECONDS:.0f} s: nothing was tried")
    await until_gone(pid)
    await watch.until_ended(number, -signal.SIGKILL)
    return f"worker {number}, by the kernel"


def _pressure(node: NodeProcess) -> AbstractAsyncContextManager[Strangers]:
    return strangers(door_of(node), PRESSURE_PEERS * node.worker_count, _HANDSHAKE_BEGUN)


async def _until_gone_for_good(pid: int) -> None:
    while is_running(pid):  # noqa: ASYNC110 - another process: there is no event to wait for
        await trio.sleep(0.05)


def _address_space(pid: int) -> int:
    pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


# ---- the processor ----

SPINNERS = 3
"""Who share one core with all workers: each gets a quarter of it, or less."""

_SPIN = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass\n"


async def _starve(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    core = stroke.random.choice(sorted(os.sched_getaffinity(0)))
    pids = node.workers()
    with on_core(core, pids), spinning(core, SPINNERS, stroke.seconds):
        await trio.sleep(stroke.seconds)
    after = node.workers()
    if after != pids:
        raise Broken("a worker ended for want of the processor")
    return f"{len(pids)} workers on core {core}, with {SPINNERS} that compute, for {stroke.seconds:.1f} s"


@contextmanager
def on_core(core: int, pids: list[int]) -> Iterator[None]:
    """Let processes, with all their threads, have one core only, for the length of a block."""
    threads = [int(entry) for pid in pids for entry in os.listdir(f"/proc/{pid}/task")]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {core})
        yield
    finally:
        for thread, cores in before.items():
            try:
                os.sched_setaffinity(thread, cores)
            except ProcessLookupError:
                pass  # it has ended


@contextmanager
def spinning(core: int, count: int, seconds: float) -> Iterator[None]:
    """Processes that do nothing but compute, on one core; they end with the block, or by themselves."""
    words = [sys.executable, "-S", "-c", _SPIN, str(seconds)]
    take_core = partial(os.sched_setaffinity, 0, {core})
    spinners = [subprocess.Popen(words, preexec_fn=take_core) for _ in range(count)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


FAULTS = (
    Fault(
        name="no descriptors",
        point="a worker's limit of open files is set to what it has open and 3 more, and 48 peers connect",
        promise="Those connected wait no longer than 5 s, new peers are refused and not left waiting, "
        "and are let in when there are descriptors again; the worker lives on.",
        strike=_exhaust_descriptors,
        seconds=(2.0, 6.0),
        needs=(Need.LINUX,),
        errors=("accept_out_of_room", "out_of_descriptors", "parcel_without_socket"),
    ),
    Fault(
        name="no address space",
        point="a worker's limit of address space is set to what it has, and 500 peers for each shake hands",
        promise="It goes on, or ends and is started again; nothing is lost.",
        strike=_exhaust_address_space,
        errors=OF_MEMORY_ERRORS,
        seconds=(3.0, 8.0),
        needs=(Need.LINUX,),
        weight=5,
    ),
    Fault(
        name="out of memory",
        point="a worker may have 1 MB or less more than it has (a control group), and 500 peers shake hands",
        promise="The kernel ends it, and it is started again; phones of the other workers notice nothing.",
        strike=_run_out_of_memory,
        needs=(Need.MEMORY_GROUP,),
        weight=5,
    ),
    Fault(
        name="no processor",
        point="all workers get a part of one core, which processes that only compute have besides",
        promise="Everything takes longer, and nobody is ended for it.",
        strike=_starve,
        seconds=(3.0, 10.0),
        needs=(Need.LINUX,),
        weight=5,
    ),
)
