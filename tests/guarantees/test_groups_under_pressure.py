"""D2, D4 and D6 in groups where several things go wrong at once: full disks, mailboxes and links that die."""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Deliver, Delivered, GroupSeq
from relay import expiry
from relay.bus import peer
from relay.group import delivering, fanout, payload_sweep
from relay.mailbox_handle import MailboxHandle
from relay.mailbox_handle import name_of as mailbox_name
from storage import mailboxes, payloads
from tests.helpers.group_village import open_village
from tests.helpers.late_journal import late_journals
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork


async def test_d2_a_batch_that_waits_for_a_mailbox_does_not_pass_over_one_that_failed_meanwhile(
    sim: SimNetwork, tmp_path: Path
) -> None:
    make, lates = late_journals(sim)
    async with open_village(tmp_path, sim, 2, make_journal=make) as village:
        # The group lives with Carla at worker 1; Ben at worker 0, whose disk fills up.
        c, b = await village.found(village.carla, village.ben)
        lates[0].hold()
        village.club.send(c, 1, b"1")
        await c.expect_accepted(1)
        await trio.sleep(0.1)
        ref = village.node.worker(0).system.whereis(mailbox_name(village.ben.address.user))
        assert ref is not None
        MailboxHandle(ref).crash()
        await trio.sleep(0.1)
        village.club.send(c, 2, b"2")
        await c.expect_accepted(2)
        await trio.sleep(0.1)
        lates[0].is_full = True
        lates[0].let_go()
        await trio.sleep(0.01)
        lates[0].is_full = False
        await trio.sleep(12)
        assert [each.ciphertext for each in b.heard(Deliver)] == [b"1", b"2"]


async def test_d6_a_payload_from_before_a_restart_goes_too_when_its_last_row_is_acknowledged(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_sweep, "ROUND_SECONDS", 5.0)
    async with open_village(tmp_path, sim, 1) as village:
        a, b = await village.found(village.anna, village.ben)
        await trio.sleep(3)  # that both have acknowledged the founding is durable
        b.vanish()
        village.club.send(a, 1, b"1")
        await a.expect_accepted(1)
        await village.node.restart(0)
        await trio.sleep(6)  # a round of the sweep, which sees Ben's row
        again = await village.ben.connect()
        again.ack((await again.expect(Deliver)).seq)
        await trio.sleep(12)
        with village.node.stores[0].own.read() as reader:
            assert payloads.payloads_after(reader, None, 9) == []


async def test_d6_what_expires_in_a_chat_leaves_the_payloads_of_groups_counted(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "ROUND_SECONDS", 5.0)
    clock = SettableClock()
    async with open_village(tmp_path, sim, 1, clock=clock) as village:
        a, b, _ = await village.found(village.anna, village.ben, village.carla)
        village.club.send(a, 1, b"1")
        a.send(village.dora.address.user, 1, life_s=30)
        await a.expect_accepted(1)
        assert (await b.expect(Deliver)).gseq == 2
        clock.time += 30
        await trio.sleep(12)
        counts = village.node.worker(0).payload_counts
        assert (village.club.group, GroupSeq(2)) in counts


async def test_d5_what_members_have_when_the_link_is_down_is_ticked_when_it_is_back(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_village(tmp_path, sim, 2) as village:
        c, b = await village.found(village.carla, village.ben)
        village.club.send(c, 1, b"1")
        delivery = await b.expect(Deliver)
        await c.expect_accepted(1)
        await village.settled()
        b.ack(delivery.seq)
        await trio.testing.wait_all_tasks_blocked()
        sim.local_latency = 0.5
        village.node.cut_bus(0, 1)
        await trio.sleep(5)
        assert (await c.expect(Delivered)).number == 1


async def test_d2_more_than_a_link_takes_at_once_arrives_all_the_same_when_a_worker_is_back(
    sim: SimNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise 16 MiB are as much as a worker may be behind.
    monkeypatch.setattr(peer, "LIMIT_BYTES", 256 * 1024)
    monkeypatch.setattr(delivering, "FANOUT_LIMIT_BYTES", 128 * 1024)
    monkeypatch.setattr(fanout, "BATCH_BYTES", 4096)
    async with open_village(tmp_path, sim, 2) as village:
        c, _ = await village.found(village.carla, village.ben)
        sim.local_latency = 0.005
        village.node.kill(0)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(1, 61):
            village.club.send(c, number, b"%04d" % number * 1536)
        await c.expect_accepted(60)
        await village.node.start(0)
        await trio.sleep(20)
        with village.node.stores[0].own.read() as reader:
            waiting = mailboxes.read_range(reader, village.ben.address, 1, 100)
        assert [each.ciphertext[:4] for _, each in waiting] == [b"%04d" % number for number in range(1, 61)]
