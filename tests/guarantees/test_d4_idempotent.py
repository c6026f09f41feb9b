"""D4: on the wire at least once; a re-send is accepted once, and a repeated delivery has its old numbers."""

from pathlib import Path

from protocol import Accepted
from tests.helpers.stage import open_stage


async def test_a_message_that_is_sent_again_is_stored_once_and_ticked_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect(Accepted)
        anna.send(stage.ben.address.user, 1)
        assert (await anna.expect(Accepted)).number == 1
        ben = await stage.ben.connect()
        assert ben.welcome is not None
        assert ben.welcome.queued == 1


async def test_a_lost_tick_is_given_on_the_next_connection(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect(Accepted)
        anna.vanish()
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        assert (await anna.expect(Accepted)).number == 1
        assert stage.running.worker.counters.accepted == 1
        assert stage.running.worker.counters.duplicates == 1


async def test_a_delivery_that_was_not_acknowledged_comes_again_with_the_same_seq_and_number(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        first = (await ben.expect_deliveries(1))[0]
        ben.vanish()
        ben = await stage.ben.connect()
        again = (await ben.expect_deliveries(1))[0]
        assert (again.seq, again.number, again.ciphertext) == (first.seq, first.number, first.ciphertext)


async def test_a_resume_point_counts_as_an_acknowledgement(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in (1, 2, 3):
            anna.send(stage.ben.address.user, number)
        await ben.expect_deliveries(3)
        ben.vanish()
        ben = await stage.ben.connect(resume=2)
        assert ben.welcome is not None
        assert ben.welcome.queued == 1
        assert [delivery.seq for delivery in await ben.expect_deliveries(1)] == [3]
        await ben.expect_silence()
