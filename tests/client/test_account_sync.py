import trio
from trio.testing import MockClock

from client.store import Store
from protocol.codes import ErrorCode
from protocol.e2e import Profile
from protocol.e2e.profile import open_details
from protocol.ids import UserId
from protocol.stanzas import Audience, ChangeSettings, Privacy, StoreProfile
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

HIDDEN = Privacy(Audience.NOBODY, Audience.CONTACTS, Audience.EVERYONE)
EVE = UserId(666)


async def test_a_new_phone_asks_once_how_things_stand(autojump_clock: MockClock, town: Town) -> None:
    town.relay.privacy[town.relay.device_of(ANN).address.user] = HIDDEN
    for _ in range(2):
        async with town.open(ANN) as ann:
            await ann.wait_online()
            await trio.sleep(1)
            assert ann._store.settings.privacy() == HIDDEN
    assert len(town.relay.heard_of(ChangeSettings)) == 1


async def test_what_was_chosen_elsewhere_on_the_same_home_reaches_the_relay(
    autojump_clock: MockClock, town: Town
) -> None:
    user = town.relay.device_of(ANN).address.user
    async with town.open(ANN) as ann:
        await ann.wait_online()
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            store.choose_privacy(HIDDEN)
            store.set_blocked(EVE, True)
            await until(lambda: not (store.settings.is_due or store.blocks.is_due(EVE)), 5)
    assert town.relay.privacy[user] == HIDDEN
    assert list(town.relay.blocked[user]) == [EVE]


async def test_contacts_are_named_as_soon_as_one_writes_to_them(
    autojump_clock: MockClock, town: Town
) -> None:
    user, ben = town.relay.device_of(ANN).address.user, town.relay.device_of(BEN).address.user
    async with town.open(ANN) as ann:
        await ann.wait_online()
        ann._store.choose_privacy(HIDDEN)
        ann.send_text(BEN, "hello")
        await until(lambda: list(town.relay.contacts.get(user, ())) == [ben], 10)


async def test_a_profile_is_stored_with_its_first_piece_last(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        profiles = ann._store.profiles
        profiles.set_own(Profile("Ann", "", b"\xff\xd8\xff".ljust(40_000, b"x")))
        await until(lambda: (own := profiles.own()) is not None and not own.is_due, 10)
        own = profiles.own()
    assert own is not None
    stored = [event for event in town.relay.heard if isinstance(event, StoreProfile)]
    assert [event.piece for event in stored] == [1, 2, 0]
    user = town.relay.device_of(ANN).address.user
    assert open_details(own.key, user, own.version, stored[-1].data).name == "Ann"


async def test_a_relay_that_asks_to_wait_is_given_the_time(autojump_clock: MockClock, town: Town) -> None:
    town.relay.request_refusal = (ErrorCode.WAIT, 20)
    async with town.open(ANN) as ann:
        await ann.wait_online()
        ann._store.choose_privacy(HIDDEN)
        await trio.sleep(10)
        asked = len(town.relay.heard_of(ChangeSettings))
        assert asked == 1
        town.relay.request_refusal = None
        await until(lambda: not ann._store.settings.is_due, 30)


async def test_a_list_that_is_full_is_not_asked_for_again_and_again(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await trio.sleep(1)
        town.relay.request_refusal = (ErrorCode.LIST_FULL, None)
        ann._store.set_blocked(EVE, True)
        await until(lambda: ann._store.settings.refusal == "list-full", 5)
        assert not ann._store.blocks.is_blocked(EVE)
        asked = len(town.relay.heard_of(ChangeSettings))
        await trio.sleep(120)
        assert len(town.relay.heard_of(ChangeSettings)) == asked


async def test_what_was_chosen_without_a_connection_goes_out_with_the_next(
    autojump_clock: MockClock, town: Town
) -> None:
    town.network.unreachable["relay"] = None
    async with town.open(ANN) as ann:
        ann._store.choose_privacy(HIDDEN)
        await trio.sleep(5)
        assert ann._store.settings.is_due
        del town.network.unreachable["relay"]
        await until(lambda: not ann._store.settings.is_due, 60)
