import pytest
from trio.testing import MockClock

from client.errors import RelayRefusedError, RequestTimeoutError
from protocol.codes import ErrorCode
from tests.client.conftest import ANN, Town


async def test_a_pin_is_set_and_taken_away_at_the_relay_alone(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.own_account.set_pin("271828")
        assert town.relay.pins[ANN] == "271828"
        await ann.own_account.remove_pin()
        assert not town.relay.pins[ANN]
    assert all(b"271828" not in path.read_bytes() for path in town.home(ANN).iterdir() if path.is_file())


async def test_a_refusal_comes_with_its_name_and_its_sentence(autojump_clock: MockClock, town: Town) -> None:
    town.relay.request_refusal = (ErrorCode.WAIT, 42)
    async with town.open(ANN) as ann:
        await ann.wait_online()
        with pytest.raises(RelayRefusedError, match="try again in 42 seconds") as caught:
            await ann.own_account.set_pin("271828")
        assert caught.value.name == "wait"


async def test_who_has_left_is_nobody_to_the_relay(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.own_account.delete(ANN)
    assert all(device.phone != ANN for device in town.relay.devices.values())


async def test_without_a_connection_nothing_is_promised(autojump_clock: MockClock, town: Town) -> None:
    town.network.unreachable["relay"] = None
    async with town.open(ANN) as ann:
        with pytest.raises(RequestTimeoutError):
            await ann.own_account.set_pin("271828")


async def test_what_the_relay_keeps_comes_page_by_page(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        pages = [page async for page in ann.own_account.export()]
    assert pages == [[("users", {"phone": ANN, "page": 0})], [("users", {"phone": ANN, "page": 4})]]
