"""The contract of ``Network``, ``Listener`` and ``Link``: one class of tests for every implementation."""

import select
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import socket_network
from actors.network import Link, Listener, Network
from actors.reactor import EpollNetwork, run_network
from actors.waiting_network import WaitingNetwork
from faults.simulation import network as sim_network
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.sim_network import open_sim_network

HOST = "127.0.0.1"

# More than any kernel takes into the buffers of one loopback connection, and than the simulated window.
MORE_THAN_BUFFERS = 16_000_000


async def connected(network: Network) -> tuple[Link, Link]:
    """Both sides of a new connection: the one that connected, the one that was accepted."""
    listener = await network.listen(HOST, 0, 16)
    near = await network.connect(HOST, listener.port)
    far = await listener.accept()
    listener.close()
    return near, far


async def connected_locally(network: Network, path: Path) -> tuple[Link, Link]:
    """Both sides of a new local connection."""
    listener = await network.listen_local(path, 16)
    near = await network.connect_local(path)
    far = await listener.accept()
    listener.close()
    return near, far


async def an_orphan_was_found(network: Network) -> None:
    """Wait for the next check for orphans: it aborts a link whose owner dies now."""
    near, far = await connected(network)
    survivor = RecordingOwner(near)
    RecordingOwner(far).is_alive = False
    assert await survivor.wait_closed() == "reset"


class NetworkContract:
    """What every implementation keeps; a subclass gives the fixture ``network``."""

    @pytest.fixture(autouse=True)
    def _time_is_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Real sockets need real time, so the time of what the tests wait for is made short; and that of what
        # should not happen long, since the machine may be busy.
        monkeypatch.setattr(socket_network, "ORPHAN_CHECK_SECONDS", 0.02)
        monkeypatch.setattr(sim_network, "ORPHAN_CHECK_SECONDS", 0.02)
        monkeypatch.setattr(socket_network, "SETTLE_SECONDS", 0.02)
        monkeypatch.setattr(socket_network, "FLUSH_SECONDS", 60.0)
        monkeypatch.setattr(socket_network, "LINGER_SECONDS", 60.0)

    async def test_bytes_arrive_in_order_both_ways(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near, keep_reading=True)
        far_owner = RecordingOwner(far, keep_reading=True)
        for number in range(100):
            near.write(b"n%02d" % number)
            far.write(b"f%02d" % number)
        assert await far_owner.wait_for_data(300) == b"".join(b"n%02d" % n for n in range(100))
        assert await near_owner.wait_for_data(300) == b"".join(b"f%02d" % n for n in range(100))

    async def test_bytes_written_before_the_peer_is_activated_are_not_lost(self, network: Network) -> None:
        near, far = await connected(network)
        near.write(b"early")
        RecordingOwner(near)
        await wait_all_tasks_blocked()
        assert await RecordingOwner(far).wait_for_data(5) == b"early"

    async def test_nothing_more_is_told_until_the_owner_resumes(self, network: Network) -> None:
        near, far = await connected(network)
        witness = RecordingOwner(near, keep_reading=True)
        owner = RecordingOwner(far)
        near.write(b"first")
        await owner.wait_for_data(5)
        near.write(b"second")
        far.write(b"pong")  # its arrival shows that time has passed
        await witness.wait_for_data(4)
        assert owner.data == b"first"
        far.resume()
        assert await owner.wait_for_data(11) == b"firstsecond"

    async def test_resuming_more_often_than_needed_does_no_harm(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        owner = RecordingOwner(far)
        far.resume()
        far.resume()
        near.write(b"once")
        assert await owner.wait_for_data(4) == b"once"
        assert len(owner.told) == 1

    async def test_what_the_kernel_does_not_take_is_kept_and_sent_when_the_peer_reads(
        self, network: Network
    ) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        near.write(b"the end")
        assert 7 < near.unsent_bytes < MORE_THAN_BUFFERS + 7
        owner = RecordingOwner(far, keep_reading=True)
        data = await owner.wait_for_data(MORE_THAN_BUFFERS + 7)
        assert data.count(b"x") == MORE_THAN_BUFFERS
        assert data.endswith(b"the end")
        assert near.unsent_bytes == 0

    async def test_one_received_is_at_most_16_kib(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        near.write(b"x" * 200_000)
        owner = RecordingOwner(far)
        await owner.wait_for_data(1)
        assert 0 < len(owner.data) <= 16_384

    async def test_close_sends_what_is_unsent_and_then_tells_closed(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        near.close()
        assert near_owner.told == []
        far_owner = RecordingOwner(far, keep_reading=True)
        assert await far_owner.wait_closed() == "eof"
        assert len(far_owner.data) == MORE_THAN_BUFFERS
        assert await near_owner.wait_closed() == "closed"

    async def test_last_words_arrive_although_the_peers_own_were_not_read(self, network: Network) -> None:
        # A plain close() of a socket with unread bytes sends a reset, which can destroy what was written.
        near, far = await connected(network)
        RecordingOwner(near)
        near_owner = RecordingOwner(near)
        near.write(b"unread" * 1000)
        far.write(b"goodbye")
        far.close()
        near.resume()
        assert await near_owner.wait_for_data(7) == b"goodbye"
        near.resume()
        assert await near_owner.wait_closed() == "eof"

    async def test_abort_drops_what_is_unsent_and_the_peer_sees_a_reset(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near)
        far_owner = RecordingOwner(far, keep_reading=True)
        near.abort()
        assert near_owner.reasons == ["aborted"]
        assert near.unsent_bytes == 0
        assert await far_owner.wait_closed() == "reset"

    async def test_abort_cuts_a_close_short(self, network: Network) -> None:
        near, _ = await connected(network)
        owner = RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        near.close()
        near.abort()
        assert owner.reasons == ["aborted"]

    async def test_a_link_ends_exactly_once_whatever_is_called_after(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near)
        far_owner = RecordingOwner(far, keep_reading=True)
        near.close()
        await near_owner.wait_closed()
        near.close()
        near.abort()
        near.write(b"into the void")
        near.resume()
        assert await far_owner.wait_closed() == "eof"
        far.abort()
        assert near_owner.reasons == ["closed"]
        assert far_owner.reasons == ["eof"]
        assert far_owner.data == b""

    async def test_a_link_closed_before_activation_tells_its_later_owner(self, network: Network) -> None:
        near, _ = await connected(network)
        near.close()
        assert RecordingOwner(near).reasons == ["closed"]

    async def test_the_end_is_told_after_all_bytes(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        near.write(b"x" * 200_000)
        near.close()
        owner = RecordingOwner(far, keep_reading=True)
        assert await owner.wait_closed() == "eof"
        assert len(owner.data) == 200_000

    async def test_a_paused_owner_hears_of_the_end_when_it_resumes(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near)
        owner = RecordingOwner(far)
        near.write(b"last")
        await owner.wait_for_data(4)
        near.close()
        await near_owner.wait_closed()
        assert owner.reasons == []
        far.resume()
        assert await owner.wait_closed() == "eof"

    async def test_a_full_mailbox_loses_no_bytes(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        owner = RecordingOwner(far, room=0)
        near.write(b"patience")
        while not owner.refused:
            await trio.lowlevel.checkpoint()
        owner.room = None
        assert await owner.wait_for_data(8) == b"patience"

    async def test_a_full_mailbox_does_not_lose_the_end(self, network: Network) -> None:
        near, _ = await connected(network)
        owner = RecordingOwner(near, room=0)
        near.abort()
        assert owner.refused == 1
        owner.room = None
        assert await owner.wait_closed() == "aborted"

    async def test_a_link_handed_over_tells_its_new_owner(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        first = RecordingOwner(far)
        second = RecordingOwner(far)
        near.write(b"for the second")
        assert await second.wait_for_data(14) == b"for the second"
        assert first.told == []

    async def test_a_link_whose_owner_has_died_is_aborted(self, network: Network) -> None:
        await an_orphan_was_found(network)

    async def test_an_owner_may_close_its_link_and_die_with_bytes_unsent(self, network: Network) -> None:
        near, far = await connected(network)
        owner = RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        near.close()
        owner.is_alive = False
        await an_orphan_was_found(network)
        heir = RecordingOwner(far, keep_reading=True)
        assert await heir.wait_closed() == "eof"
        assert len(heir.data) == MORE_THAN_BUFFERS

    async def test_a_stream_that_is_detached_goes_on_where_it_is_adopted(self, network: Network) -> None:
        near, far = await connected(network)
        near_owner = RecordingOwner(near, keep_reading=True)
        before = RecordingOwner(far)
        near.write(b"before ")
        await before.wait_for_data(7)
        near.write(b"between ")  # nobody has asked for it yet
        detached = far.detach()
        assert detached is not None
        assert detached.remote == far.remote
        near.write(b"meanwhile ")
        await wait_all_tasks_blocked()
        adopted = network.adopt(detached)
        near.write(b"after")
        after = RecordingOwner(adopted, keep_reading=True)
        assert await after.wait_for_data(23) == b"between meanwhile after"
        adopted.write(b"thank you")
        assert await near_owner.wait_for_data(9) == b"thank you"
        assert before.data == b"before "

    async def test_what_is_unsent_goes_with_a_detached_stream(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        detached = near.detach()
        assert detached is not None
        assert near.unsent_bytes == 0
        adopted = network.adopt(detached)
        assert adopted.unsent_bytes > 0
        adopted.write(b"the end")
        RecordingOwner(adopted)
        data = await RecordingOwner(far, keep_reading=True).wait_for_data(MORE_THAN_BUFFERS + 7)
        assert len(data) == MORE_THAN_BUFFERS + 7
        assert data.endswith(b"the end")

    async def test_what_was_read_and_not_told_goes_with_a_detached_stream(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        full = RecordingOwner(far, room=0)
        near.write(b"read, ")
        while not full.refused:
            await trio.lowlevel.checkpoint()
        near.write(b"unread")
        detached = far.detach()
        assert detached is not None
        full.room = None
        owner = RecordingOwner(network.adopt(detached), keep_reading=True)
        assert await owner.wait_for_data(12) == b"read, unread"
        assert full.told == []

    async def test_a_detached_link_tells_nothing_and_does_nothing(self, network: Network) -> None:
        near, far = await connected(network)
        RecordingOwner(near)
        owner = RecordingOwner(far)
        detached = far.detach()
        assert detached is not None
        assert far.detach() is None
        far.write(b"not mine any more")
        far.resume()
        far.close()
        far.abort()
        heir = RecordingOwner(network.adopt(detached), keep_reading=True)
        near.write(b"still there")
        assert await heir.wait_for_data(11) == b"still there"
        assert owner.told == []

    async def test_the_end_of_a_peer_that_left_meanwhile_is_told_after_its_last_words(
        self, network: Network
    ) -> None:
        near, far = await connected(network)
        RecordingOwner(far)
        detached = far.detach()
        assert detached is not None
        near.write(b"farewell")
        near.close()
        await wait_all_tasks_blocked()
        owner = RecordingOwner(network.adopt(detached), keep_reading=True)
        assert await owner.wait_closed() == "eof"
        assert owner.data == b"farewell"

    async def test_a_link_that_has_ended_or_is_closing_cannot_be_detached(self, network: Network) -> None:
        near, far = await connected(network)
        owner = RecordingOwner(near)
        near.write(b"x" * MORE_THAN_BUFFERS)
        near.close()
        assert near.detach() is None
        far_owner = RecordingOwner(far, keep_reading=True)
        assert await far_owner.wait_closed() == "eof"
        assert far.detach() is None
        assert await owner.wait_closed() == "closed"

    async def test_a_discarded_stream_is_reset(self, network: Network) -> None:
        near, far = await connected(network)
        owner = RecordingOwner(near, keep_reading=True)
        detached = far.detach()
        assert detached is not None
        detached.discard()
        detached.discard()
        assert await owner.wait_closed() == "reset"

    async def test_connecting_to_a_port_nobody_listens_on_is_refused(self, network: Network) -> None:
        listener = await network.listen(HOST, 0, 1)
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            await network.connect(HOST, listener.port)

    async def test_a_port_can_be_listened_on_once(self, network: Network) -> None:
        listener = await network.listen(HOST, 0, 1)
        with pytest.raises(OSError, match="in use"):
            await network.listen(HOST, listener.port, 1)

    async def test_a_port_can_be_shared_if_all_who_listen_say_so(self, network: Network) -> None:
        first = await network.listen(HOST, 0, 16, reuse_port=True)
        second = await network.listen(HOST, first.port, 16, reuse_port=True)
        with pytest.raises(OSError, match="in use"):
            await network.listen(HOST, first.port, 16)
        accepted: dict[Listener, int] = {first: 0, second: 0}
        async with trio.open_nursery() as nursery:

            async def count(listener: Listener) -> None:
                while True:
                    await listener.accept()
                    accepted[listener] += 1

            nursery.start_soon(count, first)
            nursery.start_soon(count, second)
            for _ in range(40):
                await network.connect(HOST, first.port)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert sum(accepted.values()) == 40
        assert min(accepted.values()) > 0

    async def test_who_shares_a_port_gets_all_peers_once_the_others_have_closed(
        self, network: Network
    ) -> None:
        first = await network.listen(HOST, 0, 16, reuse_port=True)
        second = await network.listen(HOST, first.port, 16, reuse_port=True)
        first.close()
        for _ in range(8):
            await network.connect(HOST, second.port)
            await second.accept()

    async def test_local_links_carry_bytes_both_ways(self, network: Network, tmp_path: Path) -> None:
        near, far = await connected_locally(network, tmp_path / "bus-0")
        near_owner = RecordingOwner(near, keep_reading=True)
        far_owner = RecordingOwner(far, keep_reading=True)
        near.write(b"x" * MORE_THAN_BUFFERS)
        far.write(b"pong")
        assert await far_owner.wait_for_data(MORE_THAN_BUFFERS) == b"x" * MORE_THAN_BUFFERS
        assert await near_owner.wait_for_data(4) == b"pong"
        near.close()
        assert await far_owner.wait_closed() == "eof"
        far.close()
        assert await near_owner.wait_closed() == "closed"

    async def test_a_local_link_that_is_aborted_ends_at_the_other_side_too(
        self, network: Network, tmp_path: Path
    ) -> None:
        near, far = await connected_locally(network, tmp_path / "bus-0")
        owner = RecordingOwner(far, keep_reading=True)
        near.write(b"last")
        near.abort()
        # A Unix socket knows no reset unless bytes are left unread.
        assert await owner.wait_closed() in ("eof", "reset")

    async def test_both_sides_of_a_local_link_have_a_name(self, network: Network, tmp_path: Path) -> None:
        for link in await connected_locally(network, tmp_path / "bus-0"):
            assert link.remote.startswith("local:")

    async def test_a_local_listener_is_named_by_its_path(self, network: Network, tmp_path: Path) -> None:
        listener = await network.listen_local(tmp_path / "bus-0", 1)
        assert (listener.host, listener.port) == (str(tmp_path / "bus-0"), 0)

    async def test_connecting_to_a_path_nobody_listens_at_fails(
        self, network: Network, tmp_path: Path
    ) -> None:
        listener = await network.listen_local(tmp_path / "bus-0", 1)
        listener.close()
        with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            await network.connect_local(tmp_path / "bus-0")

    async def test_a_path_can_be_listened_at_once(self, network: Network, tmp_path: Path) -> None:
        listener = await network.listen_local(tmp_path / "bus-0", 1)
        with pytest.raises(OSError, match="in use"):
            await network.listen_local(tmp_path / "bus-0", 1)
        listener.close()
        await network.listen_local(tmp_path / "bus-0", 1)

    async def test_a_closed_listener_ends_its_accept(self, network: Network) -> None:
        listener = await network.listen(HOST, 0, 1)
        async with trio.open_nursery() as nursery:

            async def expect_closed() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await listener.accept()

            nursery.start_soon(expect_closed)
            await wait_all_tasks_blocked()
            listener.close()
        with pytest.raises(trio.ClosedResourceError):
            await listener.accept()
        listener.close()

    async def test_a_cancelled_accept_loses_no_peer(self, network: Network) -> None:
        listener = await network.listen(HOST, 0, 1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await listener.accept()
        assert scope.cancelled_caught
        await network.connect(HOST, listener.port)
        assert await listener.accept()

    async def test_both_sides_can_be_named_and_stay_named_after_the_end(self, network: Network) -> None:
        near, far = await connected(network)
        near.abort()
        for link in (near, far):
            host, port = link.remote.rsplit(":", 1)
            assert host == HOST
            assert 0 < int(port) < 65_536

    async def test_turn_end_functions_run_once_in_order(self, network: Network) -> None:
        calls: list[str] = []
        done = trio.Event()
        network.call_at_turn_end(lambda: calls.append("first"))
        network.call_at_turn_end(lambda: calls.append("second"))
        network.call_at_turn_end(done.set)
        assert calls == []
        await done.wait()
        assert calls == ["first", "second"]


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")
class TestEpollNetwork(NetworkContract):
    @pytest.fixture
    async def network(self) -> AsyncIterator[Network]:
        network = EpollNetwork()
        async with run_network(network):
            yield network


class TestWaitingNetwork(NetworkContract):
    @pytest.fixture
    async def network(self) -> AsyncIterator[Network]:
        network = WaitingNetwork()
        async with run_network(network):
            yield network


class TestSimNetwork(NetworkContract):
    @pytest.fixture
    async def network(self) -> AsyncIterator[Network]:
        async with open_sim_network() as network:
            yield network
