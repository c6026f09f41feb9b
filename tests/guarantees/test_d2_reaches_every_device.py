"""D2: what was accepted reaches every device linked at that moment, or stays queued for it for 30 days.

Under a virtual clock: the sweep's timers jump, and the wall clock is moved by the test.
"""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    Accepted,
    Delivered,
    Expired,
    FetchProgress,
    KeyPair,
    MessageNumber,
    Part,
    Progresses,
    Run,
)
from protocol import Send as SendStanza
from relay.config import DAY_SECONDS
from relay.expiry import ROUND_SECONDS
from storage import InlineJournal, accounts, mailboxes
from storage.accounts import DeviceRecord
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Phone, Stage, open_stage

MONTH = 30 * DAY_SECONDS


def waiting(stage: Stage, phone: Phone) -> list[int]:
    with stage.running.worker.environment.read() as reader:
        return [message.number for _, message in mailboxes.read_range(reader, phone.address, 0, 1_000)]


def link_another_device(stage: Stage, phone: Phone) -> Phone:
    """Give a user a second device, past registration, before the mailbox is in memory."""
    keys = KeyPair.generate(stage.running.worker.entropy)
    record = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
    environment = stage.running.worker.environment
    with environment.read() as reader:
        user = accounts.load_user(reader, phone.address.user)
    assert user is not None
    address, _, ops = accounts.add_device(phone.address.user, user, record)
    errors: list[object] = []
    InlineJournal(environment).submit(ops, errors.append)
    assert errors == [None]
    return Phone(stage.running, phone.number, keys, address)


async def a_round_of_the_sweep() -> None:
    await trio.sleep(2 * ROUND_SECONDS)
    await trio.testing.wait_all_tasks_blocked()


async def send(stage: Stage, *numbers: int) -> None:
    """Anna writes to Ben, and leaves."""
    anna = await stage.anna.connect()
    for number in numbers:
        anna.send(stage.ben.address.user, number)
    await anna.expect_accepted(numbers[-1])
    anna.vanish()


async def progress_of(stage: Stage) -> tuple[int, int, tuple[Run, ...]]:
    """What the relay tells Anna about her messages to Ben when she asks."""
    anna = await stage.anna.connect()
    anna.say(FetchProgress(1, (stage.ben.address.user,)))
    (chat,) = (await anna.expect(Progresses)).chats
    anna.vanish()
    return chat.accepted, chat.delivered, chat.expired


async def test_a_message_waits_for_each_device_until_that_device_has_it(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        other = link_another_device(stage, stage.ben)
        devices = (stage.ben.address.device, other.address.device)
        anna = await stage.anna.connect()
        parts = tuple(Part(device, b"for one") for device in devices)
        anna.say(SendStanza(stage.ben.address.user, MessageNumber(1), parts))
        await anna.expect_accepted(1)
        first = await stage.ben.connect()
        await first.expect_deliveries(1)
        first.ack(1)
        await anna.expect(Delivered)
        assert (waiting(stage, stage.ben), waiting(stage, other)) == ([], [1])
        second = await other.connect()
        assert [delivery.number for delivery in await second.expect_deliveries(1)] == [1]


async def test_a_message_is_there_on_the_last_day(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 1)
        clock.time += MONTH - 1
        await a_round_of_the_sweep()
        ben = await stage.ben.connect()
        assert [delivery.number for delivery in await ben.expect_deliveries(1)] == [1]


async def test_what_nobody_fetched_in_30_days_is_dropped_and_its_sender_told(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 1, 2)
        anna = await stage.anna.connect()
        clock.time += MONTH
        for _ in range(20):  # a round of the sweep, during which she must not fall silent
            await trio.sleep(ROUND_SECONDS / 10)
            await anna.ping()
        assert await anna.expect(Expired) == Expired(
            stage.ben.address.user, MessageNumber(1), MessageNumber(2)
        )
        assert waiting(stage, stage.ben) == []
        assert stage.running.worker.counters.expired == 2


async def test_a_sender_that_was_away_asks_and_is_told(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 1, 2)
        clock.time += MONTH
        await a_round_of_the_sweep()
        await send(stage, 3)
        ben = await stage.ben.connect()
        assert [delivery.number for delivery in await ben.expect_deliveries(1)] == [3]
        ben.ack(3)
        await stage.settled(ben)
        # ✓✓ counts for all below 3, but not for those that never arrived.
        assert await progress_of(stage) == (3, 3, (Run(MessageNumber(1), MessageNumber(2)),))


async def test_a_mailbox_that_was_not_in_memory_expires_too_and_leaves_again(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 1)
        idle = 3 * stage.running.worker.config.mailbox_idle_seconds
        await trio.sleep(idle)
        assert not stage.running.worker.flights
        clock.time += MONTH
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == []
        await trio.sleep(idle)
        assert not stage.running.worker.flights


@pytest.mark.parametrize("count", [1, 300, 700])  # more than one step of dropping, and of reading
async def test_a_device_that_comes_back_before_the_sweep_gets_only_what_is_still_good(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock, count: int
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, *range(1, count + 1))
        clock.time += MONTH
        await send(stage, count + 1)
        ben = await stage.ben.connect()
        (delivery,) = await ben.expect_deliveries(1)
        assert (delivery.number, delivery.seq) == (count + 1, count + 1)
        ben.ack(delivery.seq)
        await stage.settled(ben)
        assert waiting(stage, stage.ben) == []
        gone = (Run(MessageNumber(1), MessageNumber(count)),)
        assert await progress_of(stage) == (count + 1, count + 1, gone)
        with stage.running.worker.environment.read() as reader:
            cursor = mailboxes.load_device_queue_state(reader, stage.ben.address)
        assert (cursor.messages, cursor.ciphertext_bytes) == (0, 0)


async def test_what_a_device_was_given_in_time_may_still_be_acknowledged(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        clock.time += MONTH
        for _ in range(30):  # it stays connected: it must say something now and then
            await trio.sleep(ROUND_SECONDS / 10)
            await ben.ping()
            await anna.ping()
        ben.ack(1)
        assert (await anna.expect(Delivered)).number == 1
        assert anna.heard(Expired) == []


async def test_what_a_device_has_stored_counts_as_acknowledged_however_late_it_says_so(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 1, 2)
        ben = await stage.ben.connect()
        await ben.expect_deliveries(2)
        ben.vanish()
        clock.time += MONTH
        await stage.ben.connect(resume=1)
        await a_round_of_the_sweep()
        assert await progress_of(stage) == (2, 1, (Run(MessageNumber(2), MessageNumber(2)),))


async def test_a_message_that_one_device_has_fetched_has_not_expired(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        other = link_another_device(stage, stage.ben)
        anna = await stage.anna.connect()
        parts = tuple(Part(device, b"x") for device in (stage.ben.address.device, other.address.device))
        anna.say(SendStanza(stage.ben.address.user, MessageNumber(1), parts))
        await anna.expect(Accepted)
        anna.vanish()
        ben = await stage.ben.connect()
        await ben.expect_deliveries(1)
        ben.ack(1)
        await stage.settled(ben)
        clock.time += MONTH
        await a_round_of_the_sweep()
        assert waiting(stage, other) == []
        assert await progress_of(stage) == (1, 1, ())
