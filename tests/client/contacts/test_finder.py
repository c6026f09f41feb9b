import trio
from trio.testing import MockClock

from client.contacts.book import ContactBook
from client.phone import Phone
from protocol.limits import MAX_LOOKUP_PHONES
from protocol.stanzas import Lookup
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until


def book_of(phone: Phone) -> ContactBook:
    return phone._store.contacts


def numbers(count: int) -> dict[str, str]:
    return {f"+49171392{n:04}": f"Nobody {n}" for n in range(count)}


async def test_the_book_is_looked_up_page_by_page_and_says_that_it_is_one(
    autojump_clock: MockClock, town: Town
) -> None:
    ben = town.relay.device_of(BEN).address.user
    async with town.open(ANN) as ann:
        await ann.wait_online()
        book_of(ann).put(numbers(600) | {BEN: "Ben"})
        await until(lambda: book_of(ann).count_due() == 0, 20)
        assert ann.user_of(BEN) == ben
    asked = [event for event in town.relay.heard if isinstance(event, Lookup)]
    assert [len(lookup.phones) for lookup in asked] == [MAX_LOOKUP_PHONES, MAX_LOOKUP_PHONES, 89]
    assert all(lookup.in_bulk == 1 for lookup in asked)


async def test_what_was_put_in_without_a_connection_is_looked_up_with_the_next(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
    async with town.open(ANN) as ann:
        book_of(ann).put({BEN: "Ben"})
        await until(lambda: book_of(ann).count_due() == 0, 20)


async def test_what_the_relay_allows_is_used_up_and_then_waited_for(
    autojump_clock: MockClock, town: Town
) -> None:
    town.relay.lookups_left = 300
    async with town.open(ANN) as ann:
        await ann.wait_online()
        book_of(ann).put(numbers(600))
        await until(lambda: book_of(ann).pause_left > 0, 20)
        assert book_of(ann).count_due() == 600 - 256 - 32 - 8  # what is left of 300 after the first page
        assert book_of(ann).pause_left > 500
        town.relay.lookups_left = 1_000
        await trio.sleep(300)
        assert book_of(ann).count_due() == 304  # it asks no sooner than told
        await trio.sleep(book_of(ann).pause_left)
        await until(lambda: book_of(ann).count_due() == 0, 20)


async def test_a_relay_that_refuses_everything_is_left_alone(autojump_clock: MockClock, town: Town) -> None:
    town.relay.lookups_left = 0
    async with town.open(ANN) as ann:
        await ann.wait_online()
        book_of(ann).put({BEN: "Ben"})
        await until(lambda: book_of(ann).pause_left > 0, 20)
        await trio.sleep(100)
    assert len(town.relay.heard_of(Lookup)) == 1
