"""What the simulated network can do beyond the contract: faults, and time that jumps."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.sim_network import WINDOW_BYTES, SimLink, SimNetwork, open_sim_network


async def connected(network: SimNetwork) -> tuple[SimLink, SimLink]:
    listener = await network.listen("relay", 5252, 16)
    near = await network.connect("relay", 5252)
    return near, await listener.accept()


async def test_bytes_take_the_latency_to_arrive(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        network.latency = 3.0
        owner = RecordingOwner(far)
        sent_at = trio.current_time()
        near.write(b"slow")
        await owner.wait_for_data(4)
        assert trio.current_time() - sent_at == pytest.approx(3.0)


async def test_connecting_takes_a_round_trip(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        network.latency = 2.0
        await connected(network)
        assert trio.current_time() == pytest.approx(4.0)


async def test_segments_of_one_byte_are_told_one_by_one(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        network.segment_bytes = 1
        owner = RecordingOwner(far, keep_reading=True)
        near.write(b"abc")
        await owner.wait_for_data(3)
        assert [len(message.data) for message in owner.told if hasattr(message, "data")] == [1, 1, 1]


async def test_a_cut_is_a_reset_for_both_sides(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        owners = [RecordingOwner(near), RecordingOwner(far)]
        network.cut(near)
        assert [await owner.wait_closed() for owner in owners] == ["reset", "reset"]
        assert network.links == []


async def test_what_was_on_the_way_when_the_cable_was_cut_is_lost(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        network.latency = 1.0
        owner = RecordingOwner(far, keep_reading=True)
        near.write(b"lost")
        network.cut(near)
        assert await owner.wait_closed() == "reset"
        await trio.sleep(5)
        assert owner.data == b""


async def test_a_silenced_connection_tells_nobody_anything(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        near_owner, far_owner = RecordingOwner(near), RecordingOwner(far)
        network.silence(near)
        near.write(b"x" * (WINDOW_BYTES + 1))
        far.abort()
        await trio.sleep(3600)
        assert near_owner.told == []
        assert far_owner.reasons == ["aborted"]
        assert near.unsent_bytes == 1


async def test_a_stalled_reader_makes_its_sender_keep_the_bytes(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        owner = RecordingOwner(far, keep_reading=True)
        network.stall(far)
        near.write(b"x" * (2 * WINDOW_BYTES))
        await wait_all_tasks_blocked()
        assert owner.data == b""
        assert near.unsent_bytes == WINDOW_BYTES
        network.unstall(far)
        assert len(await owner.wait_for_data(2 * WINDOW_BYTES)) == 2 * WINDOW_BYTES


async def test_a_close_to_one_who_never_reads_ends_in_a_flush_timeout(
    autojump_clock: MockClock,
) -> None:
    async with open_sim_network() as network:
        near, far = await connected(network)
        owner = RecordingOwner(near)
        network.stall(far)
        near.write(b"x" * (2 * WINDOW_BYTES))
        near.close()
        assert await owner.wait_closed() == "flush-timeout"


async def test_an_unreachable_host_cannot_be_connected_to(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        await network.listen("relay", 5252, 16)
        network.unreachable["relay"] = None
        with pytest.raises(OSError, match="unreachable"):
            await network.connect("relay", 5252)


async def test_a_cancelled_connect_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        await network.listen("relay", 5252, 0)  # no backlog: connecting waits for accept()
        with trio.move_on_after(1.0):
            await network.connect("relay", 5252)
        assert network.links == []


async def test_a_week_of_silence_costs_few_steps(autojump_clock: MockClock) -> None:
    async with open_sim_network() as network:
        near, _ = await connected(network)
        owner = RecordingOwner(near)
        for _ in range(7):
            await trio.sleep(86_400)
        owner.is_alive = False
        await trio.sleep(512)
        assert owner.reasons == ["aborted"]
