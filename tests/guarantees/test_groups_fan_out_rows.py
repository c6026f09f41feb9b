"""D2 to D8 for what groups bring to devices that are online: it has no row of its own for a second or two.

In that time anything may happen to whoever has it: a kill, a crash, a full disk, a message between.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Deliver, Delivered, DeviceAddress, GroupSeq, KeyPair, UserId
from relay import expiry
from relay.group import payload_sweep
from relay.group.settlement import Settlement
from relay.mailbox_handle import MailboxHandle
from relay.mailbox_handle import name_of as mailbox_name
from relay.mailboxes import Mailboxes
from relay.status import worker_status
from storage import Op, StorageFullError, accounts, fanouts, mailboxes, payloads
from storage.accounts import NO_DEVICE
from storage.fanouts import Fanout
from storage.journal import Done
from storage.tables import only_grows
from tests.helpers.club import messages
from tests.helpers.device import Device
from tests.helpers.group_village import Village, open_village, with_any_workers
from tests.helpers.late_journal import late_journals
from tests.helpers.relay_node import SettableClock
from tests.helpers.several_workers import Resident, commit
from tests.helpers.sim_network import SimNetwork

SETTLED_SECONDS = 3.0
"""After which devices that have not acknowledged have rows of their own, and fan-out rows are gone."""

COUNT = 6


def borne(village: Village) -> list[Fanout]:
    """The fan-out rows on all disks."""
    found: list[Fanout] = []
    for store in village.node.stores:
        with store.own.read() as reader:
            found += fanouts.all_fanouts(reader)
    return found


def rows_of(village: Village, who: Resident) -> list[int]:
    """The gseqs of what has a row of its own for a device."""
    with village.node.stores[who.owner].own.read() as reader:
        return [each.number for _, each in mailboxes.read_range(reader, who.address, 0, 99)]


def payloads_of(village: Village) -> list[GroupSeq]:
    found: list[GroupSeq] = []
    for store in village.node.stores:
        with store.own.read() as reader:
            found += [gseq for _, gseq in payloads.payloads_after(reader, None, 99)]
    return found


def say(village: Village, device: Device, numbers: Sequence[int]) -> None:
    for number in numbers:
        village.club.send(device, number, b"%d" % number)


def said(numbers: Sequence[int]) -> list[bytes]:
    return [b"%d" % number for number in numbers]


def crash_mailbox(village: Village, who: Resident) -> None:
    ref = village.node.worker(who.owner).system.whereis(mailbox_name(who.address.user))
    assert ref is not None
    MailboxHandle(ref).crash()


async def replaced(village: Village, who: Resident) -> Resident:
    """A new device in the place of all that somebody has."""
    ref = village.node.worker(who.owner).system.whereis(mailbox_name(who.address.user))
    assert ref is not None
    with village.node.stores[who.owner].own.read() as reader:
        account, old = accounts.load_user(reader, who.address.user), accounts.load_device(reader, who.address)
    assert account is not None
    assert old is not None
    keys = KeyPair.generate(village.node.entropy)
    record = replace(old, static_key=keys.public)
    address, _, added = accounts.add_device(who.address.user, account, record)
    gone = accounts.remove_device(who.address, old)
    await MailboxHandle(ref).replace_devices(address.device, [*gone, *added])
    return Resident(village.node, who.number, keys, address)


def linked(village: Village, who: Resident) -> Resident:
    """One more device of somebody whose mailbox is not in memory yet."""
    own = village.node.stores[who.owner].own
    with own.read() as reader:
        account, first = (
            accounts.load_user(reader, who.address.user),
            accounts.load_device(reader, who.address),
        )
    assert account is not None
    assert first is not None
    keys = KeyPair.generate(village.node.entropy)
    address, _, ops = accounts.add_device(who.address.user, account, replace(first, static_key=keys.public))
    commit(own, ops)
    return Resident(village.node, who.number, keys, address)


async def founded(village: Village, *members: Resident) -> list[Device]:
    """The group is there, and nothing of its founding is borne any more."""
    devices = await village.found(*members)
    await trio.sleep(SETTLED_SECONDS)
    assert borne(village) == []
    return devices


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
        crash_mailbox(village, village.ben)
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
            crash_mailbox(village, village.ben)
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
        crash_mailbox(village, village.ben)  # nobody tells the successor of the acknowledgement
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


async def test_d7_an_account_that_goes_keeps_no_fan_out_row(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_village(tmp_path, sim, 1) as village:
        a, b, c = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        await b.expect(Deliver)
        await c.expect(Deliver)
        ref = village.node.worker(0).system.whereis(mailbox_name(village.ben.address.user))
        assert ref is not None
        await MailboxHandle(ref).remove_account(NO_DEVICE)
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
        crash_mailbox(village, last)
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
        a, *others = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        for device in others:
            await device.expect(Deliver)
        await village.settled()
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
        a, *others = await founded(village, village.anna, village.ben, village.carla)
        say(village, a, [1])
        for device in others:
            await device.expect(Deliver)
        await village.settled()
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
