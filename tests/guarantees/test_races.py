"""D2 to D6 where two things happen at once: what is on its way to the disk meets what has just changed.

The disk is late by as much as the test wants (tests/helpers/late_journal.py).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing

from protocol import (
    Accepted,
    CodeRoute,
    CodeSent,
    Deliver,
    ErrorCode,
    Failed,
    MessageNumber,
    Read,
    Refused,
    Registered,
    RequestCode,
    Send,
)
from relay.mailbox_handle import MailboxHandle
from tests.helpers.device import Device
from tests.helpers.late_journal import LateJournal, late_journals
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Phone, Stage, open_stage, registration


@asynccontextmanager
async def open_late_stage(
    data: Path, sim: SimNetwork, phones: tuple[Phone, Phone] | None = None
) -> AsyncIterator[tuple[Stage, LateJournal]]:
    """A node, two phones, and the disk, to hold it up."""
    make, made = late_journals(sim)
    async with open_stage(data, sim, phones=phones, make_journal=make) as stage:
        yield stage, made[0]


async def applicant(stage: Stage, phone: Phone) -> Device:
    """Somebody who has the code for the number of a phone."""
    device = await stage.stranger()
    device.say(RequestCode(1, phone.number, CodeRoute.SMS))
    await device.expect(CodeSent)
    return device


def apply(stage: Stage, phone: Phone, device: Device) -> None:
    device.say(registration(2, phone.number, stage.running.codes.codes[phone.number], take_over=1))


async def test_what_comes_after_registering_anew_arrives_though_older_messages_were_on_the_way_to_the_disk(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        anna, new = await stage.anna.connect(), await applicant(stage, stage.ben)
        disk.hold()
        for number in (1, 2):
            anna.send(stage.ben.address.user, number, b"for the old device")
        await trio.testing.wait_all_tasks_blocked()
        apply(stage, stage.ben, new)
        await trio.testing.wait_all_tasks_blocked()
        disk.let_go()
        await new.expect(Registered)
        for number in (3, 4, 5):
            anna.send(stage.ben.address.user, number, b"for the new device")
        deliveries = await new.expect_deliveries(3)
        assert [delivery.number for delivery in deliveries] == [3, 4, 5]


async def test_old_devices_hear_that_they_are_logged_out_when_the_new_one_is_on_the_disk(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        ben, new = await stage.ben.connect(), await applicant(stage, stage.ben)
        disk.is_full = True
        apply(stage, stage.ben, new)
        assert (await new.expect(Failed)).code == ErrorCode.STORAGE_FULL
        assert await ben.expect_error() == ErrorCode.STORAGE_FULL
        disk.is_full = False
        await trio.sleep(1)
        ben = await stage.ben.connect()
        apply(stage, stage.ben, new)
        await new.expect(Registered)
        assert await ben.expect_error() == ErrorCode.LOGGED_OUT


async def test_a_mailbox_that_begins_again_from_the_store_waits_for_what_is_on_its_way_there(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        anna, new = await stage.anna.connect(), await applicant(stage, stage.ben)
        disk.is_full = True
        anna.send(stage.ben.address.user, 1)
        assert (await anna.expect(Refused)).code == ErrorCode.STORAGE_FULL
        disk.is_full = False
        disk.hold()
        apply(
            stage, stage.ben, new
        )  # before the mailbox begins again, which it does a moment after a failure
        await trio.sleep(1)
        disk.let_go()
        await new.expect(Registered)
        await trio.sleep(1)
        anna.send(stage.ben.address.user, 1, b"for the new device")
        assert (await new.expect(Deliver)).ciphertext == b"for the new device"


async def test_a_device_that_connects_when_a_message_is_on_the_disk_and_not_yet_told_gets_it(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """With a gap in the numbers before it, as after a restore."""
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        ben = await stage.ben.connect(resume=100)
        await stage.settled(ben)
        ben.vanish()
        phones = stage.anna, stage.ben
    async with open_late_stage(tmp_path, sim, phones) as (stage, disk):
        anna = await stage.anna.connect()
        disk.report_seconds = 1.0
        anna.send(stage.ben.address.user, 1)
        await trio.sleep(0.5)
        ben = await stage.ben.connect(resume=100)
        assert (await ben.expect(Deliver)).seq == 101


async def test_a_connection_that_was_replaced_does_not_take_the_place_of_its_successor(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """Both wait for the mailbox to start, and nobody says who comes first."""
    async with open_late_stage(tmp_path, sim) as (stage, _):
        anna = await stage.anna.connect()
        await stage.ben.connect()
        first = stage.outgoing_of(stage.ben)
        second = await stage.ben.connect()
        await MailboxHandle(stage.mailbox_of(stage.ben)).attach(stage.ben.address.device, first)
        anna.send(stage.ben.address.user, 1)
        assert (await second.expect(Deliver)).number == 1


async def test_what_came_on_a_connection_that_was_replaced_is_neither_accepted_nor_refused(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """The device sends it again on the new one, where its number may soon be that of another message."""
    async with open_late_stage(tmp_path, sim) as (stage, _):
        ben = await stage.ben.connect()
        await stage.anna.connect()
        first = stage.outgoing_of(stage.anna)
        anna = await stage.anna.connect()
        handle = MailboxHandle(stage.mailbox_of(stage.ben))
        for number in (1, 7):
            late = Send(stage.ben.address.user, MessageNumber(number), b"late")
            assert handle.submit(stage.anna.address, first, [late]) is None
        await handle.settle(stage.anna.address, first, MessageNumber(9))
        await trio.testing.wait_all_tasks_blocked()
        await anna.expect_silence()
        assert ben.heard(Deliver) == []
        anna.send(stage.ben.address.user, 1, b"on the new connection")
        assert (await ben.expect(Deliver)).ciphertext == b"on the new connection"


async def test_a_duplicate_of_what_never_reached_the_disk_is_not_waited_for(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        anna = await stage.anna.connect()
        disk.hold()
        anna.send(stage.ben.address.user, 1)
        await trio.testing.wait_all_tasks_blocked()
        anna.vanish()
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await trio.testing.wait_all_tasks_blocked()
        disk.is_full = True
        disk.let_go()
        assert await anna.expect_error() == ErrorCode.STORAGE_FULL
        disk.is_full = False
        await trio.sleep(1)
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        assert (await anna.expect(Accepted)).number == 1


async def test_a_reading_that_a_full_disk_turned_away_is_told_when_there_is_room(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_late_stage(tmp_path, sim) as (stage, disk):
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        ben.ack((await ben.expect(Deliver)).seq)
        await stage.settled(ben)
        disk.is_full = True
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await trio.sleep(0.1)
        disk.is_full = False
        assert (await anna.expect(Read)).number == 1
