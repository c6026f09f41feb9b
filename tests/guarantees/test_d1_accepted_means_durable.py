"""D1: accepted (✓) means durable: on disk, with fsync, before the sender hears it."""

from pathlib import Path
from typing import Any

from protocol import Accepted, ErrorCode, Refused
from storage import JournalError, StorageFullError, mailboxes, open_environment
from tests.helpers.stage import open_stage


async def test_a_ticked_message_is_on_disk_after_the_node_is_gone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"hello")
        assert (await anna.expect(Accepted)).number == 1
        ben = stage.ben.address
    with open_environment(tmp_path) as environment, environment.read() as reader:
        waiting = mailboxes.read_range(reader, ben, after=0, limit=10)
    assert [message.ciphertext for _, message in waiting] == [b"hello"]


async def test_there_is_no_tick_as_long_as_the_commit_has_not_returned(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        held: list[tuple[Any, Any]] = []
        journal = stage.running.worker.journal
        submit = journal.submit
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        journal.submit = lambda ops, done: held.append((ops, done))
        anna.send(stage.ben.address.user, 1)
        await anna.expect_silence()
        assert len(held) == 1
        assert not ben.heard(object)
        submit(*held[0])
        assert (await anna.expect(Accepted)).number == 1


async def test_a_message_that_found_no_room_is_refused_by_name_and_may_be_sent_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        journal = stage.running.worker.journal
        submit = journal.submit
        anna, ben = await stage.anna.connect(), await stage.ben.connect()

        def refuse(ops: object, done: object) -> None:
            raise StorageFullError("the disk is full")

        journal.submit = refuse
        anna.send(stage.ben.address.user, 1)
        assert (await anna.expect(Refused)).code == ErrorCode.STORAGE_FULL
        journal.submit = submit
        await anna.resend_until_accepted(stage.ben.address.user, 1)
        assert len(await ben.expect_deliveries(1)) == 1


async def test_a_commit_that_fails_for_want_of_room_fails_what_was_built_on_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        journal = stage.running.worker.journal
        submit, held = journal.submit, []
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        journal.submit = lambda ops, done: held.append(done)
        anna.send(stage.ben.address.user, 1, b"one")
        anna.send(stage.ben.address.user, 2, b"two")
        await anna.expect_silence()
        error: JournalError = StorageFullError("the disk is full")
        for done in held:
            done(error)
        assert [(await anna.expect(Refused)).number for _ in range(2)] == [1, 2]
        journal.submit = submit
        await anna.resend_until_accepted(stage.ben.address.user, 1, b"one")
        anna.send(stage.ben.address.user, 2, b"two")
        assert [d.ciphertext for d in await ben.expect_deliveries(2)] == [b"one", b"two"]


async def test_a_gap_is_named_from_the_disk_on_because_a_device_ticks_all_below(tmp_path: Path) -> None:
    """What is on its way to the disk may still be lost: it is a duplicate when it comes again."""
    async with open_stage(tmp_path) as stage:
        held: list[tuple[Any, Any]] = []
        journal = stage.running.worker.journal
        submit = journal.submit
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        journal.submit = lambda ops, done: held.append((ops, done))
        anna.send(stage.ben.address.user, 1, b"one")
        anna.send(stage.ben.address.user, 3, b"three")
        refused = await anna.expect(Refused)
        assert (refused.number, refused.code, refused.detail) == (3, ErrorCode.OUT_OF_ORDER, 1)
        anna.send(stage.ben.address.user, 1, b"one")
        await anna.expect_silence()
        journal.submit = submit
        submit(*held[0])
        assert (await anna.expect(Accepted)).number == 1
        anna.send(stage.ben.address.user, 2, b"two")
        assert [d.ciphertext for d in await ben.expect_deliveries(2)] == [b"one", b"two"]
