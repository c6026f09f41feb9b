"""What a device may ask for: each request is answered, or fails by its name."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import (
    Audience,
    Bundles,
    ChatProgress,
    CodeRoute,
    CodeSent,
    Done,
    ErrorCode,
    Failed,
    FetchBundles,
    FetchProfile,
    FetchProgress,
    Found,
    KemPrekey,
    Lookup,
    Prekey,
    Presence,
    Privacy,
    Profile,
    ProfileStored,
    Progresses,
    RequestCode,
    SignedPrekey,
    StoreProfile,
    Subscribe,
    UploadPrekeys,
    UserId,
)
from relay.rate_limits import Limit
from relay.requests import ANSWERS
from storage.progress import NO_MESSAGE
from tests.helpers.device import Device
from tests.helpers.people import change, settle, store_profile
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

NO_PROFILE = Profile(1, 0, b"")


@pytest.mark.parametrize("request_type", ANSWERS)
def test_a_request_carries_the_number_that_its_answer_repeats(request_type: type) -> None:
    assert "request" in request_type.__slots__  # type: ignore[attr-defined]  # of a slotted dataclass


async def test_a_one_time_prekey_is_given_to_one_peer_only(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(UploadPrekeys(1, None, (Prekey(7, b"k" * 32),)))
        assert (await ben.expect(Done)).one_time_prekeys_left == 1
        given = []
        for request in (1, 2):
            anna.say(FetchBundles(request, stage.ben.address.user))
            (bundle,) = (await anna.expect(Bundles)).devices
            given.append(bundle.one_time_prekey)
        assert given == [Prekey(7, b"k" * 32), None]


async def test_kem_prekeys_are_given_to_one_peer_each_and_then_the_last_resort_to_all(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    kem = [KemPrekey(n, bytes([n]) * 1_184, b"s" * 64) for n in (1, 2, 3)]
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(UploadPrekeys(1, SignedPrekey(2, b"S" * 32, b"G" * 64), (), kem[2], tuple(kem[:2])))
        assert (await ben.expect(Done)).kem_prekeys_left == 2
        given = []
        for request in (1, 2, 3, 4):
            anna.say(FetchBundles(request, stage.ben.address.user))
            (bundle,) = (await anna.expect(Bundles)).devices
            given.append(bundle.kem_prekey)
        assert given == [*kem, kem[2]]
        ben.say(UploadPrekeys(2, None, ()))
        assert (await ben.expect(Done)).kem_prekeys_left == 0


async def test_beyond_the_ration_bundles_come_without_one_time_prekeys_and_nobody_is_refused(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = replace(TEST_CONFIG, limit_one_time_prekeys=Limit(1, "h", 2))
    async with open_stage(tmp_path, sim, config=config) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(UploadPrekeys(1, None, tuple(Prekey(n, b"%032d" % n) for n in range(1, 6))))
        await ben.expect(Done)
        given = []
        for request in (1, 2, 3):
            anna.say(FetchBundles(request, stage.ben.address.user))
            (bundle,) = (await anna.expect(Bundles)).devices
            given.append(None if bundle.one_time_prekey is None else bundle.one_time_prekey.id)
        assert given == [1, 2, None]


async def test_a_request_about_nobody_fails_and_the_connection_lives(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(FetchBundles(9, UserId(12345)))
        failed = await anna.expect(Failed)
        assert (failed.request, failed.code) == (9, ErrorCode.UNKNOWN_USER)
        await anna.expect_silence()


async def test_phones_are_looked_up_in_their_order(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Lookup(1, (stage.ben.number, "+491713920009", "nonsense", stage.anna.number)))
        assert (await anna.expect(Found)).users == (stage.ben.address.user, 0, 0, stage.anna.address.user)


async def test_whoever_has_an_account_is_sent_no_code(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(RequestCode(1, "+491713920077", CodeRoute.SMS))
        assert (await anna.expect(Failed)).code == ErrorCode.ALREADY_REGISTERED


async def test_progress_of_a_chat_without_messages_is_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), stage.ben.address.user
        anna.say(FetchProgress(3, (ben,)))
        assert (await anna.expect(Progresses)).chats == (
            ChatProgress(ben, NO_MESSAGE, NO_MESSAGE, NO_MESSAGE),
        )


async def test_prekeys_of_one_user_cannot_be_drawn_by_another_and_the_wait_is_told(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        for request in range(1, 7):
            anna.say(FetchBundles(request, stage.ben.address.user))
            await anna.expect(Bundles)
        anna.say(FetchBundles(7, stage.ben.address.user))
        failed = await anna.expect(Failed)
        assert (failed.request, failed.code) == (7, ErrorCode.WAIT)
        assert isinstance(failed.detail, int)
        for _ in range(10):  # she stays online meanwhile
            await trio.sleep(failed.detail / 10)
            await anna.ping()
        anna.say(FetchBundles(8, stage.ben.address.user))
        assert (await anna.expect(Bundles)).request == 8


async def test_a_profile_is_kept_as_it_was_sealed_and_fetched_by_piece(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        await store_profile(ben, 77, b"name", b"picture")
        assert await fetch(anna, stage.ben.address.user, 0) == Profile(1, 77, b"name")
        assert await fetch(anna, stage.ben.address.user, 1) == Profile(1, 77, b"picture")
        assert await fetch(anna, stage.ben.address.user, 0, known=77) == Profile(1, 77, b"")
        await store_profile(ben, 78, b"new name")
        assert await fetch(anna, stage.ben.address.user, 1) == NO_PROFILE
        ben.say(StoreProfile(1, 0, 0, b""))
        await ben.expect(ProfileStored)
        assert await fetch(anna, stage.ben.address.user, 0) == NO_PROFILE


async def test_a_hidden_profile_an_absent_one_and_a_blocked_askers_look_the_same(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben, user = await stage.anna.connect(), await stage.ben.connect(), stage.ben.address.user
        assert await fetch(anna, user, 0) == NO_PROFILE
        assert await fetch(anna, UserId(99), 0) == NO_PROFILE
        await store_profile(ben, 77, b"name")
        await settle(ben, change(Privacy(profile=Audience.CONTACTS)))
        assert await fetch(anna, user, 0) == NO_PROFILE
        await settle(ben, change(add_contacts=(stage.anna.address.user,)))
        assert (await fetch(anna, user, 0)).version == 77
        await settle(ben, change(block=(stage.anna.address.user,)))
        assert await fetch(anna, user, 0, known=77) == NO_PROFILE
        assert (await fetch(ben, user, 0)).version == 77


async def test_profiles_cannot_be_drawn_and_changes_not_made_without_end(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    few = Limit(1, "min", 2)
    config = replace(TEST_CONFIG, limit_profile_fetches=few, limit_account_changes=few)
    async with open_stage(tmp_path, sim, config=config) as stage:
        anna = await stage.anna.connect()
        for _ in range(2):
            await fetch(anna, stage.ben.address.user, 0)
            await settle(anna, change())
        for too_much in (FetchProfile(1, stage.ben.address.user, 0, 0), change(), StoreProfile(1, 5, 0, b"")):
            anna.say(too_much)
            failed = await anna.expect(Failed)
            assert (failed.code, failed.detail) == (ErrorCode.WAIT, 60)


async def test_who_watches_too_many_is_told_nothing_of_the_rest(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = replace(TEST_CONFIG, limit_subscriptions=Limit(1, "min", 1))
    async with open_stage(tmp_path, sim, config=config) as stage:
        anna = await stage.anna.connect()
        anna.say(Subscribe(stage.ben.address.user), Subscribe(UserId(99)))
        await anna.expect(Presence)
        await anna.expect_silence()


async def fetch(device: Device, user: UserId, piece: int, *, known: int = 0) -> Profile:
    device.say(FetchProfile(1, user, piece, known))
    return await device.expect(Profile)


async def test_the_directory_cannot_be_drawn(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(
        tmp_path, sim, config=replace(TEST_CONFIG, limit_lookups=Limit(1, "s", 3))
    ) as stage:
        anna = await stage.anna.connect()
        anna.say(Lookup(1, (stage.ben.number,) * 3))
        assert len((await anna.expect(Found)).users) == 3
        anna.say(Lookup(2, (stage.ben.number,) * 2))
        failed = await anna.expect(Failed)
        assert (failed.code, failed.detail) == (ErrorCode.WAIT, 2)


async def test_codes_cost_money_and_are_not_sent_without_end(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(
        tmp_path, sim, config=replace(TEST_CONFIG, limit_codes=Limit(1, "min", 1))
    ) as stage:
        stranger = await stage.stranger()
        stranger.say(RequestCode(1, "+491713920005", CodeRoute.SMS))
        await stranger.expect(CodeSent)
        stranger.say(RequestCode(2, "+491713920006", CodeRoute.SMS))
        failed = await stranger.expect(Failed)
        assert (failed.code, failed.detail) == (ErrorCode.WAIT, 60)
