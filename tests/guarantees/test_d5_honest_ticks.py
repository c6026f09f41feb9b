"""D5: ✓✓ only after a device acknowledged; read only after the reader's device said so, if both allow it."""

from pathlib import Path

import pytest

from protocol import (
    Accepted,
    Audience,
    CodeRoute,
    CodeSent,
    Delivered,
    Expired,
    FetchProgress,
    MessageNumber,
    Part,
    Privacy,
    Progresses,
    Read,
    Registered,
    RequestCode,
    Run,
    Send,
)
from tests.helpers.people import change, settle
from tests.helpers.stage import Phone, link, open_stage, registration


async def test_delivered_is_told_after_the_acknowledgement_and_not_before(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect(Accepted)
        await ben.expect_deliveries(1)
        await anna.expect_silence()
        ben.ack(1)
        tick = await anna.expect(Delivered)
        assert (tick.chat, tick.number) == (stage.ben.address.user, 1)


async def test_read_is_told_after_the_reader_said_so(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.ack(1)
        await anna.expect(Delivered)
        await anna.expect_silence()
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        tick = await anna.expect(Read)
        assert (tick.chat, tick.number) == (stage.ben.address.user, 1)


@pytest.mark.parametrize("who_hides", ["reader", "sender"])
async def test_read_is_told_and_kept_only_if_both_allow_receipts(tmp_path: Path, who_hides: str) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await settle(ben if who_hides == "reader" else anna, change(Privacy(read_receipts=Audience.NOBODY)))
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.ack(1)
        await anna.expect(Delivered)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await ben.ping()
        await anna.expect_silence()
        anna.say(FetchProgress(1, (stage.ben.address.user,)))
        (progress,) = (await anna.expect(Progresses)).chats
        assert (progress.delivered, progress.read) == (1, 0)


async def test_nobody_can_have_read_what_was_not_delivered(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.say(Read(stage.anna.address, MessageNumber(7)))
        await anna.expect(Accepted)
        await anna.expect_silence()


async def test_ticks_that_nobody_was_there_to_hear_are_there_to_be_asked_for(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in (1, 2, 3):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(3)
        anna.vanish()
        await ben.expect_deliveries(3)
        ben.ack(2)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await stage.settled(ben)
        anna = await stage.anna.connect()
        anna.say(FetchProgress(1, (stage.ben.address.user,)))
        (chat,) = (await anna.expect(Progresses)).chats
        assert (chat.user, chat.accepted, chat.delivered, chat.read) == (stage.ben.address.user, 3, 2, 1)


async def test_ticks_are_cumulative_under_load(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in range(1, 101):
            anna.send(stage.ben.address.user, number)
        await ben.expect_deliveries(100)
        ben.ack(100)
        assert (await anna.expect(Delivered)).number == 100


async def test_what_was_lost_with_an_old_phone_is_never_called_delivered(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        user = stage.ben.address.user
        for number in (1, 2, 3):
            anna.send(user, number)
        await anna.expect_accepted(3)
        await ben.expect_deliveries(3)
        ben.ack(1)
        assert (await anna.expect(Delivered)).number == 1
        new = await stage.stranger()
        new.say(RequestCode(1, stage.ben.number, CodeRoute.SMS))
        await new.expect(CodeSent)
        code = stage.running.codes.codes[stage.ben.number]
        new.say(registration(2, stage.ben.number, code, take_over=1))
        await new.expect(Registered)
        lost = await anna.expect(Expired)
        assert (lost.chat, lost.first, lost.last) == (user, 2, 3)
        anna.send(user, 4)
        await new.expect_deliveries(1)
        new.ack(1)
        assert (await anna.expect(Delivered)).number == 4
        anna.say(FetchProgress(1, (user,)))
        (chat,) = (await anna.expect(Progresses)).chats
        assert (chat.delivered, chat.expired) == (4, (Run(MessageNumber(2), MessageNumber(3)),))


def for_both(first: Phone, second: Phone, number: int) -> Send:
    parts = tuple(Part(phone.address.device, b"c") for phone in (first, second))
    return Send(first.address.user, MessageNumber(number), parts)


async def test_the_first_device_to_acknowledge_makes_the_tick_and_the_second_changes_nothing(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        second = link(stage.ben)
        anna, two = await stage.anna.connect(), await second.connect()
        anna.say(for_both(stage.ben, second, 1), for_both(stage.ben, second, 2))
        await two.expect_deliveries(2)
        two.ack(2)
        assert (await anna.expect(Delivered)).number == 2
        two.say(Read(stage.anna.address, MessageNumber(1)))
        assert (await anna.expect(Read)).number == 1
        one = await stage.ben.connect()
        await one.expect_deliveries(2)
        one.ack(2)
        one.say(Read(stage.anna.address, MessageNumber(1)))
        await stage.settled(one)
        await anna.expect_silence()
        one.say(Read(stage.anna.address, MessageNumber(2)))
        assert (await anna.expect(Read)).number == 2


async def test_a_device_linked_later_makes_no_tick_for_what_it_never_got(tmp_path: Path) -> None:
    """The tick of what came after counts for all below it, so it waits for a device that has those too."""
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        second = link(stage.ben)
        await stage.until_mailbox_restarted(stage.ben, stage.crash_mailbox(stage.ben))
        two = await second.connect()
        anna.say(for_both(stage.ben, second, 2))
        await two.expect_deliveries(1)
        await anna.expect_accepted(2)
        two.ack(1)
        await stage.settled(two)
        await anna.expect_silence()
        one = await stage.ben.connect()
        await one.expect_deliveries(2)
        one.ack(2)
        assert (await anna.expect(Delivered)).number == 2
