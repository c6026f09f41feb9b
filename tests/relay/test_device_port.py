"""The port is ours alone, spread over the workers, and outlives each of them."""

import select
import socket
from contextlib import closing

import pytest
import trio
from trio.testing import MockClock

from relay.checkup import LISTEN_BACKLOG
from relay.config import HostPort
from relay.device_port import BACKLOG, open_device_port
from relay.errors import AddressInUseError

ANY = HostPort("127.0.0.1", 0)


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_port_of_the_system_s_choice_is_the_same_for_all_workers(workers: int) -> None:
    port = await open_device_port(ANY, workers)
    with closing(port):
        numbers = [socket.socket(fileno=port.descriptors[each]) for each in range(workers)]
        assert {sock.getsockname()[1] for sock in numbers} == {port.place.port}
        for sock in numbers:
            sock.detach()


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (2, 1), (1, 2), (2, 2)])
async def test_a_port_that_another_node_has_is_refused_however_many_workers_either_has(
    autojump_clock: MockClock, ours: int, theirs: int
) -> None:
    told = r"address already in use; .* --listen HOST:PORT"
    with (
        closing(await open_device_port(ANY, theirs)) as taken,
        pytest.raises(AddressInUseError, match=told),
    ):
        await open_device_port(taken.place, ours)


async def test_a_port_that_becomes_free_within_a_moment_is_waited_for() -> None:
    first = await open_device_port(ANY, 2)
    place = first.place
    async with trio.open_nursery() as nursery:

        async def leave() -> None:
            await trio.sleep(0.05)
            first.close()

        nursery.start_soon(leave)
        (await open_device_port(place, 2)).close()


async def test_an_address_that_is_not_this_machine_s_is_refused_at_once() -> None:
    told = r"cannot listen for devices on 192\.0\.2\.1:5252: cannot assign requested address; choose another"
    with pytest.raises(AddressInUseError, match=told):
        await open_device_port(HostPort("192.0.2.1", 5252), 1)


async def test_who_connects_while_a_worker_is_away_waits_for_its_next_life() -> None:
    with closing(await open_device_port(ANY, 1)) as port, socket.create_connection(port.place) as phone:
        phone.sendall(b"hello")
        # The worker's first life took nobody and is gone; its second finds the phone in the queue.
        sock = socket.socket(fileno=port.descriptors[0])
        peer, _ = sock.accept()
        sock.detach()
        assert select.select([peer], [], [], 5)[0]
        assert peer.recv(10) == b"hello"
        peer.close()


async def test_connections_are_spread_over_the_workers() -> None:
    with closing(await open_device_port(ANY, 2)) as port:
        phones = [socket.create_connection(port.place) for _ in range(64)]
        waiting = []
        for worker in (0, 1):
            sock = socket.socket(fileno=port.descriptors[worker])
            count = 0
            while select.select([sock], [], [], 0)[0]:
                sock.accept()[0].close()
                count += 1
            sock.detach()
            waiting.append(count)
        for phone in phones:
            phone.close()
    assert sum(waiting) == 64
    assert min(waiting) > 8


async def test_closing_twice_does_no_harm() -> None:
    port = await open_device_port(ANY, 2)
    port.close()
    port.close()


def test_the_backlog_is_what_the_doctor_asks_of_the_kernel() -> None:
    assert BACKLOG == LISTEN_BACKLOG
