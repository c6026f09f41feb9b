"""What a device may ask for: each request is answered, or fails by its name."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import (
    Bundles,
    ChatProgress,
    CodeRoute,
    CodeSent,
    Done,
    ErrorCode,
    Failed,
    FetchBundles,
    FetchProgress,
    Found,
    Lookup,
    Prekey,
    Progresses,
    RequestCode,
    UploadPrekeys,
    UserId,
)
from relay.rate_limits import Limit
from relay.requests import ANSWERS
from storage.mailboxes import NO_MESSAGE
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


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
        assert (await anna.expect(Failed)).code == ErrorCode.ACCOUNT_EXISTS


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
