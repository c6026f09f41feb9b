"""D2 to D8 for what groups bring to devices that are online: it has no row of its own for a second or two.

In that time anything may happen to whoever has it: a kill, a crash, a message between. How it is settled at
its end: test_groups_settling.py.
"""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Deliver, Delivered, DeviceAddress
from relay import expiry
from relay.group import payload_sweep
from storage import mailboxes
from storage.accounts import NO_DEVICE
from tests.helpers.club import messages
from tests.helpers.fan_out_rows import (
    COUNT,
    SETTLED_SECONDS,
    borne,
    founded,
    linked,
    payloads_of,
    replaced,
    rows_of,
    said,
    say,
)
from tests.helpers.group_village import open_village, with_any_workers
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork


@with_any_workers
@pytest.mark.parametrize("acked", [0, 3, COUNT])
async def test_d8_what_was_borne_when_the_node_was_killed_comes_once_and_in_order(
    sim: SimNetwork, tmp_path: Path, workers: int, acked: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, range(1, COUNT + 1))
        deliveries = await b.expect_deliveries(COUNT)
        await c.expect_deliveries(COUNT)
        stored = deliveries[acked - 1].seq if acked else 1
        b.ack(stored)
        await village.settled()
        for number in range(workers):
            village.node.kill(number)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(workers):
            await village.node.start(number)
        await village.node.until_connected()
        back = await village.ben.connect(resume=stored)
        assert await messages(back, COUNT - acked) == said(range(acked + 1, COUNT + 1))
        late = await village.anna.connect(resume=1)
        say(village, late, [COUNT + 1])
        assert await messages(back, 1) == said([COUNT + 1])
        await trio.sleep(SETTLED_SECONDS)
        assert back.heard(Deliver) == []
        # Carla comes after what was borne for her has become rows.
        assert borne(village) == []
        carla = await village.carla.connect(resume=1)
        deliveries = await carla.expect_deliveries(COUNT + 1)
        assert [each.ciphertext for each in deliveries] == said(range(1, COUNT + 2))
        assert [each.seq for each in deliveries] == list(range(2, COUNT + 3))
        carla.ack(deliveries[-1].seq)
        back.ack(stored + COUNT - acked + 1)
        await village.settled()
        assert [tick.number for tick in late.heard(Delivered)][-1] == COUNT + 1


@with_any_workers
@pytest.mark.parametrize("acked", [1, 4])
async def test_d8_a_mailbox_that_crashes_finds_what_is_borne_for_it(
    sim: SimNetwork, tmp_path: Path, workers: int, acked: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, range(1, COUNT + 1))
        await b.expect_deliveries(COUNT)
        b.ack(acked)
        await village.settled()
        village.mailbox_of(village.ben).crash()
        await village.settled()
        b.vanish()  # nobody takes what it was given on that connection for stored
        await trio.testing.wait_all_tasks_blocked()
        back = await village.ben.connect(resume=acked)
        assert await messages(back, COUNT + 1 - acked) == said(range(acked, COUNT + 1))
        back.ack(7)
        c.ack((await c.expect_deliveries(COUNT))[-1].seq)
        await trio.sleep(SETTLED_SECONDS)
        assert [tick.number for tick in a.heard(Delivered)][-1] == COUNT
        assert rows_of(village, village.ben) == []
        assert borne(village) == []


async def test_d6_acknowledgements_that_are_counted_twice_delete_nothing_that_somebody_waits_for(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_sweep, "ROUND_SECONDS", 5.0)
    async with open_village(tmp_path, sim, 1) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        b.ack((await b.expect(Deliver)).seq)
        assert (await c.expect(Deliver)).gseq == 2
        await village.settled()
        for _ in range(2):  # each successor hears from the connection what was acknowledged
            village.mailbox_of(village.ben).crash()
            await village.settled()
        await trio.sleep(SETTLED_SECONDS)
        c.vanish()
        await trio.sleep(12)
        again = await village.carla.connect(resume=1)
        again.ack((await again.expect(Deliver)).seq)
        await trio.sleep(12)
        assert payloads_of(village) == []


async def test_d8_a_mailbox_that_forgets_the_last_acknowledgement_keeps_what_its_rows_refer_to(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b = await founded(village, village.anna, village.ben)
        say(village, a, [1])
        b.ack((await b.expect(Deliver)).seq)
        await village.settled()
        b.vanish()
        await trio.testing.wait_all_tasks_blocked()
        village.mailbox_of(village.ben).crash()  # nobody tells the successor of the acknowledgement
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, village.ben) == payloads_of(village) == [2]
        back = await village.ben.connect(resume=2)
        say(village, a, [2])
        assert await messages(back, 1) == said([2])


@with_any_workers
async def test_d3_who_comes_back_within_the_second_gets_it_again_and_what_came_meanwhile(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await founded(village, village.anna, village.ben)
        say(village, a, [1, 2])
        await b.expect_deliveries(2)
        b.vanish()
        await village.settled()
        say(village, a, [3])
        await village.settled()
        back = await village.ben.connect(resume=2)
        say(village, a, [4])
        assert await messages(back, 3) == said([2, 3, 4])
        await trio.sleep(SETTLED_SECONDS)
        assert back.heard(Deliver) == []
        assert borne(village) == []


@pytest.mark.parametrize("is_killed", [False, True])
async def test_d3_messages_of_chats_and_groups_keep_their_order_and_their_seqs(
    sim: SimNetwork, tmp_path: Path, is_killed: bool
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b = await founded(village, village.anna, village.ben)
        say(village, a, [1])
        await village.settled()
        a.send(village.ben.address.user, 1)
        await village.settled()
        say(village, a, [2])
        seqs = [each.seq for each in await b.expect_deliveries(3)]
        assert seqs == [2, 3, 4]
        await village.settled()
        if is_killed:
            await village.node.restart(0)
        else:
            b.vanish()
            await trio.sleep(SETTLED_SECONDS)
        back = await village.ben.connect(resume=1)
        again = await back.expect_deliveries(3)
        assert [each.seq for each in again] == seqs
        assert [each.gseq for each in again] == [2, None, 3]


async def test_d5_a_group_that_begins_anew_is_told_again_what_it_was_told_before_that_was_durable(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        b.ack((await b.expect(Deliver)).seq)
        await village.settled()
        village.group().crash()
        await village.settled()
        c.ack((await c.expect(Deliver)).seq)
        await village.settled()
        assert a.heard(Delivered) == []  # Ben's word was lost with the group
        await trio.sleep(SETTLED_SECONDS)
        assert [tick.number for tick in a.heard(Delivered)] == [1]


@pytest.mark.parametrize("is_killed", [False, True])
async def test_d2_a_number_that_is_registered_anew_meanwhile_begins_without_what_was_borne(
    sim: SimNetwork, tmp_path: Path, is_killed: bool
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b, _ = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1, 2])
        await b.expect_deliveries(2)
        b.ack(2)
        await village.settled()
        again = await replaced(village, village.ben)
        say(village, a, [3])
        await village.settled()
        if is_killed:
            await village.node.restart(0)
        back = await again.connect()
        assert await messages(back, 1) == said([3])
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert back.heard(Deliver) == []
        assert rows_of(village, village.ben) == []


async def test_d2_each_device_of_a_user_gets_the_rest_of_what_was_borne_after_a_kill(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        tablet, watch = linked(village, village.ben), linked(village, village.ben)
        a, b = await village.found(village.anna, village.ben)
        t = await tablet.connect()
        t.ack((await t.expect(Deliver)).seq)
        await trio.sleep(SETTLED_SECONDS)
        say(village, a, range(1, COUNT + 1))
        await b.expect_deliveries(COUNT)
        b.ack(3)
        await t.expect_deliveries(COUNT)
        t.ack(5)
        await village.settled()
        await village.node.restart(0)
        back, t = await village.ben.connect(resume=3), await tablet.connect(resume=5)
        assert await messages(back, COUNT - 2) == said(range(3, COUNT + 1))
        assert await messages(t, COUNT - 4) == said(range(5, COUNT + 1))
        back.ack(COUNT + 1)
        t.ack(COUNT + 1)
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, village.ben) == rows_of(village, tablet) == []
        assert rows_of(village, watch) == list(range(1, COUNT + 2))
        late = await watch.connect()
        assert [each.seq for each in await late.expect_deliveries(COUNT + 1)] == list(range(1, COUNT + 2))


async def test_d7_an_account_that_goes_keeps_no_fan_out_row(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        await b.expect(Deliver)
        await c.expect(Deliver)
        await village.mailbox_of(village.ben).remove_account(NO_DEVICE)
        await trio.sleep(SETTLED_SECONDS)
        assert borne(village) == []
        assert rows_of(village, village.carla) == [2]


async def test_d2_what_expires_while_it_is_borne_is_not_delivered_later(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "ROUND_SECONDS", 5.0)
    clock = SettableClock()
    async with open_village(tmp_path, sim, 1, clock=clock) as village:
        a, b = await founded(village, village.anna, village.ben)
        say(village, a, [1])
        await b.expect(Deliver)
        await village.settled()
        clock.time += 31 * 86_400
        await village.node.restart(0)
        back = await village.ben.connect(resume=1)
        await trio.sleep(12)
        assert back.heard(Deliver) == []
        assert borne(village) == []
        assert rows_of(village, village.ben) == []
        late = await village.anna.connect(resume=1)
        say(village, late, [2])
        assert await messages(back, 1) == said([2])


async def test_d2_whoever_is_removed_meanwhile_is_no_reason_to_keep_anything(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b = await founded(village, village.anna, village.ben)
        say(village, a, [1])
        await b.expect(Deliver)
        await village.settled()
        await village.club.append(a, village.club.remove(village.anna.address, village.ben.address.user))
        b.ack((await b.expect(Deliver)).seq)
        await trio.sleep(SETTLED_SECONDS)
        with village.node.stores[0].own.read() as reader:
            cursor = mailboxes.load_device_queue_state(
                reader, DeviceAddress(village.ben.address.user, village.ben.address.device)
            )
        assert borne(village) == []
        assert (cursor.next_seq, cursor.acked_seq, cursor.messages) == (4, 3, 0)
