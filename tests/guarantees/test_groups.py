"""D1 to D8 in groups: what holds for messages to one holds for messages to many, with one worker and two.

Several workers in one process, on a simulated network and under a virtual clock, as in test_d8_workers.py.
Anna and Ben belong to worker 0, Carla and Dora to the last one, where the group lives as well.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actors.ports import Clock, system_clock
from protocol import (
    Accepted,
    Deliver,
    Delivered,
    ErrorCode,
    Failed,
    FetchGroupProgress,
    FetchJoinRequests,
    FetchLog,
    FetchProgress,
    GroupProgress,
    GroupTicks,
    JoinAsked,
    JoinRequest,
    JoinRequested,
    JoinRequests,
    Log,
    MemberAddress,
    MessageNumber,
    Paused,
    Progresses,
    Read,
    Refused,
    RequestJoin,
    Typing,
    UserId,
)
from protocol.membership import Invite, Leave, Settings
from protocol.slots import first_user_of, slots_of
from relay.config import Config
from relay.group.groups import Groups
from relay.group.handle import GroupHandle, name_of
from relay.journal import RelayJournal
from relay.mailbox_handle import MailboxHandle
from relay.mailbox_handle import name_of as mailbox_name
from storage import Environment, groups, payloads
from tests.helpers.club import Club, messages
from tests.helpers.device import Device
from tests.helpers.late_journal import LateJournal, late_journal
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.several_workers import Resident, SeveralWorkers, commit_at_once, open_workers
from tests.helpers.sim_network import SimNetwork, open_sim_network

with_any_workers = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
async def sim(autojump_clock: MockClock) -> AsyncIterator[SimNetwork]:
    async with open_sim_network() as network:
        yield network


@dataclass
class Village:
    """A node, four people, and a group of them that exists once `found` was called."""

    node: SeveralWorkers
    club: Club
    anna: Resident
    ben: Resident
    carla: Resident
    dora: Resident

    @property
    def home(self) -> int:
        """The worker at which the group lives."""
        return len(self.node.stores) - 1

    def group(self) -> GroupHandle:
        """The group's actor, which is in memory."""
        handle = Groups(self.node.worker(self.home)).running(self.club.group)
        assert handle is not None
        return handle

    async def found(self, *members: Resident) -> list[Device]:
        """Anna begins the group; the members, all connected, have acknowledged that."""
        devices = [await member.connect() for member in members]
        await self.club.append(
            devices[0], self.club.create(members[0].address, [each.address.user for each in members])
        )
        for device in devices:
            device.ack((await device.expect(Deliver)).seq)
        await self.settled()
        return devices

    async def settled(self) -> None:
        """Wait until nothing is on its way any more; ticks wait a moment for others."""
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.1)
        await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def open_village(
    data: Path,
    sim: SimNetwork,
    workers: int,
    *,
    config: Config = TEST_CONFIG,
    clock: Clock = system_clock,
    make_journal: Callable[[Environment], RelayJournal] = commit_at_once,
) -> AsyncIterator[Village]:
    async with open_workers(
        data, sim, workers, config=config, clock=clock, make_journal=make_journal
    ) as node:
        last = workers - 1
        club = Club(first_user_of(slots_of(last, workers)[0]) + 77)
        people = [
            node.add_user(owner, f"+49171392000{place}") for place, owner in enumerate((0, 0, last, last))
        ]
        yield Village(node, club, *people)


# ---- D1: accepted means durable ----


@with_any_workers
async def test_d1_a_message_is_ticked_only_when_it_is_on_the_disk_of_the_group(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    lates: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        lates.append(late)
        return journal

    async with open_village(tmp_path, sim, workers, make_journal=make) as village:
        a, b = await village.found(village.anna, village.ben)
        lates[village.home].hold()
        village.club.send(a, 1)
        await a.expect_silence()
        assert b.heard(Deliver) == []
        lates[village.home].let_go()
        await a.expect_accepted(1)
        assert await messages(b, 1) == [b"sealed"]


@with_any_workers
async def test_d1_what_the_disk_has_no_room_for_is_refused_and_taken_when_there_is(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    lates: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        lates.append(late)
        return journal

    async with open_village(tmp_path, sim, workers, make_journal=make) as village:
        a, b = await village.found(village.anna, village.ben)
        lates[village.home].is_full = True
        village.club.send(a, 1)
        assert (await a.expect(Refused)).code == ErrorCode.STORAGE_FULL
        lates[village.home].is_full = False
        await trio.sleep(1)
        village.club.send(a, 1)
        await a.expect_accepted(1)
        assert await messages(b, 1) == [b"sealed"]


async def test_d1_what_was_accepted_waits_until_the_members_worker_has_room(
    sim: SimNetwork, tmp_path: Path
) -> None:
    lates: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        lates.append(late)
        return journal

    async with open_village(tmp_path, sim, 2, make_journal=make) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        lates[0].is_full = True
        for number in (1, 2):
            village.club.send(a, number, b"%d" % number)
        await a.expect_accepted(2)
        assert await messages(c, 2) == [b"1", b"2"]
        await trio.sleep(20)
        assert b.heard(Deliver) == []
        lates[0].is_full = False
        with trio.fail_after(60):
            while not b.heard(Deliver):  # noqa: ASYNC110
                await trio.sleep(1)
        assert await messages(b, 2) == [b"1", b"2"]
        await trio.sleep(20)
        assert b.heard(Deliver) == []


# ---- D2, D6: to every device, until it has acknowledged ----


@with_any_workers
async def test_d2_everybody_gets_it_once_whether_online_or_not(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        everybody = (village.anna, village.ben, village.carla, village.dora)
        a, b, c, d = await village.found(*everybody)
        d.vanish()
        village.club.send(a, 1, b"one")
        village.club.send(a, 2, b"two")
        await a.expect_accepted(2)
        assert await messages(b, 2) == await messages(c, 2) == [b"one", b"two"]
        again = await village.dora.connect()
        first, second = await again.expect_deliveries(2)
        assert (first.ciphertext, second.ciphertext) == (b"one", b"two")
        assert first.chat == MemberAddress(village.club.group, *village.anna.address)
        assert (first.gseq, second.gseq, first.number, first.is_entry) == (2, 3, 1, None)
        assert first.accepted_at is not None
        assert a.heard(Deliver) == []


@with_any_workers
async def test_d6_a_payload_is_there_once_and_goes_with_the_last_acknowledgement(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        a.ack(1)
        village.club.send(a, 1)
        at_b, at_c = await b.expect(Deliver), await c.expect(Deliver)
        environment = village.node.stores[0].own
        with environment.read() as reader:
            assert payloads.payloads_after(reader, None, 9) == [(village.club.group, 2)]
        b.ack(at_b.seq)
        await village.settled()
        with environment.read() as reader:
            assert bool(payloads.payloads_after(reader, None, 9)) == (workers == 1)
        c.ack(at_c.seq)
        await village.settled()
        for store in village.node.stores:
            with store.own.read() as reader:
                assert payloads.payloads_after(reader, None, 9) == []
                assert list(groups.groups_with_items(reader)) == []


# ---- D3: one order for all ----


@with_any_workers
async def test_d3_all_members_get_the_timeline_in_one_order(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        members = (village.anna, village.ben, village.carla, village.dora)
        a, b, c, d = await village.found(*members)
        for number in range(1, 6):
            village.club.send(a, number, b"a%d" % number)
            village.club.send(c, number, b"c%d" % number)
        await a.expect_accepted(5)
        await c.expect_accepted(5)
        await village.club.append(a, village.club.remove(village.anna.address, village.dora.address.user))
        at_b = await b.expect_deliveries(11)
        assert sorted(each.gseq or 0 for each in at_b) == [each.gseq for each in at_b] == list(range(2, 13))
        at_d = await d.expect_deliveries(11)
        assert [each.gseq for each in at_d] == [each.gseq for each in at_b]
        assert [each.ciphertext for each in at_d] == [each.ciphertext for each in at_b]


@with_any_workers
async def test_d3_a_number_that_is_skipped_is_refused_and_a_repeated_one_is_ticked_again(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.found(village.anna, village.ben)
        village.club.send(a, 2)
        refused = await a.expect(Refused)
        assert (refused.chat, refused.code, refused.detail) == (village.club.chat, ErrorCode.OUT_OF_ORDER, 1)
        for _ in range(2):
            village.club.send(a, 1)
            accepted = await a.expect(Accepted)
            assert (accepted.chat, accepted.number) == (village.club.chat, 1)
        await messages(b, 1)
        await village.settled()
        assert b.heard(Deliver) == []


# ---- who is in, who is out ----


@with_any_workers
async def test_a_removed_member_gets_the_removal_and_nothing_after_it(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        await village.club.append(a, village.club.remove(village.anna.address, village.carla.address.user))
        village.club.send(a, 1, b"without her")
        assert await messages(b, 1) == [b"without her"]
        last = await c.expect(Deliver)
        assert (last.is_entry, last.number, last.ciphertext) == (1, 2, village.club.entries[-1])
        await village.settled()
        assert c.heard(Deliver) == []
        village.club.send(c, 1)
        assert (await c.expect(Refused)).code == ErrorCode.NOT_A_MEMBER
        c.say(FetchLog(5, village.club.group, 0))
        assert (await c.expect(Failed)).code == ErrorCode.NOT_A_MEMBER


@with_any_workers
async def test_a_new_member_gets_what_follows_their_joining(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.found(village.anna, village.ben)
        c = await village.carla.connect()
        village.club.send(a, 1, b"before")
        await a.expect_accepted(1)
        await village.club.append(a, village.club.add(village.anna.address, village.carla.address.user))
        village.club.send(a, 2, b"after")
        assert (await c.expect(Deliver)).is_entry
        assert await messages(c, 1) == [b"after"]
        c.say(FetchLog(5, village.club.group, 0))
        log = await c.expect(Log)
        assert (list(log.entries), log.next) == (village.club.entries, 2)
        assert await messages(b, 2) == [b"before", b"after"]


@with_any_workers
async def test_a_message_from_before_somebody_left_is_refused_with_the_newest_entry(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, _, c = await village.found(village.anna, village.ben, village.carla)
        await village.club.append(a, village.club.remove(village.anna.address, village.ben.address.user))
        village.club.send(c, 1, epoch=0)
        refused = await c.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.STALE_MEMBERS, 1)
        village.club.send(c, 1)
        await c.expect_accepted(1)


@with_any_workers
async def test_the_relay_takes_only_entries_that_phones_would_take(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.found(village.anna, village.ben)
        club, dora = village.club, village.dora.address.user
        answer = await club.refused(b, club.add(village.ben.address, dora))
        assert answer.code == ErrorCode.NOT_ALLOWED
        assert (await club.refused(b, club.add(village.anna.address, dora))).code == ErrorCode.BAD_ENTRY
        moved = await club.refused(a, club.sign(village.anna.address, Leave(), index=0))
        assert (moved.code, moved.detail) == (ErrorCode.LOG_MOVED, 1)
        assert (
            await club.refused(a, club.add(village.anna.address, UserId(99)))
        ).code == ErrorCode.UNKNOWN_USER
        assert (await club.refused(a, b"junk")).code == ErrorCode.BAD_ENTRY
        taken = Club(village.club.group)
        again = await taken.refused(b, taken.create(village.ben.address, [village.ben.address.user]))
        assert again.code == ErrorCode.ALREADY_THERE
        users = Club(village.carla.address.user)
        clash = await users.refused(b, users.create(village.ben.address, [village.ben.address.user]))
        assert clash.code == ErrorCode.ALREADY_THERE


# ---- D5: ticks ----


@with_any_workers
async def test_d5_a_message_is_delivered_when_all_have_it_and_read_when_all_have_read_it(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        village.club.send(a, 1)
        at_b, at_c = await b.expect(Deliver), await c.expect(Deliver)
        b.ack(at_b.seq)
        await village.settled()
        assert a.heard(Delivered) == []
        c.ack(at_c.seq)
        ticked = await a.expect(Delivered)
        assert (ticked.chat, ticked.number) == (village.club.chat, 1)
        assert at_b.gseq is not None
        b.say(Read(village.club.chat, at_b.gseq))
        await village.settled()
        assert a.heard(Read) == []
        a.say(FetchGroupProgress(9, village.club.group, MessageNumber(1)))
        progress = await a.expect(GroupProgress)
        here = {member.user: (member.delivered, member.read) for member in progress.members}
        assert progress.gseq == at_b.gseq
        assert here == {
            village.ben.address.user: (at_b.gseq, at_b.gseq),
            village.carla.address.user: (at_b.gseq, 0),
        }
        c.say(Read(village.club.chat, at_b.gseq))
        blue = await a.expect(Read)
        assert (blue.chat, blue.number) == (village.club.chat, 1)


@with_any_workers
async def test_d5_whoever_leaves_holds_nobodys_ticks_up_any_more(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, _ = await village.found(village.anna, village.ben, village.carla)
        village.club.send(a, 1)
        b.ack((await b.expect(Deliver)).seq)
        await village.settled()
        assert a.heard(Delivered) == []
        await village.club.append(a, village.club.remove(village.anna.address, village.carla.address.user))
        assert (await a.take(Delivered)).number == 1


@with_any_workers
async def test_d5_ticks_that_were_told_to_nobody_are_found_by_whoever_comes_back(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.found(village.anna, village.ben)
        village.club.send(a, 1)
        await a.expect_accepted(1)
        a.vanish()
        b.ack((await b.expect(Deliver)).seq)
        await village.settled()
        again = await village.anna.connect()
        again.say(FetchProgress(4, (), (village.club.group,)))
        progresses = await again.expect(Progresses)
        assert progresses.groups == (
            GroupTicks(village.club.group, MessageNumber(1), MessageNumber(1), MessageNumber(0)),
        )


# ---- D7: neighbours ----


@with_any_workers
async def test_d7_a_member_that_reads_nothing_costs_the_others_nothing(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    config = replace(TEST_CONFIG, window_messages=4, max_queued_messages=8)
    async with open_village(tmp_path, sim, workers, config=config) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        for number in range(1, 31):
            village.club.send(a, number, b"%d" % number)
            delivery = await b.expect(Deliver)
            assert delivery.ciphertext == b"%d" % number
            b.ack(delivery.seq)
        assert len(c.heard(Deliver)) == 4
        for _ in range(8):
            c.ack((await c.expect(Deliver)).seq)
        await village.settled()
        assert c.heard(Deliver) == []  # what found its mailbox full shows as a gap in the timeline
        village.club.send(a, 31)
        assert (await c.expect(Deliver)).gseq == 32


# ---- D8: anything may die ----


@with_any_workers
async def test_d8_a_group_that_crashes_with_a_message_in_its_hands_has_it_sent_again(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.found(village.anna, village.ben)
        village.club.send(a, 1, b"one")
        await a.expect_accepted(1)
        village.group().crash()
        village.club.send(a, 2, b"two")
        accepted = 0
        while accepted < 2:
            answer = await a.expect((Accepted, Refused))
            if isinstance(answer, Accepted):
                accepted = answer.number
                continue
            # From a worker of its own it may also have found nobody, and is to come again.
            assert (answer.code, answer.detail) in ((ErrorCode.OUT_OF_ORDER, 2), (ErrorCode.WAIT, 1))
            await trio.sleep(1)
            village.club.send(a, 2, b"two")
        assert await messages(b, 2) == [b"one", b"two"]
        await village.settled()
        assert b.heard(Deliver) == []


@with_any_workers
async def test_d8_what_was_ticked_and_not_brought_when_the_group_crashed_is_brought_once(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    lates: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        lates.append(late)
        return journal

    async with open_village(tmp_path, sim, workers, make_journal=make) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        for late in lates:
            late.report_seconds = 0.05
        village.club.send(a, 1)
        await a.expect_accepted(1)
        dead = village.group()
        dead.crash()  # the fan-out is on its way to the disk of the members' workers
        await village.settled()
        await trio.sleep(1)
        assert await messages(b, 1) == await messages(c, 1) == [b"sealed"]
        await trio.sleep(12)
        assert b.heard(Deliver) == c.heard(Deliver) == []


@with_any_workers
@pytest.mark.parametrize("victim", ["ben", "carla"])
async def test_d8_a_members_mailbox_that_crashes_gets_everything_once_and_in_order(
    sim: SimNetwork, tmp_path: Path, workers: int, victim: str
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        who = {"ben": village.ben, "carla": village.carla}[victim]
        for number in range(1, 7):
            if number == 3:
                system = village.node.worker(who.owner).system
                ref = system.whereis(mailbox_name(who.address.user))
                assert ref is not None
                MailboxHandle(ref).crash()
            village.club.send(a, number, b"%d" % number)
        await a.expect_accepted(6)
        expected = [b"%d" % number for number in range(1, 7)]
        assert await messages(b, 6) == await messages(c, 6) == expected
        await village.settled()
        assert b.heard(Deliver) == c.heard(Deliver) == []


@pytest.mark.parametrize("commit_seconds", [0.0, 0.01])
@pytest.mark.parametrize("late_seconds", [0.0, 0.005, 0.012, 0.018, 0.025, 0.04])
async def test_d8_the_members_worker_may_be_killed_at_any_step_of_the_fan_out(
    sim: SimNetwork, tmp_path: Path, commit_seconds: float, late_seconds: float
) -> None:
    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        late.commit_seconds, late.report_seconds = commit_seconds, 0.005
        return journal

    async with open_village(tmp_path, sim, 2, make_journal=make) as village:
        # The group and Carla at worker 1, which goes on; Ben at worker 0, which does not.
        c, b = await village.found(village.carla, village.ben)
        sim.local_latency = 0.003
        for number in (1, 2, 3):
            village.club.send(c, number, b"%d" % number)
        await trio.sleep(late_seconds)
        await village.node.restart(0)
        await c.expect_accepted(3)
        again = await village.ben.connect(resume=max((each.seq for each in b.heard(Deliver)), default=1))
        await trio.sleep(12)
        said = [each.ciphertext for each in (*b.heard(Deliver), *again.heard(Deliver))]
        assert said == [b"1", b"2", b"3"]


@pytest.mark.parametrize("late_seconds", [0.0, 0.005, 0.012, 0.018, 0.025, 0.04])
async def test_d8_the_groups_worker_may_be_killed_at_any_step_of_the_fan_out(
    sim: SimNetwork, tmp_path: Path, late_seconds: float
) -> None:
    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        late.commit_seconds, late.report_seconds = 0.01, 0.005
        return journal

    async with open_village(tmp_path, sim, 2, make_journal=make) as village:
        # Anna and Ben at worker 0, which goes on; the group and Carla at worker 1, which does not.
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        sim.local_latency = 0.003
        for number in (1, 2, 3):
            village.club.send(a, number, b"%d" % number)
        await trio.sleep(late_seconds)
        await village.node.restart(1)
        accepted = 0
        while accepted < 3:
            answer = await a.expect((Accepted, Refused))
            if isinstance(answer, Accepted):
                accepted = answer.number
                continue
            assert answer.code == ErrorCode.OUT_OF_ORDER
            assert isinstance(answer.detail, int)
            for number in range(answer.detail, 4):
                village.club.send(a, number, b"%d" % number)
        again = await village.carla.connect(resume=max((each.seq for each in c.heard(Deliver)), default=1))
        await trio.sleep(12)
        assert [each.ciphertext for each in b.heard(Deliver)] == [b"1", b"2", b"3"]
        said = [each.ciphertext for each in (*c.heard(Deliver), *again.heard(Deliver))]
        assert said == [b"1", b"2", b"3"]


@with_any_workers
async def test_d8_a_node_that_is_killed_goes_on_with_what_is_on_its_way_without_being_asked(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    lates: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, sim)
        lates.append(late)
        return journal

    async with open_village(tmp_path, sim, workers, make_journal=make) as village:
        a, _ = await village.found(village.anna, village.ben)
        lates[village.home].report_seconds = 0.05  # durable, and killed before anybody heard of it
        village.club.send(a, 1)
        await a.ping()
        await trio.sleep(0.02)
        for number in range(workers):
            village.node.kill(number)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(workers):
            await village.node.start(number)
        await village.node.until_connected()
        await trio.sleep(1)
        again = await village.ben.connect(resume=1)
        assert await messages(again, 1) == [b"sealed"]
        sender = await village.anna.connect()
        village.club.send(sender, 1)  # it was told nothing
        await sender.expect_accepted(1)
        await trio.sleep(12)
        assert again.heard(Deliver) == []


@with_any_workers
async def test_a_quiet_group_leaves_memory_and_the_next_message_brings_it_back(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    config = replace(TEST_CONFIG, mailbox_idle_seconds=1)
    async with open_village(tmp_path, sim, workers, config=config) as village:
        a, b = await village.found(village.anna, village.ben)
        await trio.sleep(4)
        assert village.node.worker(village.home).system.whereis(name_of(village.club.group)) is None
        village.club.send(a, 1)
        await a.expect_accepted(1)
        assert await messages(b, 1) == [b"sealed"]


# ---- typing, and who asks to be let in ----


@with_any_workers
async def test_typing_is_shown_to_all_others_who_are_online(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b, c = await village.found(village.anna, village.ben, village.carla)
        member = MemberAddress(village.club.group, *village.anna.address)
        a.say(Typing(village.club.chat))
        assert (await b.expect(Typing)).chat == (await c.expect(Typing)).chat == member
        a.say(Paused(village.club.chat))
        assert (await b.expect(Paused)).chat == (await c.expect(Paused)).chat == member
        assert a.heard(Typing) == []


@with_any_workers
async def test_whoever_holds_an_invitation_reads_the_log_and_asks_to_be_let_in(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, _ = await village.found(village.anna, village.carla)
        club, key = village.club, b"v" * 32
        digest = sha256(key).digest()
        await club.append(a, club.sign(village.anna.address, Invite(key)))
        d = await village.dora.connect()
        d.say(FetchLog(1, club.group, 0, b"x" * 32))
        assert (await d.expect(Failed)).code == ErrorCode.NO_SUCH_INVITE
        d.say(FetchLog(1, club.group, 1, digest))
        assert list((await d.expect(Log)).entries) == club.entries[1:]
        d.say(RequestJoin(2, club.group, b"x" * 32, b"proof"))
        assert (await d.expect(Failed)).code == ErrorCode.NO_SUCH_INVITE
        d.say(RequestJoin(2, club.group, digest, b"proof"))
        await d.expect(JoinRequested)
        assert (await a.expect(JoinAsked)).user == village.dora.address.user
        a.say(FetchJoinRequests(3, club.group))
        asked = (await a.expect(JoinRequests)).requests
        assert asked == (JoinRequest(village.dora.address.user, b"proof"),)
        d.say(FetchJoinRequests(3, club.group))
        assert (await d.expect(Failed)).code == ErrorCode.NOT_ALLOWED
        await club.append(a, club.add(village.anna.address, village.dora.address.user))
        a.say(FetchJoinRequests(4, club.group))
        assert (await a.expect(JoinRequests)).requests == ()
        assert (await d.expect(Deliver)).is_entry


@with_any_workers
async def test_admins_may_keep_the_word_to_themselves(sim: SimNetwork, tmp_path: Path, workers: int) -> None:
    async with open_village(tmp_path, sim, workers) as village:
        a, b = await village.anna.connect(), await village.ben.connect()
        club = village.club
        users = [village.anna.address.user, village.ben.address.user]
        await club.append(a, club.create(village.anna.address, users, Settings.ADMINS_SEND))
        club.send(b, 1)
        assert (await b.expect(Refused)).code == ErrorCode.NOT_ALLOWED
        club.send(a, 1)
        await a.expect_accepted(1)
