from contextlib import AbstractAsyncContextManager

import pytest
from trio.testing import MockClock

from client.errors import (
    AccountExistsError,
    HomeInUseError,
    NotConnectedError,
    RelayKeyError,
    RelayRefusedError,
    RequestTimeoutError,
)
from client.records import MessageState
from client.registration import Applicant, Application, open_application
from client.relay_url import RelayUrl
from protocol.codes import ErrorCode
from tests.client.conftest import ANN, BEN, Town, only_error
from tests.helpers.scripted_relay import CODE

CLEO = "+4915112345670"


def applying(
    town: Town, home: str = "cleo", key: bytes | None = None
) -> AbstractAsyncContextManager[Application]:
    url = town.relay.url if key is None else RelayUrl(town.relay.url.host, town.relay.url.port, key)
    return open_application(
        town.home(home),
        Applicant(url, CLEO),
        network=town.network,
        entropy=town.entropy,
        clock=town.clock,
    )


async def test_a_proved_number_makes_the_folder_a_phone(autojump_clock: MockClock, town: Town) -> None:
    async with applying(town) as application:
        assert application.resumed() is None
        assert (await application.request_code()).expires_in_s == 600
        account = await application.register(CODE)
    assert account.phone == CLEO
    assert account.relay_key == town.relay.url.key
    assert town.home("cleo").stat().st_mode & 0o777 == 0o700
    async with town.open("cleo") as cleo:
        message_id = cleo.send_text(ANN, "hello")
        assert (await cleo.wait_for(message_id, MessageState.ACCEPTED)).state is MessageState.ACCEPTED


async def test_a_wrong_code_can_be_followed_by_the_right_one(autojump_clock: MockClock, town: Town) -> None:
    async with applying(town) as application:
        with pytest.raises(RelayRefusedError) as caught:
            await application.register("000000")
        assert caught.value.name == "invalid-code"
        assert await application.register(CODE)


async def test_a_home_with_an_account_is_left_alone(autojump_clock: MockClock, town: Town) -> None:
    with pytest.raises(AccountExistsError, match="already holds the account"):
        async with applying(town, home=ANN):
            pass


async def test_a_home_in_use_is_left_alone(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN):
        with pytest.raises(HomeInUseError):
            async with applying(town, home=ANN):
                pass


async def test_a_relay_with_another_key_is_refused_at_first_contact(
    autojump_clock: MockClock, town: Town
) -> None:
    with pytest.raises(RelayKeyError):
        async with applying(town, key=b"k" * 32):
            pass


async def test_a_relay_that_cannot_be_reached_is_named_with_the_reason(
    autojump_clock: MockClock, town: Town
) -> None:
    town.network.unreachable["relay"] = None
    with pytest.raises(NotConnectedError, match="relay:5252 cannot be reached: no route to host"):
        async with applying(town):
            pass


async def test_waiting_is_told_in_seconds(autojump_clock: MockClock, town: Town) -> None:
    town.relay.request_refusal = (ErrorCode.WAIT, 42)
    async with applying(town) as application:
        with pytest.raises(RelayRefusedError, match="try again in 42 seconds"):
            await application.request_code()


async def test_a_registration_whose_answer_was_lost_is_found_by_the_next_try(
    autojump_clock: MockClock, town: Town
) -> None:
    async def lose_answer(application: Application) -> None:
        town.relay.loses_answer = lambda _: True
        with pytest.raises(RequestTimeoutError):
            await application.register(CODE)
        town.relay.loses_answer = lambda _: False

    async with applying(town) as application:
        await lose_answer(application)
    async with applying(town) as application:
        account = application.resumed()
    assert account is not None
    async with town.open("cleo") as cleo:
        await cleo.wait_online()


async def test_a_number_registered_anew_elsewhere_gets_what_is_sent_from_then_on(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "to the old phone"), MessageState.ACCEPTED)
        await town.register(BEN, home="ben's new phone")
        town.relay.refusals.append((ErrorCode.STALE_DEVICES, None))
        message_id = ann.send_text(BEN, "to the new phone")
        await ann.wait_for(message_id, MessageState.ACCEPTED)
        async with town.open("ben's new phone") as ben:
            await ann.wait_for(message_id, MessageState.DELIVERED)
            assert [entry.text for entry in ben.unread()][-1] == "to the new phone"


async def test_an_error_inside_an_application_comes_out(autojump_clock: MockClock, town: Town) -> None:
    async def fail_inside() -> None:
        async with applying(town):
            raise RuntimeError("mine")

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group, or the error: both are right
        await fail_inside()
    assert isinstance(only_error(caught.value), RuntimeError)
