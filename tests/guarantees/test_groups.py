"""D1 to D7 in groups: what holds for messages to one holds for messages to many, with one worker and two.

Several workers in one process, on a simulated network and under a virtual clock: helpers/group_village.py.
Not here: D8, where something dies (test_groups_that_crash.py).
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import trio
import trio.testing

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
from relay.group.handle import name_of
from storage import groups, payloads
from tests.helpers.club import Club, messages
from tests.helpers.group_village import open_village, with_any_workers
from tests.helpers.late_journal import late_journals
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork

SETTLED_SECONDS = 2.5
"""After which devices that have not acknowledged have rows of their own, and fan-out rows are gone."""

# ---- D1: accepted means durable ----


@with_any_workers
async def test_d1_a_message_is_ticked_only_when_it_is_on_the_disk_of_the_group(
    sim: SimNetwork, tmp_path: Path, workers: int
) -> None:
    make, lates = late_journals(sim)
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
    make, lates = late_journals(sim)
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
    make, lates = late_journals(sim)
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
        await trio.sleep(SETTLED_SECONDS)
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
        await trio.sleep(SETTLED_SECONDS)  # who has it, name by name, is read from the disk
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


# ---- memory ----


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
