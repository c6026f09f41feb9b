"""Devices at a relay: linked, listed, removed; the others keep everything, and senders are told."""

from pathlib import Path

import pytest
import trio.testing
from trio.testing import MockClock

from protocol import (
    AccountLeft,
    AnswerLink,
    Bundles,
    CancelLink,
    ClaimLink,
    DeviceId,
    DevicesPublished,
    ErrorCode,
    Failed,
    FetchBundles,
    LeaveAccount,
    LinkClaimed,
    LinkOpened,
    LinkState,
    LinkStep,
    MessageNumber,
    OpenLink,
    Part,
    PollLink,
    PublishDevices,
    Refused,
    Registered,
    Send,
    UserId,
    Welcome,
)
from tests.helpers.device import Device, connect
from tests.helpers.families import PRIMARY_KEY, key_of, signed_list
from tests.helpers.linked import (
    COMPANION_KEY,
    claim_and_answer,
    complete,
    confirm,
    link_companion,
    open_link,
    refusal,
)
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def publish(device: Device, user: UserId, number: int, *devices: tuple[int, bytes]) -> object:
    device.say(PublishDevices(9, *signed_list(user, number, *devices)))
    return await device.expect((DevicesPublished, Failed))


async def test_a_linked_device_is_a_device_of_the_account_and_the_first_one_stays(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        ben.send(stage.anna.address.user, 1)
        await ben.expect_accepted(1)  # waits in the queue of the first device
        address = await link_companion(anna, new, stage.anna.address)
        assert address == (stage.anna.address.user, 2)
        assert (await new.expect(Welcome)).device == 2
        ben.say(FetchBundles(1, stage.anna.address.user))
        bundles = await ben.expect(Bundles)
        assert [bundle.device for bundle in bundles.devices] == [1, 2]
        assert bundles.present == (1, 2)
        assert bundles.device_list is not None
        anna = await stage.anna.connect()
        assert (await anna.expect_deliveries(1))[0].seq == 1


async def test_a_message_that_leaves_out_the_new_device_is_stale_and_one_for_both_reaches_both(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """D10."""
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        await link_companion(anna, new, stage.anna.address)
        user = stage.anna.address.user
        ben.say(Send(user, MessageNumber(1), (Part(DeviceId(1), b"for one"),)))
        refused = await ben.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.STALE_DEVICES, (1, 2))
        both = (Part(DeviceId(1), b"for one"), Part(DeviceId(2), b"for two"))
        ben.say(Send(user, MessageNumber(1), both))
        await ben.expect_accepted(1)
        assert (await anna.expect_deliveries(1))[0].ciphertext == b"for one"
        assert (await new.expect_deliveries(1))[0].ciphertext == b"for two"


async def test_bundles_are_given_for_the_devices_asked_for_and_the_list_always(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        await link_companion(anna, new, stage.anna.address)
        for asked, given in (((2,), [2]), ((), []), ((7,), [])):
            ben.say(FetchBundles(1, stage.anna.address.user, tuple(DeviceId(each) for each in asked)))
            bundles = await ben.expect(Bundles)
            assert [bundle.device for bundle in bundles.devices] == given
            assert bundles.present == (1, 2)
            assert bundles.device_list is not None


async def test_what_a_new_list_does_not_name_is_locked_out_at_once_and_its_queue_is_gone(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        await link_companion(anna, new, stage.anna.address)
        user = stage.anna.address.user
        assert isinstance(await publish(anna, user, 3, (1, PRIMARY_KEY)), DevicesPublished)
        assert await new.expect_error() == ErrorCode.LOGGED_OUT
        both = (Part(DeviceId(1), b"for one"), Part(DeviceId(2), b"for two"))
        ben.say(Send(user, MessageNumber(1), both))
        assert (await ben.expect(Refused)).detail == (1,)
        ben.send(user, 1)
        await ben.expect_accepted(1)
        # Its key is a stranger's again.
        again = await connect(sim, stage.running.port.port, new.keys)
        assert again.welcome is not None
        assert again.welcome.user == 0


async def test_a_companion_leaves_by_itself_and_publishes_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, new = await stage.anna.connect(), await stage.stranger()
        await link_companion(anna, new, stage.anna.address)
        user = stage.anna.address.user
        failed = await publish(new, user, 3, (1, PRIMARY_KEY))
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.NOT_PRIMARY
        new.say(LeaveAccount(8))
        await new.expect(AccountLeft)
        assert await new.expect_error() == ErrorCode.LOGGED_OUT
        anna.say(LeaveAccount(8))
        assert await refusal(anna) is ErrorCode.BAD_DEVICE_LIST


async def test_registering_anew_logs_all_devices_out_and_forgets_the_list(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        await link_companion(anna, new, stage.anna.address)
        assert (await stage.register_anew(stage.anna)).device == 3
        assert await anna.expect_error() == await new.expect_error() == ErrorCode.LOGGED_OUT
        ben.say(FetchBundles(1, stage.anna.address.user, ()))
        bundles = await ben.expect(Bundles)
        assert (bundles.device_list, bundles.present) == (None, (3,))


async def test_a_second_claim_ends_the_link_for_both(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, new = await stage.anna.connect(), await stage.ben.connect(), await stage.stranger()
        opened = await open_link(new)
        await claim_and_answer(anna, new, opened)
        ben.say(ClaimLink(1, opened.nameplate, b"mine"))
        assert await refusal(ben) is ErrorCode.LINK_TAKEN
        for side in (anna, new):
            side.say(PollLink(5, opened.link))
            assert await refusal(side) is ErrorCode.LINK_TAKEN


async def test_a_link_expires_after_a_minute(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, new = await stage.anna.connect(), await stage.stranger()
        opened = await open_link(new)
        await trio.sleep(opened.expires_in_s)
        anna.say(ClaimLink(1, opened.link, b"claim"))
        assert await refusal(anna) is ErrorCode.LINK_GONE


async def test_the_wrong_companion_and_the_wrong_list_are_refused_by_the_relay(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, new, other = await stage.anna.connect(), await stage.stranger(), await stage.stranger()
        user = stage.anna.address.user
        opened = await open_link(new)
        claimed = await claim_and_answer(anna, new, opened)
        listed = ((1, PRIMARY_KEY), (claimed.device, COMPANION_KEY))
        bad = await confirm(anna, new, opened, signed_list(user, 2, (1, PRIMARY_KEY)))
        assert isinstance(bad, Failed)
        assert bad.code == ErrorCode.BAD_DEVICE_LIST
        complete(new, opened)
        assert await refusal(new) is ErrorCode.LINK_GONE  # not confirmed yet
        assert isinstance(await confirm(anna, new, opened, signed_list(user, 2, *listed)), LinkState)
        complete(other, opened)
        assert await refusal(other) is ErrorCode.LINK_GONE
        complete(new, opened, key_of("x"))
        assert await refusal(new) is ErrorCode.LINK_MISMATCH
        anna.say(PollLink(5, opened.link))
        assert await refusal(anna) is ErrorCode.LINK_MISMATCH


async def test_a_link_is_cancelled_by_either_side(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, new = await stage.anna.connect(), await stage.stranger()
        opened = await open_link(new)
        await claim_and_answer(anna, new, opened)
        anna.say(CancelLink(5, opened.link))
        await anna.expect(LinkState)
        new.say(PollLink(5, opened.link))
        assert await refusal(new) is ErrorCode.LINK_CANCELLED


async def test_a_device_opens_no_link_and_a_companion_claims_none(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, new, third = await stage.anna.connect(), await stage.stranger(), await stage.stranger()
        anna.say(OpenLink(1))
        assert await refusal(anna) is ErrorCode.ALREADY_REGISTERED
        await link_companion(anna, new, stage.anna.address)
        opened = await open_link(third)
        new.say(ClaimLink(1, opened.link, b"claim"))
        assert await refusal(new) is ErrorCode.NOT_PRIMARY
        anna.say(AnswerLink(6, opened.link, b"answer"))
        assert await refusal(anna) is ErrorCode.LINK_GONE


@pytest.mark.parametrize("owner", [0, 1])
@pytest.mark.parametrize("through", [0, 1])
async def test_a_link_works_from_any_worker_to_any(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, owner: int, through: int
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna = node.add_user(owner, "+491713920001")
        phone, new = await anna.connect(), await node.stranger(through)
        address = await link_companion(phone, new, anna.address)
        welcome = await new.expect(Welcome)  # handed over to the owner, if that is another
        assert (welcome.user, welcome.device) == address
        assert isinstance(await publish(phone, anna.address.user, 3, (1, PRIMARY_KEY)), DevicesPublished)
        assert await new.expect_error() == ErrorCode.LOGGED_OUT
        gone = await connect(sim, node.running[0].port.port, new.keys)  # type: ignore[union-attr]  # it lives
        assert gone.welcome is not None
        assert gone.welcome.user == 0


async def test_a_companion_whose_answer_was_lost_asks_again_and_is_the_same_device(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The user's owner dies after the first step: the second attempt finds the device there."""
    async with open_workers(tmp_path, sim, 2) as node:
        anna = node.add_user(1, "+491713920001")
        phone, new = await anna.connect(), await node.stranger(0)
        opened = await open_link(new)
        claimed = await claim_and_answer(phone, new, opened)
        user = anna.address.user
        signed = signed_list(user, 2, (1, PRIMARY_KEY), (claimed.device, COMPANION_KEY))
        await confirm(phone, new, opened, signed)
        node.kill(1)
        complete(new, opened)
        assert await refusal(new) is ErrorCode.RESTARTING
        await node.start(1)
        await node.until_connected()
        complete(new, opened)
        assert (await new.expect(Registered)).device == 2
        phone = await anna.connect()
        phone.say(PollLink(7, opened.link))
        assert (await phone.expect(LinkState)).step == LinkStep.COMPLETED


async def test_the_links_that_were_open_are_gone_with_the_worker_that_had_them(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna = node.add_user(1, "+491713920001")
        phone, new = await anna.connect(), await node.stranger(1)
        opened = await open_link(new)
        await claim_and_answer(phone, new, opened)
        await node.restart(0)
        for side in (phone, new):
            side.say(PollLink(5, opened.link))
            assert await refusal(side) is ErrorCode.LINK_GONE


async def claimed_by(device: Device, link: bytes) -> LinkClaimed:
    device.say(ClaimLink(1, link, b"claim"))
    return await device.expect(LinkClaimed)


async def test_two_links_at_once_get_one_number_and_the_second_is_too_late(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, one, two = await stage.anna.connect(), await stage.stranger(), await stage.stranger()
        user = stage.anna.address.user
        first, second = await open_link(one), await open_link(two)
        assert (await claimed_by(anna, second.link)).device == 2
        await link_companion_through(anna, one, first, user)
        two.say(AnswerLink(2, second.link, b"answer"))
        await two.expect(LinkState)
        late = signed_list(user, 3, (1, PRIMARY_KEY), (2, key_of("k")))
        refused = await confirm(anna, two, second, late)
        assert isinstance(refused, Failed)
        assert refused.code == ErrorCode.BAD_DEVICE_LIST


async def link_companion_through(
    primary: Device, companion: Device, opened: LinkOpened, user: UserId
) -> None:
    await claim_and_answer(primary, companion, opened)
    signed = signed_list(user, 2, (1, PRIMARY_KEY), (2, COMPANION_KEY))
    await confirm(primary, companion, opened, signed)
    complete(companion, opened)
    await companion.expect(Registered)
