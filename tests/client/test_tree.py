import pytest
import trio
from trio.testing import MockClock

from actors import ActorSystem
from client import account_sync, connection_handle, inbox, outbox, prekeys, receipts, timekeeper
from client.events import Connectivity
from client.phone import Phone
from client.records import MessageState
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

NAMES = (
    inbox.NAME,
    outbox.NAME,
    receipts.NAME,
    connection_handle.NAME,
    prekeys.NAME,
    account_sync.NAME,
    timekeeper.NAME,
)


def system_of(phone: Phone) -> ActorSystem:
    return phone._system


@pytest.mark.parametrize("name", NAMES)
async def test_whichever_part_dies_nothing_is_lost_and_nothing_shown_twice(
    autojump_clock: MockClock, town: Town, name: str
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        sent = []
        for number in range(12):
            sent.append(ann.send_text(BEN, f"{number}"))
            if number % 4 == 1:
                await trio.sleep(0.001)
                for phone in (ann, ben):
                    part = system_of(phone).whereis(name)
                    if part is not None:
                        part.kill()
                await trio.sleep(10)  # within the tree's patience
        await ann.wait_for(sent[-1], MessageState.DELIVERED)
        assert [entry.text for entry in ben.history()] == [f"{number}" for number in range(12)]
        assert len(town.relay.stored) == 12


async def test_parts_that_fail_again_and_again_stop_the_phone_and_it_says_so(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()

        def is_stopped() -> bool:
            part = system_of(ann).whereis(outbox.NAME)
            if part is not None:
                part.kill()
            return ann.connection.connectivity is Connectivity.STOPPED

        await until(is_stopped)
        assert ann.connection.error is not None
        assert ann.connection.error.name == "phone-failed"


async def test_all_parts_are_there_and_found_by_name(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        assert all(system_of(ann).whereis(name) is not None for name in NAMES)
