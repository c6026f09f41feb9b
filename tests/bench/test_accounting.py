"""What the operating system counts is read as it stands in /proc."""

import os
import subprocess
import sys

import pytest

from bench.accounting import (
    CpuTime,
    _buffer_pages,
    _slab_bytes,
    _waited_for_others,
    cpu_time,
    kernel_socket_bytes,
    memory,
    parse_cpus,
    resident_bytes,
)


def test_cpu_time_grows_with_work() -> None:
    before = cpu_time(os.getpid())
    while os.times().user + os.times().system < before.used + 0.03:
        pass
    assert (cpu_time(os.getpid()) - before).used > 0


def test_time_that_cannot_be_told_from_that_of_our_own_threads_is_no_disturbance() -> None:
    assert (CpuTime(2.0, -3.0) - CpuTime(1.0, -1.0)).waited == 0


@pytest.mark.parametrize(
    ("threads", "waited"),
    [
        ([(10, 4)], 4),  # one thread, which others kept waiting
        ([(10, 4), (3, 0)], 1),  # a helper's work may have been what it waited for
        ([(0, 0), (10, 7), (1, 2)], 6),  # the main thread only looks on, as in Erlang
        ([], 0),  # it is just gone
    ],
)
def test_a_process_has_waited_as_long_as_its_unluckiest_thread_did_for_others(
    threads: list[tuple[int, int]], waited: int
) -> None:
    assert _waited_for_others(threads) == waited


def test_memory_is_read_both_ways() -> None:
    found = memory(os.getpid())
    assert 0 < found.pss <= found.rss
    assert resident_bytes(os.getpid()) > 0


def test_a_process_that_is_gone_is_named_so() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for read in (cpu_time, memory, resident_bytes):
        with pytest.raises(ProcessLookupError):
            read(gone.pid)


def test_only_the_caches_of_sockets_count_and_only_what_is_in_use() -> None:
    slabs = [
        "slabinfo - version: 2.1",
        "# name            <active_objs> <num_objs> <objsize> <objperslab>",
        "TCP                  10    845   2368   13    8",
        "sock_inode_cache      4    874    832   19    4",
        "dentry             9999   9999    192   21    1",
    ]
    assert _slab_bytes(slabs) == 10 * 2368 + 4 * 832


def test_buffers_are_counted_in_pages() -> None:
    assert _buffer_pages(["sockets: used 17", "TCP: inuse 1 orphan 0 tw 1179 alloc 1 mem 174"]) == 174


def test_the_kernel_tells_what_sockets_take_or_nothing() -> None:
    found = kernel_socket_bytes()
    assert found is None or found >= 0


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("1,3", {1, 3}), ("0-2,8", {0, 1, 2, 8})])
def test_cores_are_read_as_taskset_writes_them(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "0,,1"])
def test_what_is_no_list_of_cores_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no list of cores"):
        parse_cpus(text)
