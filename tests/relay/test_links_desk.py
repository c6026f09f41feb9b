"""The link desk: found by name, one thing after the other, and a crash of it ends the links that are open."""

from pathlib import Path

import pytest
import trio.testing
from trio.testing import MockClock

from protocol import DeviceAddress, DeviceId, ErrorCode, LinkStep, UserId
from relay import links_desk
from relay.errors import RefusalError
from relay.links_desk import LinkDeskHandle
from storage import accounts
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

COMPANION, HERE = b"c" * 32, "192.0.2.1"
ANNA = DeviceAddress(UserId(7), DeviceId(1))


async def test_both_sides_reach_it_through_the_handle(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        desk = LinkDeskHandle(stage.running.worker)
        name, nameplate = await desk.open(COMPANION, HERE)
        assert await desk.claim(nameplate, ANNA, DeviceId(2), b"claim") == name
        assert await desk.poll(name, COMPANION) == (LinkStep.CLAIMED, b"claim")
        assert await desk.answer(name, COMPANION, b"answer") == (LinkStep.ANSWERED, b"")
        assert await desk.poll(name, ANNA) == (LinkStep.ANSWERED, b"answer")
        await desk.cancel(name, ANNA)
        with pytest.raises(RefusalError) as caught:
            await desk.poll(name, COMPANION)
        assert caught.value.code is ErrorCode.LINK_CANCELLED


async def test_a_crash_ends_the_links_and_the_next_desk_takes_new_ones(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        desk = LinkDeskHandle(worker)
        name, _ = await desk.open(COMPANION, HERE)
        before = worker.system.whereis(links_desk.NAME)
        assert before is not None
        before.kill()
        await before.wait_stopped(1.0)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RefusalError) as caught:
            await desk.poll(name, COMPANION)
        assert caught.value.code is ErrorCode.LINK_GONE
        await desk.open(COMPANION, HERE)


async def test_keys_that_are_to_be_forgotten_lead_nowhere(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        await LinkDeskHandle(worker).forget_keys((stage.ben.keys.public,))
        with worker.store.read_directory() as reader:
            assert accounts.find_device_by_static_key(reader, stage.ben.keys.public) is None
            assert accounts.find_device_by_static_key(reader, stage.anna.keys.public) is not None
