"""D8 in groups: the group, a member's mailbox or a whole worker may die with a message in its hands.

Several workers in one process, on a simulated network and under a virtual clock: helpers/group_village.py.
"""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    Accepted,
    Deliver,
    ErrorCode,
    Refused,
)
from relay.journal import RelayJournal
from storage import Environment
from tests.helpers.club import messages
from tests.helpers.group_village import open_village, with_any_workers
from tests.helpers.late_journal import late_journal, late_journals
from tests.helpers.sim_network import SimNetwork


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
    make, lates = late_journals(sim)
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
                village.mailbox_of(who).crash()
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
    make, lates = late_journals(sim)
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
