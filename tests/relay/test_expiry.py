"""The sweep over all queues; what becomes of the messages is tried in tests/guarantees/test_d2_*.py."""

from pathlib import Path

import trio.testing

from protocol import DeviceAddress, MessageNumber, UserId
from relay.config import DAY_SECONDS
from relay.expiry import ROUND_SECONDS, SLICE_QUEUES, users_due
from storage import Environment, InlineJournal, Op, Put, mailboxes
from storage.mailboxes import DeviceCursor, QueuedMessage
from storage.tables import QUEUE
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

MONTH = 30 * DAY_SECONDS


def store(environment: Environment, ops: list[Op]) -> None:
    errors: list[object] = []
    InlineJournal(environment).submit(ops, errors.append)
    assert errors == [None]


def queue_one(environment: Environment, device: DeviceAddress, expires_at: int) -> None:
    message = QueuedMessage(device, MessageNumber(1), 0, expires_at, b"ciphertext")
    store(environment, mailboxes.append(device, DeviceCursor(), message)[1])


async def test_users_are_due_when_the_head_of_a_queue_has_expired(tmp_path: Path, sim: SimNetwork) -> None:
    async with open_stage(tmp_path, sim) as stage:
        environment = stage.running.worker.environment
        queue_one(environment, stage.anna.address, expires_at=100)
        queue_one(environment, stage.ben.address, expires_at=101)
        with environment.read() as reader:
            queues = mailboxes.queues_after(reader, None, 10)
            assert users_due(reader, queues, 99) == ()
            assert users_due(reader, queues, 100) == (stage.anna.address.user,)
            assert sorted(users_due(reader, queues, 101)) == sorted(
                (stage.anna.address.user, stage.ben.address.user)
            )


async def test_a_queue_without_an_account_does_not_stop_the_sweep(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        environment = stage.running.worker.environment
        queue_one(environment, DeviceAddress(UserId(1), stage.ben.address.device), expires_at=1)
        queue_one(environment, stage.ben.address, expires_at=1)
        await trio.sleep(2 * ROUND_SECONDS)
        with environment.read() as reader:
            assert mailboxes.read_range(reader, stage.ben.address, 0, 10) == []


async def test_more_queues_than_a_slice_are_all_looked_at(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim, clock=SettableClock()) as stage:
        environment = stage.running.worker.environment
        empty: list[Op] = [
            mailboxes.put_cursor(DeviceAddress(UserId(user), stage.ben.address.device), DeviceCursor())
            for user in range(1, 2 * SLICE_QUEUES)
        ]
        store(environment, empty)
        queue_one(environment, stage.ben.address, expires_at=1)
        await trio.sleep(ROUND_SECONDS / 2)
        with environment.read() as reader:
            assert mailboxes.read_range(reader, stage.ben.address, 0, 10) == []


async def test_a_damaged_row_ends_a_round_and_not_the_sweep(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim, clock=SettableClock()) as stage:
        environment = stage.running.worker.environment
        queue_one(environment, stage.ben.address, expires_at=1)
        with environment.read() as reader:
            ((key, data),) = reader.scan(QUEUE, b"\0", b"\xff" * 18)
        store(environment, [Put(QUEUE, key, data[:-1] + bytes([data[-1] ^ 1]))])
        await trio.sleep(2 * ROUND_SECONDS)
        store(environment, [Put(QUEUE, key, data)])
        await trio.sleep(2 * ROUND_SECONDS)
        with environment.read() as reader:
            assert mailboxes.read_range(reader, stage.ben.address, 0, 10) == []
