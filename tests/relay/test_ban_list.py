"""Bans in a running node: who is let in, who is told, and when."""

from pathlib import Path

from trio.testing import MockClock

from protocol import (
    CodeRoute,
    CodeSent,
    ErrorCode,
    Failed,
    Register,
    Registered,
    RequestCode,
    UserId,
    Welcome,
)
from relay.ban_list import ban_number, is_user_banned, orders, unban_number
from storage import bans
from tests.helpers.device import Device
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage, registration

SPAMMER = "+491713920007"


async def try_in(stage: Stage) -> Device:
    """Connect with Ben's key, as far as that goes."""
    worker = stage.running.worker
    link = await worker.network.connect("127.0.0.1", stage.running.port.port)
    device = Device(link, stage.ben.keys, worker.static.public)
    link.activate(device)
    device.flush()
    return device


async def test_whoever_is_banned_is_logged_out_at_once_and_stays_out_until_the_ban_ends(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        worker = stage.running.worker
        assert await ban_number(worker, stage.ben.number, "spam") == 1
        assert await ben.expect_error() == ErrorCode.BANNED
        again = await try_in(stage)
        assert await again.expect_error() == ErrorCode.BANNED
        assert not again.heard(Welcome)
        anna.send(stage.ben.address.user, 2)  # what others send is kept
        await anna.expect_accepted(2)
        assert await unban_number(worker, stage.ben.number) == 1
        ben = await stage.ben.connect()
        assert len(await ben.expect_deliveries(2)) == 2


async def test_only_whoever_has_the_code_learns_that_a_number_is_banned(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, codes = stage.running.worker, stage.running.codes.codes
        await ban_number(worker, SPAMMER, "")
        stranger = await stage.stranger()
        stranger.say(RequestCode(1, SPAMMER, CodeRoute.SMS))
        await stranger.expect(CodeSent)
        wrong = f"{(int(codes[SPAMMER]) + 1) % 1_000_000:06}"
        assert await refusal(stranger, registration(2, SPAMMER, wrong)) == ErrorCode.INVALID_CODE
        assert await refusal(stranger, registration(3, SPAMMER, codes[SPAMMER])) == ErrorCode.BANNED
        await unban_number(worker, SPAMMER)
        stranger.say(registration(4, SPAMMER, codes[SPAMMER]))  # the code is still good
        await stranger.expect(Registered)


async def refusal(device: Device, request: Register) -> int:
    device.say(request)
    return (await device.expect(Failed)).code


async def test_a_ban_reaches_devices_at_every_worker(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        residents = [node.add_user(owner, f"+49171392000{owner}") for owner in (0, 1)]
        devices = [await resident.connect() for resident in residents]
        for resident, device in zip(residents, devices, strict=True):
            assert await ban_number(node.worker(0), resident.number, "") == 1
            assert await device.expect_error() == ErrorCode.BANNED
        for number, resident in enumerate(residents):
            assert is_user_banned(node.worker(number), resident.address.user)
            assert not is_user_banned(node.worker(number), UserId(12345))


async def test_orders_come_as_json_and_say_what_they_have_done(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        told = orders(worker)
        assert await told["ban"]({"phone": "+49 171 3920002", "reason": "spam"}) == {"devices": 1}
        with worker.store.read_directory() as reader:
            ((phone, record),) = bans.list_bans(reader)
        assert (phone, record.reason) == (stage.ben.number, "spam")
        assert await told["unban"]({"phone": stage.ben.number}) == {"devices": 1}
        assert await told["unban"]({"phone": SPAMMER}) == {"devices": 0}
