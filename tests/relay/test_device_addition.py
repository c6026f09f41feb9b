"""The account's side of a link: one device more, and not a row of the directory."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import ErrorCode, UserId
from relay.device_addition import add_device
from relay.devices import Newcomer
from relay.errors import RefusalError
from relay.mailboxes import Mailboxes
from storage import accounts
from storage.accounts import DeviceRecord
from tests.helpers.families import PRIMARY_KEY, key_of, signed_list
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

RECORD = DeviceRecord(b"n" * 32, key_of("j"), 1, b"s" * 32, b"g" * 64, 0)


def newcomer(user: UserId) -> Newcomer:
    return Newcomer(user, RECORD, (), None, signed_list(user, 2, (1, PRIMARY_KEY), (2, key_of("j"))))


async def test_a_device_comes_beside_the_one_that_is_there_and_nothing_leads_to_it_yet(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, user = stage.running.worker, stage.anna.address.user
        address = await add_device(worker, Mailboxes(worker), newcomer(user))
        assert address == (user, 2)
        with worker.store.own.read() as reader:
            assert [number for number, _ in accounts.list_devices(reader, user)] == [1, 2]
            assert accounts.find_device_by_static_key(reader, b"n" * 32) is None
        assert await add_device(worker, Mailboxes(worker), newcomer(user)) == address


async def test_another_worker_is_asked_and_its_refusal_is_ours(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna = node.add_user(1, "+491713920001")
        desk = node.worker(0)
        assert await add_device(desk, Mailboxes(desk), newcomer(anna.address.user)) == (
            anna.address.user,
            2,
        )
        other = node.add_user(1, "+491713920002")
        bad = Newcomer(
            other.address.user, RECORD, (), None, signed_list(other.address.user, 2, (2, key_of("j")))
        )
        with pytest.raises(RefusalError) as caught:
            await add_device(desk, Mailboxes(desk), bad)
        assert caught.value.code is ErrorCode.BAD_DEVICE_LIST
