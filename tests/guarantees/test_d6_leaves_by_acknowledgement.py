"""D6: a message leaves the relay only by a device's acknowledgement."""

from pathlib import Path

from protocol import Delivered
from storage import mailboxes
from tests.helpers.stage import Stage, open_stage


def queued(stage: Stage) -> list[int]:
    with stage.running.worker.environment.read() as reader:
        return [seq for seq, _ in mailboxes.read_range(reader, stage.ben.address, 0, 100)]


async def test_a_delivery_alone_deletes_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.close()
        await ben.expect_end()
        await stage.settled(anna)
        assert queued(stage) == [1]


async def test_an_acknowledgement_deletes_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in (1, 2, 3):
            anna.send(stage.ben.address.user, number)
        await ben.expect_deliveries(3)
        ben.ack(2)
        await anna.expect(Delivered)
        assert queued(stage) == [3]


async def test_an_acknowledgement_of_what_was_never_sent_deletes_only_what_was(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.ack(1_000_000)
        await anna.expect(Delivered)
        assert queued(stage) == []
        anna.send(stage.ben.address.user, 2)
        assert [delivery.seq for delivery in await ben.expect_deliveries(1)] == [2]


async def test_a_number_that_is_registered_anew_takes_its_old_queue_with_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        address = await stage.register_anew(stage.ben)
        assert address.user == stage.ben.address.user
        assert address.device == stage.ben.address.device + 1
        assert queued(stage) == []
