"""D1 to D8 while what groups have brought is settled: whoever has not acknowledged it gets rows for it.

A round of that may meet a full disk, a kill at any step, and mailboxes that are just not there.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Deliver, Delivered, DeviceAddress, UserId
from relay.group.settlement import Settlement
from relay.mailbox_handle import MailboxHandle
from relay.mailboxes import Mailboxes
from relay.status import worker_status
from storage import Op, StorageFullError, mailboxes
from storage.journal import Done
from storage.tables import only_grows
from tests.helpers.club import messages
from tests.helpers.device import Device
from tests.helpers.fan_out_rows import (
    COUNT,
    SETTLED_SECONDS,
    borne,
    founded,
    payloads_of,
    rows_of,
    said,
    say,
)
from tests.helpers.group_village import Village, open_village, with_any_workers
from tests.helpers.late_journal import late_journals
from tests.helpers.several_workers import Resident
from tests.helpers.sim_network import SimNetwork


@with_any_workers
async def test_d6_who_acknowledges_in_time_never_has_a_row_and_who_does_not_gets_one(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, range(1, COUNT + 1))
        for delivery in await b.expect_deliveries(COUNT):
            b.ack(delivery.seq)
        await c.expect_deliveries(COUNT)
        c.ack(4)
        await village.settled()
        assert rows_of(village, village.ben) == rows_of(village, village.carla) == []
        assert borne(village)
        counted = [worker_status(village.node.worker(each))["borne_deliveries"] for each in range(workers)]
        assert sum(counted) == 2 * COUNT
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert worker_status(village.node.worker(0))["borne_deliveries"] == 0
        assert rows_of(village, village.ben) == []
        assert rows_of(village, village.carla) == payloads_of(village) == [5, 6, 7]
        assert [tick.number for tick in a.heard(Delivered)][-1] == 3
        c.ack(7)
        await village.settled()
        assert rows_of(village, village.carla) == payloads_of(village) == []
        assert [tick.number for tick in a.heard(Delivered)][-1] == COUNT


@pytest.mark.parametrize("late_seconds", [0.0, 0.3, 0.9, 1.0, 1.01, 1.02, 1.05, 1.9, 2.0, 2.01, 2.02, 2.05])
async def test_d8_a_worker_may_be_killed_at_any_step_of_settling(
    sim: SimNetwork, tmp_path: Path, late_seconds: float
) -> None:
    make, lates = late_journals(sim)
    async with open_village(tmp_path, sim, 1, make_journal=make) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        lates[0].commit_seconds, lates[0].report_seconds = 0.01, 0.01
        say(village, a, range(1, COUNT + 1))
        await b.expect_deliveries(COUNT)
        b.ack(3)
        c.ack((await c.expect_deliveries(COUNT))[-1].seq)
        await trio.sleep(late_seconds)
        await village.node.restart(0)
        back, carla = await village.ben.connect(resume=3), await village.carla.connect(resume=7)
        assert await messages(back, COUNT - 2) == said(range(3, COUNT + 1))
        back.ack(7)
        await trio.sleep(2 * SETTLED_SECONDS)
        assert back.heard(Deliver) == carla.heard(Deliver) == []
        assert borne(village) == []
        assert rows_of(village, village.ben) == rows_of(village, village.carla) == []


async def test_d2_a_disk_that_is_full_when_rows_are_due_is_waited_for(
    sim: SimNetwork, tmp_path: Path
) -> None:
    make, lates = late_journals(sim)
    async with open_village(tmp_path, sim, 1, make_journal=make) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1, 2])
        b.ack((await b.expect_deliveries(2))[-1].seq)
        await c.expect_deliveries(2)
        await village.settled()
        lates[0].is_full = True
        await trio.sleep(2 * SETTLED_SECONDS)
        assert rows_of(village, village.carla) == []
        assert len(borne(village)) > 0
        lates[0].is_full = False
        await trio.sleep(2 * SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, village.ben) == []
        assert rows_of(village, village.carla) == [2, 3]
        c.vanish()
        again = await village.carla.connect(resume=1)
        assert await messages(again, 2) == said([1, 2])


async def test_d7_who_needs_rows_on_a_disk_without_room_for_them_costs_the_others_nothing(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, lates = late_journals(sim)
    async with open_village(tmp_path, sim, 1, make_journal=make) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        b.ack((await b.expect(Deliver)).seq)
        await c.expect(Deliver)
        await village.settled()
        submit = lates[0].submit

        def submit_with_little_room(ops: Sequence[Op], done: Done) -> None:
            if only_grows(ops):
                raise StorageFullError("a test has left little room")
            submit(ops, done)

        monkeypatch.setattr(village.node.worker(0).journal, "submit", submit_with_little_room)
        await trio.sleep(SETTLED_SECONDS)
        with village.node.stores[0].own.read() as reader:
            cursor = mailboxes.load_device_queue_state(reader, village.ben.address)
        assert (cursor.acked_seq, cursor.next_seq) == (2, 3)
        assert not village.node.worker(0).flights[village.ben.address.user].failed
        assert len(borne(village)) == 1
        monkeypatch.undo()
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, village.carla) == [2]


async def one_message_borne(village: Village) -> Device:
    """Ben and Carla have a message that they have not acknowledged; returns the device that wrote it."""
    a, *others = await founded(village, village.anna, village.ben, village.carla)
    say(village, a, [1])
    for device in others:
        await device.expect(Deliver)
    await village.settled()
    return a


@asynccontextmanager
async def settling_that_waits(village: Village, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resident]:
    """A round that waits, for the length of the block, for the mailbox of the last in a fan-out row.

    As it does while the mailboxes' supervisor starts it again. Yields who comes first.
    """
    residents = {each.address: each for each in (village.ben, village.carla)}
    first, last = (residents[DeviceAddress(*each)] for each in borne(village)[0].devices)
    get, is_back = Mailboxes.get, trio.Event()

    async def get_when_back(mailboxes: Mailboxes, user: UserId) -> MailboxHandle:
        if user == last.address.user:
            await is_back.wait()
        return await get(mailboxes, user)

    with monkeypatch.context() as patch:
        patch.setattr(Mailboxes, "get", get_when_back)
        village.node.worker(0).flights[last.address.user].join()
        village.mailbox_of(last).crash()
        await trio.sleep(SETTLED_SECONDS)
        yield first
        village.node.worker(0).flights[last.address.user].settled(None)
        await trio.testing.wait_all_tasks_blocked()
        is_back.set()
        await village.settled()


async def test_d1_what_comes_from_a_chat_while_settling_waits_for_somebody_else_is_not_overwritten(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a = await one_message_borne(village)
        async with settling_that_waits(village, monkeypatch) as who:
            a.send(who.address.user, 1, b"first")
            await trio.testing.wait_all_tasks_blocked()
        await village.node.restart(0)
        late = await village.anna.connect(resume=2)
        late.send(who.address.user, 2, b"second")
        await village.settled()
        back = await who.connect(resume=1)
        assert await messages(back, 3) == [b"1", b"first", b"second"]


async def test_d8_a_settlement_that_ends_while_it_waits_leaves_nobody_without_rows(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        await one_message_borne(village)
        system = village.node.worker(0).system
        async with settling_that_waits(village, monkeypatch) as who:
            next(ref for ref in system.actors if ref.kind_name == Settlement.__name__).kill()
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(2 * SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, who) == [2]
        await village.node.restart(0)
        back = await who.connect(resume=1)
        assert await messages(back, 1) == said([1])
