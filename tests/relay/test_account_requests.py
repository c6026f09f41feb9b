"""Requests about a whole account are answered to whoever has one."""

from pathlib import Path

from trio.testing import MockClock

from protocol import AccountPage, ErrorCode, FetchAccount
from relay.account_requests import ANSWERS
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


def test_a_request_carries_the_number_that_its_answer_repeats() -> None:
    for request in ANSWERS:
        assert "request" in request.__slots__  # type: ignore[attr-defined]  # of a slotted dataclass


async def test_an_account_is_fetched_by_its_owner_and_not_by_a_stranger(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, stranger = await stage.anna.connect(), await stage.stranger()
        anna.say(FetchAccount(7, b""))
        page = await anna.expect(AccountPage)
        assert page.request == 7
        assert {row.table for row in page.rows} >= {"users", "phones", "devices", "static_keys"}
        stranger.say_raw([56, 1, b""])
        assert await stranger.expect_error() == ErrorCode.NOT_ALLOWED_HERE
