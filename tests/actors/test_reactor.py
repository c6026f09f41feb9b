"""The reactor: the choice of a network, and edges that come only once."""

import gc
import os
import select
import socket
import threading
import tracemalloc

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import reactor, socket_network
from actors.network import Link
from actors.reactor import EpollNetwork, open_reactor, run_network
from actors.socket_link import DetachedSocket
from actors.waiting_network import WaitingNetwork
from tests.helpers.recording_owner import RecordingOwner

HOST = "127.0.0.1"

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")


async def test_open_reactor_chooses_epoll_where_there_is_one() -> None:
    async with open_reactor() as network:
        assert isinstance(network, EpollNetwork)


async def test_open_reactor_falls_back_to_trios_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    async with open_reactor() as network:
        assert isinstance(network, WaitingNetwork)


async def test_leaving_the_reactor_ends_its_links() -> None:
    async with open_reactor() as network:
        listener = await network.listen(HOST, 0, 1)
        owner = RecordingOwner(await network.connect(HOST, listener.port))
    assert owner.reasons == ["aborted"]


async def test_leaving_waits_for_a_link_that_is_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLUSH_SECONDS", "LINGER_SECONDS", "SETTLE_SECONDS"):
        monkeypatch.setattr(socket_network, name, 60.0)  # the reader may be slow
    with socket.socket() as peer:
        async with open_reactor() as network:
            listener = await network.listen(HOST, 0, 1)
            peer.connect((HOST, listener.port))
            link = await listener.accept()
            owner = RecordingOwner(link)
            link.write(b"x" * 16_000_000)
            link.close()
            reader = threading.Thread(target=read_to_the_end, args=(peer,))
            reader.start()
        assert owner.reasons == ["closed"]
        reader.join()


def read_to_the_end(peer: socket.socket) -> None:
    while peer.recv(1_000_000):
        pass
    peer.shutdown(socket.SHUT_WR)


async def test_leaving_waits_for_no_peer_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_network, "SETTLE_SECONDS", 0.01)
    with socket.socket() as peer:
        async with open_reactor() as network:
            listener = await network.listen(HOST, 0, 1)
            peer.connect((HOST, listener.port))
            link = await listener.accept()
            owner = RecordingOwner(link)
            link.write(b"restarting")
            link.close()
        assert owner.reasons == ["closed"]
        assert peer.recv(100) == b"restarting"  # and no reset has destroyed it
        assert peer.recv(100) == b""


async def test_a_cancelled_reactor_ends_its_links() -> None:
    with trio.CancelScope() as scope:
        async with open_reactor() as network:
            listener = await network.listen(HOST, 0, 1)
            owner = RecordingOwner(await network.connect(HOST, listener.port))
            scope.cancel()
            await trio.sleep_forever()
    assert owner.reasons == ["aborted"]


async def test_an_edge_that_came_while_the_owner_was_busy_is_remembered() -> None:
    async with open_reactor() as network:
        listener = await network.listen(HOST, 0, 1)
        near = await network.connect(HOST, listener.port)
        RecordingOwner(near)
        far = await listener.accept()
        owner = RecordingOwner(far)
        near.write(b"first")
        await owner.wait_for_data(5)
        near.write(b"second")
        near.close()
        await wait_all_tasks_blocked()  # all edges have come
        far.resume()
        assert owner.data == b"firstsecond"  # at once: nothing will announce it again
        far.resume()
        assert owner.reasons == ["eof"]


async def test_more_ready_links_than_a_sweep_takes_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactor, "SWEEP_LINKS", 3)
    async with open_reactor() as network:
        listener = await network.listen(HOST, 0, 32)
        owners = []
        for _ in range(20):
            near = await network.connect(HOST, listener.port)
            owners.append(RecordingOwner(await listener.accept()))
            near.write(b"x")
        for owner in owners:
            await owner.wait_for_data(1)


async def test_an_idle_link_weighs_less_than_half_a_kilobyte() -> None:
    network = EpollNetwork()
    async with run_network(network):
        listener = await network.listen(HOST, 0, 128)

        async def open_links(count: int) -> list[Link]:
            links = []
            for _ in range(count):
                links.append(await network.connect(HOST, listener.port))
                links.append(await listener.accept())
            return links

        warm = await open_links(1)
        gc.collect()
        tracemalloc.start()
        try:
            links = await open_links(100)
            await wait_all_tasks_blocked()
            gc.collect()
            weight = tracemalloc.get_traced_memory()[0] / len(links)
        finally:
            tracemalloc.stop()
        assert weight < 512
        assert network.open_links == len(links) + len(warm)


async def test_a_detached_socket_makes_no_events_in_the_reactor_it_has_left() -> None:
    # The kernel keeps an open file in an epoll for as long as any process has it, not only until we close it.
    network = EpollNetwork()
    async with run_network(network):
        listener = await network.listen(HOST, 0, 1)
        near = await network.connect(HOST, listener.port)
        far = await listener.accept()
        RecordingOwner(near)
        detached = far.detach()
        assert isinstance(detached, DetachedSocket)
        with detached.sock.dup():  # another process has it
            detached.sock.close()
            await wait_all_tasks_blocked()
            near.write(b"for nobody here")
            near.write(b"and more")
            with select.epoll.fromfd(os.dup(network._epoll.fileno())) as same_epoll:
                assert same_epoll.poll(0.02) == []


async def test_an_adopted_socket_that_was_readable_before_is_read() -> None:
    # The edge was announced to the reactor that it has left: the new one must not wait for another.
    async with open_reactor() as first, open_reactor() as second:
        listener = await first.listen(HOST, 0, 1)
        near = await first.connect(HOST, listener.port)
        far = await listener.accept()
        RecordingOwner(near)
        near.write(b"x" * 20_000)  # more than one read takes
        owner = RecordingOwner(far)
        await owner.wait_for_data(16_384)
        near.close()
        await wait_all_tasks_blocked(0.01)
        detached = far.detach()
        assert detached is not None
        heir = RecordingOwner(second.adopt(detached), keep_reading=True)
        assert await heir.wait_closed() == "eof"
        assert len(owner.data) + len(heir.data) == 20_000
