"""Who leaves: nothing of them is left at the relay, and whoever wrote to them is told."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import (
    AccountDeleted,
    DeleteAccount,
    ErrorCode,
    Expired,
    Failed,
    FetchBundles,
    Found,
    Lookup,
    Privacy,
    Refused,
    SetPin,
    StoreProfile,
)
from storage import Reader
from storage.tables import Family, tables_of
from tests.helpers.device import Device
from tests.helpers.people import change, settle
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

ANNA, BEN = "+491713920001", "+491713920002"


async def delete(device: Device, number: str) -> AccountDeleted | Failed:
    device.say(DeleteAccount(9, number))
    return await device.expect((AccountDeleted, Failed))


def tables_with(reader: Reader, user: int) -> list[str]:
    """The tables in which a row begins with the user."""
    key = user.to_bytes(8, "big")
    tables = tables_of(Family.USER)
    return [table for table in tables if any(True for _ in reader.scan(table, key, key + b"\xff" * 32))]


async def test_nothing_is_left_of_who_leaves(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        user = stage.ben.address.user
        anna.send(user, 1)
        await anna.expect_accepted(1)
        await settle(ben, change(Privacy(), block=(stage.anna.address.user,)))
        ben.say(StoreProfile(3, 77, 0, b"sealed"), SetPin(4, "271828"))
        assert isinstance(await delete(ben, stage.ben.number), AccountDeleted)
        assert await ben.expect_error() == ErrorCode.LOGGED_OUT
        with stage.running.worker.environment.read() as reader:
            assert tables_with(reader, user) == []
        anna.say(Lookup(5, (stage.ben.number,)))
        assert (await anna.expect(Found)).users == (0,)
        again = await stage.ben.connect()
        assert again.welcome is not None
        assert again.welcome.user == 0


async def test_senders_learn_what_was_not_fetched_and_that_there_is_nobody_any_more(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, user = await stage.anna.connect(), stage.ben.address.user
        anna.send(user, 1)
        await anna.expect_accepted(1)
        ben = await stage.ben.connect()
        await delete(ben, stage.ben.number)
        lost = await anna.expect(Expired)
        assert (lost.chat, lost.first, lost.last) == (user, 1, 1)
        anna.send(user, 2)
        assert (await anna.expect(Refused)).code == ErrorCode.UNKNOWN_USER
        anna.say(FetchBundles(6, user))
        assert (await anna.expect(Failed)).code == ErrorCode.UNKNOWN_USER


async def test_an_account_is_not_deleted_without_its_number(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben = await stage.ben.connect()
        failed = await delete(ben, stage.anna.number)
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.INVALID_NUMBER
        await ben.expect_silence()


async def test_whoever_gets_the_number_next_is_somebody_else(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await delete(await stage.ben.connect(), stage.ben.number)
        assert (await stage.register_anew(stage.ben)).user != stage.ben.address.user


@pytest.mark.parametrize("owner", [0, 1])
async def test_an_account_is_deleted_whichever_worker_has_it(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, owner: int
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna, ben = node.add_user(owner, ANNA), node.add_user(1 - owner, BEN)
        anna_device, ben_device = await anna.connect(), await ben.connect()
        ben_device.send(anna.address.user, 1)
        await ben_device.expect_accepted(1)
        assert isinstance(await delete(anna_device, ANNA), AccountDeleted)
        assert await anna_device.expect_error() == ErrorCode.LOGGED_OUT
        await ben_device.expect(Expired)
        ben_device.send(anna.address.user, 2)
        assert (await ben_device.expect(Refused)).code == ErrorCode.UNKNOWN_USER
        for store in node.stores:
            with store.own.read() as reader:
                assert tables_with(reader, anna.address.user) == []
