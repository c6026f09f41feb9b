"""D8, D1, D3, D4, D5 between workers: what dies, breaks or is late between two of them is nobody's loss.

Several workers in one process, on a simulated network; tests/faults kills real processes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing

from protocol import (
    Accepted,
    Available,
    Bundles,
    CodeRoute,
    CodeSent,
    Deliver,
    Delivered,
    ErrorCode,
    Failed,
    FetchBundles,
    MessageNumber,
    Presence,
    Read,
    Refused,
    Registered,
    RequestCode,
    Subscribe,
    Typing,
    UserId,
)
from relay import mailboxes
from relay.bus import messages as m
from relay.bus.arrivals import LINE_LIMIT
from relay.bus.peer import HIGH_WATER_BYTES, Peer
from relay.journal import RelayJournal
from relay.mailbox_handle import MailboxHandle, name_of
from storage import Environment
from tests.helpers.device import Device
from tests.helpers.late_journal import LateJournal, late_journal, late_journals
from tests.helpers.several_workers import Resident, SeveralWorkers, open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import registration


@asynccontextmanager
async def open_pair(data: Path, sim: SimNetwork) -> AsyncIterator[tuple[SeveralWorkers, Resident, Resident]]:
    """Anna at worker 0, Ben at worker 1."""
    async with open_workers(data, sim, 2) as node:
        yield node, node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")


async def test_a_message_to_a_user_of_another_worker_is_accepted_delivered_acknowledged_and_read(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (_, anna, ben):
        a, b = await anna.connect(), await ben.connect()
        a.send(ben.address.user, 1, b"hello")
        assert (await a.expect(Accepted)).number == 1
        delivery = await b.expect(Deliver)
        assert (delivery.chat, delivery.ciphertext) == (anna.address, b"hello")
        b.ack(delivery.seq)
        assert (await a.expect(Delivered)).number == 1
        b.say(Read(anna.address, MessageNumber(1)))
        assert (await a.expect(Read)).number == 1


async def test_messages_lost_with_the_link_between_two_workers_are_named_to_their_sender_at_once(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, b = await anna.connect(), await ben.connect()
        await write(a, ben, 1)
        sim.local_latency = 0.01
        for number in (2, 3, 4):
            a.send(ben.address.user, number, b"%d" % number)
        await a.ping()
        node.cut_bus(0, 1)
        refused = await a.expect(Refused)
        assert (refused.number, refused.code, refused.detail) == (4, ErrorCode.OUT_OF_ORDER, 2)
        for number in (2, 3, 4):
            a.send(ben.address.user, number, b"%d" % number)
        await a.expect_accepted(4)
        assert [d.ciphertext for d in await b.expect_deliveries(4)][1:] == [b"2", b"3", b"4"]


async def test_what_is_sent_while_a_worker_is_dead_is_named_when_it_is_back(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        await write(a, ben, 1)
        node.kill(1)
        a.send(ben.address.user, 2)
        await a.expect_silence()
        await node.start(1)
        refused = await a.expect(Refused)
        assert (refused.number, refused.code, refused.detail) == (2, ErrorCode.OUT_OF_ORDER, 2)


async def test_ticks_that_died_with_a_worker_are_told_when_it_is_back_without_being_asked_for(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, b = await anna.connect(), await ben.connect()
        await write(a, ben, 1)
        sim.local_latency = 0.01
        a.send(ben.address.user, 2)
        b.ack((await b.expect_deliveries(2))[-1].seq)
        await b.ping()
        node.kill(1)  # both ticks are durable, and on the way
        assert a.heard(Delivered) == []
        await node.start(1)
        await a.expect_accepted(2)
        assert (await a.expect(Delivered)).number == 2


async def test_a_mailbox_that_dies_owes_senders_of_other_workers_an_answer_too(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        await write(a, ben, 1)
        mailbox = node.worker(1).system.whereis(name_of(ben.address.user))
        assert mailbox is not None
        MailboxHandle(mailbox).crash()
        a.send(ben.address.user, 2)
        await a.ping()
        await trio.testing.wait_all_tasks_blocked()
        event = await a.expect((Accepted, Refused))
        while isinstance(event, Accepted) and event.number < 2:
            event = await a.expect((Accepted, Refused))
        assert event.number == 2


async def test_mailboxes_that_die_with_their_supervisor_owe_it_as_well_although_nobody_starts_them_again(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, worker = await anna.connect(), node.worker(1)
        await write(a, ben, 1)

        def take_and_die(peer: Peer, message: m.Submit) -> None:
            worker.arrivals._submit(peer, message)
            for name in (name_of(ben.address.user), mailboxes.SUPERVISOR_NAME):
                ref = worker.system.whereis(name)
                assert ref is not None
                ref.kill()

        worker.bus.on(m.Submit, take_and_die)
        a.send(ben.address.user, 2)
        refused = await a.expect(Refused)
        assert (refused.number, refused.code, refused.detail) == (2, ErrorCode.OUT_OF_ORDER, 2)


async def test_an_answer_is_not_given_twice_however_often_links_and_mailboxes_die(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """A second one would be taken for the answer to what was sent after the first."""
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        await write(a, ben, 1)
        sim.local_latency = 0.01
        a.send(ben.address.user, 2)
        await a.ping()
        for _ in range(3):
            node.cut_bus(0, 1)
            await trio.sleep(0.005)
            mailbox = node.worker(1).system.whereis(name_of(ben.address.user))
            if mailbox is not None:
                MailboxHandle(mailbox).crash()
            await trio.sleep(0.05)
        await trio.sleep(5)
        accepted = [tick for tick in a.heard(Accepted) if tick.number == 2]
        assert len(a.heard(Refused)) + len(accepted) == 1


async def test_messages_of_a_connection_that_was_replaced_never_reach_the_other_worker_late(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """Held up because the other worker is behind, they would come after those of the new connection."""
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        first, b = await anna.connect(), await ben.connect()
        peer = node.bus(0, 1)
        peer._out_bytes += HIGH_WATER_BYTES  # as if so much were on the way
        first.send(ben.address.user, 1, b"late")
        await trio.testing.wait_all_tasks_blocked()
        assert peer.waiting == 1
        second = await anna.connect()
        peer._out_bytes -= HIGH_WATER_BYTES
        peer.has_taken(peer._taken)
        second.send(ben.address.user, 1, b"in time")
        assert (await b.expect(Deliver)).ciphertext == b"in time"


async def test_a_failure_of_the_disk_reaches_a_sender_that_has_reconnected_since(
    sim: SimNetwork, tmp_path: Path
) -> None:
    make, disks = late_journals(sim)
    async with open_workers(tmp_path, sim, 2, make_journal=make) as node:
        anna, ben = node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")
        a = await anna.connect()
        disks[1].hold()
        a.send(ben.address.user, 1)
        await trio.sleep(0.1)
        a.vanish()
        a = await anna.connect()
        a.send(ben.address.user, 1)  # a duplicate of what will never have been
        await trio.sleep(0.1)
        disks[1].is_full = True
        disks[1].let_go()
        assert await a.expect_error() == ErrorCode.STORAGE_FULL


async def test_a_failure_of_the_disk_reaches_a_sender_although_the_link_was_cut_meanwhile(
    sim: SimNetwork, tmp_path: Path
) -> None:
    make, disks = late_journals(sim)
    async with open_workers(tmp_path, sim, 2, make_journal=make) as node:
        anna, ben = node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")
        a = await anna.connect()
        disks[1].hold()
        a.send(ben.address.user, 1)
        await trio.sleep(0.1)
        node.cut_bus(0, 1)
        await trio.sleep(1)
        disks[1].is_full = True
        disks[1].let_go()
        assert await a.expect_error() == ErrorCode.STORAGE_FULL


async def test_a_message_to_nobody_is_refused_by_the_worker_that_would_know(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (_, anna, ben):
        a = await anna.connect()
        a.send(UserId(ben.address.user + 1), 1)
        assert (await a.expect(Refused)).code == ErrorCode.UNKNOWN_USER


async def test_a_flood_for_one_user_holds_up_nobody_else_and_ends_with_every_message_accepted(
    sim: SimNetwork, tmp_path: Path
) -> None:
    """D7: what does not fit into line and mailbox is lost, and its sender is told when there is room."""
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, carla = await anna.connect(), node.add_user(1, "+491713920003")
        c = await carla.connect()
        mailbox = node.worker(1).system.whereis(name_of(carla.address.user))
        assert mailbox is not None
        count = LINE_LIMIT + 40
        for number in range(1, count + 1):
            a.send(ben.address.user, number)  # not in memory: all stand in line until it is
            if number == count // 2:
                a.send(carla.address.user, 1, b"on time")
        assert (await c.expect(Deliver)).ciphertext == b"on time"
        await resend_until_accepted(a, ben, count)


async def test_a_device_is_registered_by_a_worker_that_has_neither_the_desk_nor_the_user(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 3) as node:
        resident = await node.register(2, "+491713920001", owner=1)
        assert (await resident.connect()).welcome is not None


async def test_a_registration_that_was_cut_short_between_its_two_steps_is_repeated_with_the_same_code(
    sim: SimNetwork, tmp_path: Path
) -> None:
    disks: dict[Path, LateJournal] = {}

    def make(environment: Environment) -> RelayJournal:
        journal, disks[environment.folder] = late_journal(environment, sim)
        return journal

    async with open_workers(tmp_path, sim, 2, make_journal=make) as node:
        number = "+491713920001"
        applicant = await node.stranger(1)
        applicant.say(RequestCode(1, number, CodeRoute.SMS))
        await applicant.expect(CodeSent)
        disks[node.stores[0].own.folder].hold()  # the account is made, the directory is not
        node.draw_users_for(1)
        applicant.say(registration(2, number, node.codes.codes[number]))
        await trio.sleep(0.1)
        node.kill(0)
        assert (await applicant.expect(Failed)).code == ErrorCode.RESTARTING
        await node.start(0)
        await node.until_connected()
        node.draw_users_for(1)
        applicant.say(registration(3, number, node.codes.codes[number]))
        assert (await applicant.expect(Registered)).device == 1


async def test_bundles_come_from_the_owner_and_are_refused_by_name_while_it_is_dead(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        a.say(FetchBundles(1, ben.address.user))
        assert [bundle.device for bundle in (await a.expect(Bundles)).devices] == [1]
        node.kill(1)
        a.say(FetchBundles(2, ben.address.user))
        assert (await a.expect(Failed)).code == ErrorCode.RESTARTING


async def test_typing_crosses_and_is_dropped_where_nobody_is(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_pair(tmp_path, sim) as (_, anna, ben):
        a = await anna.connect()
        a.say(Typing(ben.address.user))
        await a.expect_silence()
        b = await ben.connect()
        a.say(Typing(ben.address.user))
        assert (await b.expect(Typing)).chat == anna.address


async def test_a_chat_partner_at_another_worker_is_seen_to_come_and_go(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, b = await anna.connect(), await ben.connect()
        a.say(Subscribe(ben.address.user))
        assert (await a.expect(Presence)).online == 0
        b.say(Available())
        assert (await a.expect(Presence)).online == 1
        await node.restart(1)
        b = await ben.connect()
        b.say(Available())
        while not (await a.expect(Presence)).online:
            pass


async def test_who_was_online_when_the_worker_died_is_shown_as_gone_once_it_is_back(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a, b = await anna.connect(), await ben.connect()
        b.say(Available())
        await b.ping()
        a.say(Subscribe(ben.address.user))
        assert (await a.expect(Presence)).online == 1
        await node.restart(1)
        presence = await a.expect(Presence)
        assert (presence.chat, presence.online) == (ben.address.user, 0)
        assert presence.last_seen is not None


async def write(device: Device, to: Resident, number: int) -> None:
    """Send a message and wait for its ✓."""
    device.send(to.address.user, number, b"%d" % number)
    await device.expect_accepted(number)


async def resend_until_accepted(device: Device, to: Resident, count: int) -> None:
    """What a phone does with a window as large as the chat."""
    accepted = 0
    while accepted < count:
        event = await device.expect((Accepted, Refused))
        if isinstance(event, Accepted):
            accepted = max(accepted, event.number)
        elif event.number == count and isinstance(event.detail, int):
            for number in range(event.detail, count + 1):
                device.send(to.address.user, number)
