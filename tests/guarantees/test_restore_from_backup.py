"""D4 and D8 over a restore: a node that was set back gives no number away a second time.

What was accepted after the backup is gone, unless its sender still has it; what comes after the restore must
arrive, though devices know of numbers that the node has forgotten.
"""

from pathlib import Path

from protocol import Accepted, Deliver, Refused
from storage import backup
from storage.restoration import restore
from tests.helpers.stage import Phone, open_stage

BEFORE, AFTER = 3, 6


async def test_a_device_that_has_more_than_the_node_remembers_still_gets_what_is_new(tmp_path: Path) -> None:
    """However the node was set back: here by somebody who put an older folder in its place."""
    async with open_stage(tmp_path) as stage:
        ben = await stage.ben.connect(resume=100)
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"new")
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.ciphertext) == (101, b"new")


async def test_a_node_counts_on_from_what_the_device_had_after_another_restart_too(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        ben = await stage.ben.connect(resume=100)
        await stage.settled(ben)
        phones = stage.anna, stage.ben
    async with open_stage(tmp_path, phones=phones) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"while ben is away")
        await anna.expect_accepted(1)
        ben = await stage.ben.connect(resume=100)
        assert (await ben.expect(Deliver)).ciphertext == b"while ben is away"


async def test_what_waited_and_the_device_has_already_is_not_sent_again_and_leaves_the_queue(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        for number in (1, 2):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(2)
        ben = await stage.ben.connect(resume=100)
        anna.send(stage.ben.address.user, 3, b"new")
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.ciphertext) == (101, b"new")
        ben.ack(101)
        await stage.settled(ben)
        ben.vanish()
        ben = await stage.ben.connect(resume=101)
        assert ben.welcome is not None
        assert ben.welcome.queued == 0
        await ben.expect_silence()


async def _make_history(data: Path, saved: Path) -> tuple[Phone, Phone]:
    """Anna writes, a backup is taken in between; Ben has it all and has acknowledged it."""
    async with open_stage(data) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in range(1, AFTER + 1):
            anna.send(stage.ben.address.user, number)
            ben.ack((await ben.expect(Deliver)).seq)
            await stage.settled(ben)
            if number == BEFORE:
                backup(stage.running.node.environment, saved)
        return stage.anna, stage.ben


async def test_messages_accepted_after_a_restore_reach_a_device_that_was_away(tmp_path: Path) -> None:
    """The hard case: the node hands out numbers before the device can say how far it had come."""
    phones = await _make_history(tmp_path / "data", tmp_path / "saved")
    restore(tmp_path / "saved", tmp_path / "restored")
    async with open_stage(tmp_path / "restored", phones=phones) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, AFTER + 1)
        assert (await anna.expect(Refused)).detail == BEFORE + 1
        anna.send(stage.ben.address.user, BEFORE + 1, b"after the restore")
        assert (await anna.expect(Accepted)).number == BEFORE + 1
        ben = await stage.ben.connect(resume=AFTER)
        delivery = await ben.expect(Deliver)
        assert (delivery.number, delivery.ciphertext) == (BEFORE + 1, b"after the restore")
        assert delivery.seq > AFTER
