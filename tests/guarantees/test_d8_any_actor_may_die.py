"""D8: the death of any actor or of the node loses nothing accepted; a client resumes where it stands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol import Accepted, Deliver, ErrorCode, Refused, TestCrash
from relay.worker_process import drain
from tests.helpers.device import Device
from tests.helpers.stage import Stage, open_stage

BURST = 50


@asynccontextmanager
async def open_talk(data: Path) -> AsyncIterator[tuple[Stage, Device, Device]]:
    """Anna and Ben, both connected."""
    async with open_stage(data) as stage:
        yield stage, await stage.anna.connect(), await stage.ben.connect()


async def test_a_mailbox_that_crashes_is_back_without_its_device_noticing(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        anna.send(stage.ben.address.user, 1, b"before")
        await ben.expect_deliveries(1)
        await anna.expect_accepted(1)
        dead = stage.mailbox_of(stage.ben)
        ben.say(TestCrash("mailbox"))
        await stage.until_mailbox_restarted(stage.ben, dead)
        anna.send(stage.ben.address.user, 2, b"after")
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.ciphertext) == (2, b"after")
        assert ben.closed is None


async def test_what_was_acknowledged_before_the_crash_stays_acknowledged(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        for number in (1, 2, 3):
            anna.send(stage.ben.address.user, number)
        await ben.expect_deliveries(3)
        dead = stage.mailbox_of(stage.ben)
        ben.say(TestCrash("mailbox"))
        ben.ack(2)
        await stage.until_mailbox_restarted(stage.ben, dead)
        await stage.settled(ben)
        ben.vanish()
        ben = await stage.ben.connect()
        assert [delivery.seq for delivery in await ben.expect_deliveries(1)] == [3]


async def test_messages_that_died_in_a_mailbox_are_sent_again_in_order_and_arrive_once(
    tmp_path: Path,
) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        ben_user = stage.ben.address.user
        for number in range(1, BURST + 1):
            anna.send(ben_user, number, b"%d" % number)
            if number == BURST // 2:
                stage.crash_mailbox(stage.ben)
        seen: list[bytes] = []
        accepted = 0
        while accepted < BURST:
            event = await anna.expect((Accepted, Refused))
            if isinstance(event, Accepted):
                accepted = event.number
            else:
                assert event.code == ErrorCode.OUT_OF_ORDER
                assert isinstance(event.detail, int)
                for number in range(event.detail, BURST + 1):
                    anna.send(ben_user, number, b"%d" % number)
        while len(seen) < BURST:
            delivery = (await ben.expect_deliveries(1))[0]
            ben.ack(delivery.seq)
            seen.append(delivery.ciphertext)
        assert seen == [b"%d" % number for number in range(1, BURST + 1)]


async def test_a_sender_is_told_what_became_of_its_messages_without_asking(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, _ben):
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        stage.crash_mailbox(stage.ben)
        anna.send(stage.ben.address.user, 2)  # behind the crash in the same mailbox: it dies there, or not
        event = await anna.expect((Accepted, Refused))
        while isinstance(event, Accepted) and event.number < 2:
            event = await anna.expect((Accepted, Refused))
        assert event.number == 2


async def test_a_connection_that_crashes_takes_nobody_along(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        anna.say(TestCrash("connection"))
        await anna.expect_end()
        again = await stage.anna.connect()
        again.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        assert ben.closed is None
        assert stage.running.root.is_alive


@pytest.mark.slow  # real sockets, and a dead owner is noticed by a look once a second
async def test_a_connection_that_is_killed_leaves_no_trace(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        outgoing = stage.running.worker.presence.of_device(stage.ben.address)
        assert outgoing is not None
        assert outgoing.owner is not None
        outgoing.owner.kill()
        await ben.expect_end()
        ben = await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)


async def test_a_node_that_is_started_again_has_everything_that_was_ticked(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        for number in range(1, BURST + 1):
            anna.send(stage.ben.address.user, number, b"%d" % number)
        await anna.expect_accepted(BURST)
        phones = stage.anna, stage.ben
    async with open_stage(tmp_path, phones=phones) as stage:
        ben = await stage.ben.connect()
        deliveries = await ben.expect_deliveries(BURST)
        assert [delivery.ciphertext for delivery in deliveries] == [b"%d" % n for n in range(1, BURST + 1)]


async def test_the_same_device_elsewhere_replaces_the_first_connection(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, first):
        second = await stage.ben.connect()
        assert (await first.expect_error()) == ErrorCode.REPLACED
        anna.send(stage.ben.address.user, 1)
        await second.expect_deliveries(1)


async def test_a_node_that_stops_tells_its_devices_that_it_restarts(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as (stage, anna, ben):
        await drain(stage.running.worker, stage.running.root)
        assert await anna.expect_error() == ErrorCode.RESTARTING
        assert await ben.expect_error() == ErrorCode.RESTARTING
