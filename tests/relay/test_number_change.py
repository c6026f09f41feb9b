"""A change of number: one commit decides, and whatever a crash leaves is either the old number or the new."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import (
    Accepted,
    ChangeNumber,
    CodeRoute,
    CodeSent,
    DeviceAddress,
    DeviceId,
    ErrorCode,
    Failed,
    Found,
    Lookup,
    NumberChanged,
    Registered,
    RequestCode,
    RequestNumberCode,
    UserId,
)
from relay.ban_list import ban_number
from relay.errors import RefusalError
from relay.number_change import check_may_change, holder_of
from relay.worker import Worker
from storage import accounts
from storage.accounts import UserRecord
from storage.tables import Family, of_family
from tests.helpers.device import Device
from tests.helpers.several_workers import commit, open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage, registration

OLD, NEW = "+491713920001", "+491713920099"


async def ask_for_code(device: Device, number: str) -> None:
    device.say(RequestNumberCode(1, number, CodeRoute.SMS))
    await device.expect(CodeSent)


async def refusal(device: Device, number: str, code: str) -> int:
    device.say(ChangeNumber(2, number, code))
    return (await device.expect(Failed)).code


async def found(device: Device, *numbers: str) -> tuple[UserId, ...]:
    device.say(Lookup(3, numbers))
    return (await device.expect(Found)).users


@pytest.mark.parametrize("owner", [0, 1])
async def test_an_account_gets_another_number_and_the_old_one_is_free(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, owner: int
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna, ben = node.add_user(owner, OLD), node.add_user(1 - owner, "+491713920002")
        phone, other = await anna.connect(), await ben.connect()
        await ask_for_code(phone, NEW)
        phone.say(ChangeNumber(2, NEW, node.codes.codes[NEW]))
        assert (await phone.expect(NumberChanged)).request == 2
        assert await found(other, OLD, NEW) == (0, anna.address.user)
        phone.say(ChangeNumber(3, NEW, ""))  # the answer might have been lost
        await phone.expect(NumberChanged)
        other.send(anna.address.user, 1)  # devices, sessions and chats are as they were
        await other.expect(Accepted)
        newcomer = await node.register(0, OLD, owner=1 - owner)
        assert newcomer.address.user != anna.address.user
        assert await found(other, OLD, NEW) == (newcomer.address.user, anna.address.user)


async def test_only_the_right_code_changes_anything_and_only_to_a_number_that_is_free(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, codes = await stage.anna.connect(), stage.running.codes.codes
        assert await refusal(anna, NEW, "123456") == ErrorCode.CODE_EXPIRED
        await ask_for_code(anna, NEW)
        wrong = f"{(int(codes[NEW]) + 1) % 1_000_000:06}"
        assert await refusal(anna, NEW, wrong) == ErrorCode.INVALID_CODE
        await ask_for_code(anna, stage.ben.number)
        taken = await refusal(anna, stage.ben.number, codes[stage.ben.number])
        assert taken == ErrorCode.ACCOUNT_EXISTS
        await ban_number(stage.running.worker, NEW, "")
        assert await refusal(anna, NEW, codes[NEW]) == ErrorCode.BANNED
        assert await refusal(anna, "0171", "") == ErrorCode.INVALID_NUMBER
        anna.say(RequestNumberCode(4, stage.anna.number, CodeRoute.SMS))
        assert (await anna.expect(Failed)).code == ErrorCode.ALREADY_REGISTERED
        assert await found(anna, stage.anna.number) == (stage.anna.address.user,)


async def test_a_device_that_is_not_the_primary_changes_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        with stage.running.worker.environment.read() as reader:
            with pytest.raises(RefusalError, match="not-primary"):
                check_may_change(reader, DeviceAddress(stage.anna.address.user, DeviceId(7)))
            with pytest.raises(RefusalError, match="unknown-user"):
                check_may_change(reader, DeviceAddress(UserId(99), DeviceId(1)))


def leave_half_done(worker: Worker, user: UserId, *, is_decided: bool) -> None:
    """What is on the disk when the first step is done, or the second as well."""
    commit(worker.environment, [accounts.lead_phone(NEW, user)])
    if is_decided:
        ops = accounts.put_user(user, UserRecord(NEW, 0, DeviceId(1)))
        commit(worker.environment, of_family(ops, Family.USER))


@pytest.mark.parametrize("is_decided", [False, True])
async def test_whatever_a_crash_leaves_is_the_old_number_or_the_new(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, is_decided: bool
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, user = stage.running.worker, stage.anna.address.user
        leave_half_done(worker, user, is_decided=is_decided)
        has, lacks = (NEW, OLD) if is_decided else (OLD, NEW)
        assert (holder_of(worker, has), holder_of(worker, lacks)) == (user, None)
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        assert await found(ben, has, lacks) == (user, 0)
        stranger = await stage.stranger()  # the other number is anybody's who proves it
        stranger.say(RequestCode(1, lacks, CodeRoute.SMS))
        await stranger.expect(CodeSent)
        stranger.say(registration(2, lacks, stage.running.codes.codes[lacks]))
        assert (await stranger.expect(Registered)).user != user
        await anna.ping()


@pytest.mark.parametrize("is_decided", [False, True])
async def test_whoever_had_no_answer_asks_again_and_it_is_done(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, is_decided: bool
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        await ask_for_code(anna, NEW)
        leave_half_done(stage.running.worker, stage.anna.address.user, is_decided=is_decided)
        anna.say(ChangeNumber(2, NEW, stage.running.codes.codes[NEW]))
        await anna.expect(NumberChanged)
        assert await found(anna, OLD, NEW) == (0, stage.anna.address.user)
