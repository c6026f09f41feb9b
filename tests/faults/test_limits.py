"""faults/real/limits.py: what is taken from a process is taken, and given back; test_kills.py has a node."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest
import trio

from faults.real.control_groups import memory_groups, memory_limited
from faults.real.intruder import Door
from faults.real.limits import limited, on_core, spinning, strangers

pytestmark = pytest.mark.slow

EATER = """
import sys
sys.stdin.read(1)
eaten = bytearray(64 << 20)
print("full", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def eater() -> Iterator[subprocess.Popen[bytes]]:
    """A process that takes 64 MB of memory when it is told to."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-S", "-c", EATER], stdin=pipe, stdout=pipe, stderr=pipe)
    with process:
        yield process
        process.kill()


def eat(eater: subprocess.Popen[bytes]) -> bytes:
    """Tell it; what it says."""
    assert eater.stdin is not None
    assert eater.stdout is not None
    eater.stdin.write(b"x")
    eater.stdin.flush()
    return eater.stdout.readline()


def test_a_limit_is_lowered_for_a_while(eater: subprocess.Popen[bytes]) -> None:
    before = resource.prlimit(eater.pid, resource.RLIMIT_NOFILE)
    with limited(eater.pid, resource.RLIMIT_NOFILE, 10):
        assert resource.prlimit(eater.pid, resource.RLIMIT_NOFILE) == (10, before[1])
    assert resource.prlimit(eater.pid, resource.RLIMIT_NOFILE) == before


def test_a_limit_need_not_be_given_back_to_who_has_ended(eater: subprocess.Popen[bytes]) -> None:
    with limited(eater.pid, resource.RLIMIT_NOFILE, 10):
        eater.kill()
        eater.wait()


def test_without_address_space_a_call_for_memory_fails(eater: subprocess.Popen[bytes]) -> None:
    assert eater.stderr is not None
    with limited(eater.pid, resource.RLIMIT_AS, 32 << 20):
        assert eat(eater) == b""
    assert b"MemoryError" in eater.stderr.read()


@pytest.mark.skipif(memory_groups() is None, reason="needs control groups for memory that we may make")
def test_the_kernel_ends_who_takes_more_memory_than_its_group_has(eater: subprocess.Popen[bytes]) -> None:
    with memory_limited(eater.pid, 1 << 20):
        assert eat(eater) == b""
        assert eater.wait() == -signal.SIGKILL
    groups = memory_groups()
    assert groups is not None
    assert not (groups.folder / f"roost-faults-{os.getpid()}").exists()


@pytest.mark.skipif(memory_groups() is None, reason="needs control groups for memory that we may make")
def test_who_has_left_the_group_has_memory_again(eater: subprocess.Popen[bytes]) -> None:
    groups = memory_groups()
    assert groups is not None
    before = groups.of(eater.pid)
    with memory_limited(eater.pid, 1 << 20):
        assert groups.of(eater.pid) != before
    assert groups.of(eater.pid) == before
    assert eat(eater) == b"full\n"


def test_a_process_has_one_core_for_a_while(eater: subprocess.Popen[bytes]) -> None:
    before = os.sched_getaffinity(eater.pid)
    core = min(before)
    with on_core(core, [eater.pid]):
        assert os.sched_getaffinity(eater.pid) == {core}
    assert os.sched_getaffinity(eater.pid) == before


def test_who_computes_does_and_ends_with_the_block() -> None:
    core = min(os.sched_getaffinity(0))
    with spinning(core, 2, seconds=30.0):
        deadline = time.monotonic() + 30.0
        ours = f"/proc/self/task/{os.getpid()}/children"
        with open(ours) as children:
            spinners = [int(pid) for pid in children.read().split()]
        running = [pid for pid in spinners if os.sched_getaffinity(pid) == {core}]
        assert len(running) == 2
        assert time.monotonic() < deadline
    assert not any(os.path.exists(f"/proc/{pid}") for pid in running)


async def test_strangers_stay_until_they_are_refused() -> None:
    let_in: list[trio.SocketStream] = []
    everybody = trio.Event()

    async def admit_half(stream: trio.SocketStream) -> None:
        let_in.append(stream)
        if len(let_in) == 4:
            everybody.set()
        if len(let_in) % 2:
            return  # closed by that
        assert await stream.receive_some() == b"word"
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, admit_half, 0, host="127.0.0.1"))
        door = Door(listener.socket.getsockname()[1], b"", "127.0.0.1")
        async with strangers(door, 4, b"word") as crowd:
            await everybody.wait()
            with trio.fail_after(10):
                while crowd.refused < 2:  # noqa: ASYNC110 - it is counted, and tells nobody
                    await trio.sleep(0.01)
            assert crowd.refused == 2
        nursery.cancel_scope.cancel()
