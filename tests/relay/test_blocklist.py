"""Blocking: what the list remembers, and what the two people see of it at a whole relay."""

from pathlib import Path

from trio.testing import MockClock

from protocol import (
    Accepted,
    Bundles,
    Deliver,
    Delivered,
    DeviceAddress,
    DeviceId,
    Expired,
    FetchBundles,
    FetchProgress,
    MessageNumber,
    Progresses,
    Read,
    Run,
    Typing,
    UserId,
)
from relay.blocklist import Blocklist, load_blocklist
from relay.senders import Senders
from storage import InlineJournal, JournalError, open_environment
from storage.progress import Progress
from tests.helpers.people import change, settle
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

OWNER, OTHER = UserId(7), UserId(8)
SENDER = DeviceAddress(OTHER, DeviceId(1))


def run(first: int, last: int) -> Run:
    return Run(MessageNumber(first), MessageNumber(last))


def test_nobody_blocks_himself_and_a_second_block_changes_nothing() -> None:
    blocklist = Blocklist(OWNER)
    assert len(blocklist.block([OTHER, OWNER, OTHER], 5)) == 1
    assert blocklist.block([OTHER], 6) == []
    assert blocklist.users() == (OTHER,)
    assert OTHER in blocklist


def test_who_is_unblocked_is_told_what_was_kept_for_nobody_and_that_is_all(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        senders = Senders(environment, OWNER)
        blocklist = Blocklist(OWNER, [OTHER])
        blocklist.shun(SENDER, MessageNumber(4))
        blocklist.shun(SENDER, MessageNumber(5))
        senders.of(SENDER).progress = Progress(MessageNumber(5), MessageNumber(3))
        notices, ops = blocklist.unblock([OTHER, UserId(99)], senders)
        assert notices == {SENDER: [run(4, 5)]}
        assert len(ops) == 3
        assert senders.of(SENDER).progress.expired == (run(4, 5),)
        assert len(blocklist) == 0


def test_a_list_comes_back_from_the_store_with_where_the_messages_end(tmp_path: Path) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    with open_environment(tmp_path) as environment:
        with environment.read() as reader:
            assert load_blocklist(reader, OWNER) is None
        blocklist = Blocklist(OWNER)
        ops = [*blocklist.block([OTHER], 5), *blocklist.shun(SENDER, MessageNumber(4))]
        InlineJournal(environment).submit(ops, settled)
        with environment.read() as reader:
            loaded = load_blocklist(reader, OWNER)
        assert loaded is not None
        notices, _ = loaded.unblock([OTHER], Senders(environment, OWNER))
        assert notices[SENDER][0].first == 4


async def test_a_blocked_sender_gets_a_tick_and_never_two_and_nothing_arrives(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await settle(ben, change(block=(stage.anna.address.user,)))
        for number in (1, 2):
            anna.send(stage.ben.address.user, number)
            await anna.expect_accepted(number)
        anna.say(FetchProgress(9, (stage.ben.address.user,)))
        (progress,) = (await anna.expect(Progresses)).chats
        assert (progress.accepted, progress.delivered, progress.expired) == (2, 0, ())
        await ben.expect_silence()
        await anna.expect_silence()


async def test_unblocking_brings_nothing_back_and_no_later_tick_counts_for_what_is_gone(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect(Deliver)
        ben.ack(1)
        await anna.expect(Delivered)
        await settle(ben, change(block=(stage.anna.address.user,)))
        for number in (2, 3):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(3)
        await settle(ben, change(unblock=(stage.anna.address.user,)))
        gone = await anna.expect(Expired)
        assert (gone.first, gone.last) == (2, 3)
        anna.send(stage.ben.address.user, 4)
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.number) == (2, 4)
        ben.ack(2)
        assert (await anna.expect(Delivered)).number == 4
        anna.say(FetchProgress(9, (stage.ben.address.user,)))
        (progress,) = (await anna.expect(Progresses)).chats
        assert progress.expired == (run(2, 3),)


async def test_others_are_delivered_while_somebody_is_blocked(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await settle(ben, change(block=(UserId(99),)))
        anna.send(stage.ben.address.user, 1)
        assert (await ben.expect(Deliver)).number == 1
        ben.ack(1)
        assert (await anna.expect(Delivered)).number == 1


async def test_a_block_outlives_the_mailbox_and_where_the_messages_end_too(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await settle(ben, change(block=(stage.anna.address.user,)))
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        await stage.until_mailbox_restarted(stage.ben, stage.crash_mailbox(stage.ben))
        anna.send(stage.ben.address.user, 2)
        await anna.expect_accepted(2)
        await ben.expect_silence()
        await settle(ben, change(unblock=(stage.anna.address.user,)))
        gone = await anna.expect(Expired)
        assert (gone.first, gone.last) == (1, 2)


async def test_a_blocked_person_does_not_show_as_typing_and_gets_keys_as_anybody(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await settle(ben, change(block=(stage.anna.address.user,)))
        anna.say(Typing(stage.ben.address.user), FetchBundles(1, stage.ben.address.user))
        assert (await anna.expect(Bundles)).devices
        await ben.expect_silence()


async def test_what_is_read_of_a_blocked_person_stays_unsaid(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect(Deliver)
        await settle(ben, change(block=(stage.anna.address.user,)))
        ben.ack(1)
        await anna.expect(Delivered)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await ben.ping()
        assert anna.heard(Accepted) == []
        await anna.expect_silence()
