"""Connections that go on at the worker that owns their user: two real workers on one simulated network."""

import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.network import Network
from actors.ports import system_entropy
from actors.reactor import open_reactor
from client.relay_url import parse_relay_url
from protocol import (
    CodeRoute,
    CodeSent,
    ErrorCode,
    KeyPair,
    MessageNumber,
    Registered,
    RequestCode,
    Send,
    UserId,
    Welcome,
)
from protocol.slots import owner_of, slot_of
from relay.handover import Moving
from relay.worker import Phase, Worker
from storage import InlineJournal, accounts
from storage.tables import Family, of_family
from tests.helpers.device import Device, address_of, connect
from tests.helpers.real_node import RealNode, running_node
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.several_workers import Resident, SeveralWorkers, open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import registration

ANNA, BEN = "+491713920001", "+491713920002"


@pytest.fixture
async def node(tmp_path: Path, sim: SimNetwork, autojump_clock: MockClock) -> AsyncIterator[SeveralWorkers]:
    async with open_workers(tmp_path, sim, 2) as node:
        yield node


async def dial(node: SeveralWorkers, accepting: int, keys: KeyPair, *, xx: bool = False) -> Device:
    """A device on the line of a certain worker, before anybody has said anything but hello."""
    running = node.running[accepting]
    assert running is not None
    link = await node.sim.connect("127.0.0.1", running.port.port)
    device = Device(link, keys, None if xx else running.worker.static.public)
    link.activate(device)
    device.flush()
    return device


def is_idle(worker: Worker) -> bool:
    """Whether a worker has nothing left of any connection."""
    return worker.presence.connection_count == worker.presence.handshakes == 0


@pytest.mark.parametrize("accepting", [0, 1])
@pytest.mark.parametrize("owner", [0, 1])
async def test_a_device_is_logged_in_where_its_user_lives_whoever_accepts_it(
    node: SeveralWorkers, autojump_clock: MockClock, accepting: int, owner: int
) -> None:
    anna = node.add_user(owner, ANNA)
    device = await anna.connect(through=accepting)
    assert address_of(device) == anna.address
    assert node.worker(owner).presence.of_device(anna.address) is not None
    assert is_idle(node.worker(1 - owner))
    assert node.handovers.moved == ([] if accepting == owner else [(accepting, owner)])


@pytest.mark.parametrize("xx", [True, False], ids=["XX", "IK"])
@pytest.mark.parametrize("segment", [1, 7, 16_384])
async def test_what_comes_right_behind_the_handshake_is_heard_once_at_the_owner(
    node: SeveralWorkers, autojump_clock: MockClock, xx: bool, segment: int
) -> None:
    node.sim.segment_bytes = segment
    anna, ben = node.add_user(1, ANNA), node.add_user(1, BEN)
    device = await dial(node, 0, anna.keys, xx=xx)
    while not device.channel.may_send[device.channel.state]:
        await trio.lowlevel.checkpoint()
    device.send(ben.address.user, 1)
    device.send(ben.address.user, 2)
    await device.expect(Welcome)
    await device.expect_accepted(2)
    owner = node.worker(1)
    assert (owner.counters.accepted, owner.counters.duplicates) == (2, 0)
    assert node.worker(0).counters.accepted == 0


async def test_both_sides_count_the_connection_right(node: SeveralWorkers, autojump_clock: MockClock) -> None:
    device = await node.add_user(1, ANNA).connect(through=0)
    accepting, owner = node.worker(0), node.worker(1)
    assert accepting.presence.handshakes == owner.presence.handshakes == 0
    assert (accepting.presence.connection_count, owner.presence.connection_count) == (0, 1)
    assert (accepting.counters.connections_opened, owner.counters.connections_opened) == (1, 0)
    assert (accepting.counters.handed_over, owner.counters.taken_over) == (1, 1)
    assert (accepting.counters.handshakes, owner.counters.logins) == (1, 1)
    device.close()
    await device.expect_end()
    await wait_all_tasks_blocked()
    assert accepting.counters.connections_closed == {}
    assert owner.counters.connections_closed == {"eof": 1}
    assert is_idle(owner)


async def test_the_log_says_once_that_a_connection_is_closed(
    node: SeveralWorkers, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="roost.relay"):
        device = await node.add_user(1, ANNA).connect(through=0)
        device.close()
        await device.expect_end()
        await wait_all_tasks_blocked()
    closed = [record for record in caplog.records if record.message == "connection_closed"]
    assert [record.__dict__["reason"] for record in closed] == ["eof"]


async def test_a_newer_connection_replaces_an_older_one_whoever_accepted_them(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    anna = node.add_user(1, ANNA)
    first = await anna.connect(through=0)
    second = await anna.connect(through=1)
    assert await first.expect_error() == ErrorCode.REPLACED
    third = await anna.connect(through=0)
    assert await second.expect_error() == ErrorCode.REPLACED
    await third.expect_silence()


async def test_the_resume_point_of_the_handshake_is_acted_on_at_the_owner(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    anna, ben = node.add_user(1, ANNA), node.add_user(1, BEN)
    sender = await ben.connect()
    for number in (1, 2, 3):
        sender.send(anna.address.user, number)
    await sender.expect_accepted(3)
    device = await anna.connect(resume=2, through=0)
    (delivery,) = await device.expect_deliveries(1)
    assert delivery.seq == 3
    await device.expect_silence()


@pytest.mark.parametrize("through", [0, 1])
@pytest.mark.parametrize("owner", [0, 1])
async def test_a_stranger_registers_at_any_worker_and_goes_on_at_its_own(
    node: SeveralWorkers, autojump_clock: MockClock, through: int, owner: int
) -> None:
    device = await node.stranger(through)
    device.say(RequestCode(1, ANNA, CodeRoute.SMS))
    await device.expect(CodeSent)
    node.draw_users_for(owner)
    device.say(registration(2, ANNA, node.codes.codes[ANNA]))
    registered = await device.expect(Registered)
    welcome = await device.expect(Welcome)
    assert (welcome.user, welcome.device) == (registered.user, registered.device)
    assert [node.worker(number).presence.device_count for number in (owner, 1 - owner)] == [1, 0]
    assert is_idle(node.worker(1 - owner))
    await device.expect_silence()


# --- What goes wrong on the way ---


async def test_an_owner_that_is_dead_makes_the_device_come_again(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    anna = node.add_user(1, ANNA)
    node.kill(1)
    device = await dial(node, 0, anna.keys)
    assert await device.expect_error() == ErrorCode.RESTARTING
    await wait_all_tasks_blocked()
    assert is_idle(node.worker(0))
    assert node.worker(0).counters.connections_closed == {"restarting": 1}
    await node.start(1)
    await (await anna.connect(through=0)).expect_silence()


async def test_the_death_of_the_accepting_worker_is_nothing_to_a_connection_that_has_moved(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    device = await node.add_user(1, ANNA).connect(through=0)
    node.kill(0)
    await device.expect_silence()


async def test_an_owner_without_room_says_so(
    tmp_path: Path, sim: SimNetwork, autojump_clock: MockClock
) -> None:
    async with open_workers(tmp_path, sim, 2, config=replace(TEST_CONFIG, max_connections=1)) as node:
        anna, ben = node.add_user(1, ANNA), node.add_user(1, BEN)
        await ben.connect()
        device = await dial(node, 0, anna.keys)
        assert await device.expect_error() == ErrorCode.OVERLOADED
        assert node.worker(1).presence.connection_count == 1


async def test_an_owner_that_drains_takes_nobody_over(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    anna = node.add_user(1, ANNA)
    running = node.running[1]
    assert running is not None
    running.worker.phase = Phase.DRAINING
    await running.root.stop()
    device = await dial(node, 0, anna.keys)
    assert await device.expect_error() == ErrorCode.RESTARTING


def log_out(node: SeveralWorkers, resident: Resident) -> None:
    """Take a device's key out of the directory, as a registration of its number elsewhere does."""
    with node.stores[resident.owner].own.read() as reader:
        record = accounts.load_device(reader, resident.address)
    assert record is not None
    gone = of_family(accounts.remove_device(resident.address, record), Family.DIRECTORY)
    InlineJournal(node.stores[0].own).submit(gone, lambda error: None)


async def test_a_device_that_was_logged_out_on_the_way_hears_so(
    node: SeveralWorkers, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = node.add_user(1, ANNA)
    port = node.worker(0).handover
    give = port.give

    def give_late(owner: int, moving: Moving, refused: object) -> None:
        log_out(node, anna)
        give(owner, moving, refused)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(port, "give", give_late)
    device = await dial(node, 0, anna.keys)
    assert await device.expect_error() == ErrorCode.LOGGED_OUT


async def test_a_peer_that_leaves_while_it_is_moved_costs_nothing(
    node: SeveralWorkers, autojump_clock: MockClock
) -> None:
    anna = node.add_user(1, ANNA)
    for turns in range(12):
        device = await dial(node, 0, anna.keys)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        device.vanish()
    await trio.sleep(60)
    assert is_idle(node.worker(0))
    assert is_idle(node.worker(1))
    assert all(link.is_local for link in node.sim.links)


async def test_a_restarted_takeover_goes_on_taking(node: SeveralWorkers, autojump_clock: MockClock) -> None:
    anna = node.add_user(1, ANNA)
    (takeover,) = [ref for ref in node.worker(1).system.actors if ref.kind_name == "Takeover"]
    takeover.kill()
    await takeover.wait_stopped(5)
    await (await anna.connect(through=0)).expect_silence()


# --- Between real processes ---


def counted(node: RealNode, name: str) -> float:
    """The sum of a figure over all workers."""
    with urllib.request.urlopen(node.admin + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def register_for_real(node: RealNode, network: Network, keys: KeyPair) -> UserId:
    device = await connect(network, parse_relay_url(node.relay).port, keys)
    device.say(RequestCode(1, ANNA, CodeRoute.SMS))
    await device.expect(CodeSent)
    device.say(registration(2, ANNA, node.newest_code()))
    registered = await device.expect(Registered)
    await device.expect(Welcome)
    device.close()
    await device.expect_end()
    return registered.user


@pytest.mark.slow
async def test_connections_move_between_real_processes_and_leave_no_descriptor_behind(tmp_path: Path) -> None:
    keys = KeyPair.generate(system_entropy)
    with running_node(tmp_path, sms="console", workers=2) as node:
        async with open_reactor() as network:
            url = parse_relay_url(node.relay)
            await register_for_real(node, network, keys)
            before = [descriptors_of(pid) for pid in node.workers]
            for number in range(1, 25):
                device = await connect(network, url.port, keys, relay_key=url.key)
                note_to_self = Send(address_of(device).user, MessageNumber(number), ())
                device.say(note_to_self)  # which no other device is to get
                await device.expect_accepted(number)
                device.close()
                await device.expect_end()
            moved = counted(node, "roost_connections_handed_over_total")
            assert 0 < moved < 25  # the kernel chooses who accepts
            assert moved == counted(node, "roost_connections_taken_over_total")
            with trio.fail_after(60):
                # A link that said goodbye may linger, and workers open each other's stores late.
                while sum(map(descriptors_of, node.workers)) > sum(before) + 2 + 2 * 2:  # noqa: ASYNC110
                    await trio.sleep(0.05)


@pytest.mark.slow
async def test_with_the_owner_killed_a_device_is_sent_away_and_comes_back(tmp_path: Path) -> None:
    keys = KeyPair.generate(system_entropy)
    with running_node(tmp_path, sms="console", workers=2) as node:
        async with open_reactor() as network:
            url = parse_relay_url(node.relay)
            user = await register_for_real(node, network, keys)
            os.kill(node.workers[owner_of(slot_of(user), 2)], signal.SIGKILL)
            welcomes = 0
            with trio.fail_after(150):
                while welcomes < 8:
                    try:
                        device = await connect(network, url.port, keys, relay_key=url.key)
                    except (AssertionError, trio.TooSlowError):  # what a phone does then is to come again
                        await trio.sleep(0.05)
                        continue
                    await device.expect_silence()
                    device.close()
                    await device.expect_end()
                    welcomes += 1
