"""What no queue refers to leaves the disk; what one refers to stays, and so does all behind a damaged row."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, UserId
from relay.group.payload_sweep import ROUND_SECONDS, PayloadSweep
from storage import Put, mailboxes, payloads
from storage.mailboxes import DeviceCursor, GroupMessage
from storage.payloads import PayloadKey
from storage.tables import QUEUE
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

CLUB = GroupId(7)
WANTED, UNWANTED = (CLUB, GroupSeq(1)), (CLUB, GroupSeq(2))
FAR_AHEAD = 4_000_000_000


async def leave_payloads(stage: Stage) -> None:
    """Two payloads as a worker that was killed may leave them: a row of Ben's queue refers to one of them."""
    sender = MemberAddress(CLUB, UserId(9), DeviceId(1))
    message = GroupMessage(sender, WANTED[1], MessageNumber(1), 1, FAR_AHEAD, False, b"sealed")
    _, ops = mailboxes.append(stage.ben.address, DeviceCursor(), message)
    ops += [payloads.put_payload(*key, b"sealed") for key in (WANTED, UNWANTED)]
    worker = stage.running.worker
    await worker.journal.commit(ops)
    worker.payload_counts.has_uncounted = True


def left(stage: Stage) -> list[PayloadKey]:
    with stage.running.worker.environment.read() as reader:
        return payloads.payloads_after(reader, None, 9)


async def test_a_payload_that_no_row_refers_to_is_deleted_and_the_others_stay(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await leave_payloads(stage)
        await trio.sleep(ROUND_SECONDS + 1)
        assert left(stage) == [WANTED]


async def test_nothing_is_deleted_behind_a_damaged_row(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await leave_payloads(stage)
        damaged = mailboxes.delete_range(stage.ben.address, 1, 1).first
        await stage.running.worker.journal.commit([Put(QUEUE, damaged, b"\x02damaged")])
        await trio.sleep(ROUND_SECONDS + 1)
        assert left(stage) == [WANTED, UNWANTED]
        assert "payload_sweep_stuck" in caplog.messages


async def test_while_everything_is_counted_nothing_is_looked_for(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await trio.sleep(1)
        await leave_payloads(stage)
        stage.running.worker.payload_counts.has_uncounted = False
        await trio.sleep(ROUND_SECONDS + 1)
        assert left(stage) == [WANTED, UNWANTED]


async def test_a_round_that_is_over_leaves_nothing_in_memory(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await leave_payloads(stage)
        await trio.sleep(ROUND_SECONDS + 1)
        (sweep,) = [ref._actor for ref in stage.running.worker.system.actors if ref._kind is PayloadSweep]
        assert isinstance(sweep, PayloadSweep)
        assert sweep._candidates == {}
