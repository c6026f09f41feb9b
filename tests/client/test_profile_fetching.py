import pytest
from trio.testing import MockClock

from client.errors import RelayRefusedError
from client.phone import Phone
from client.profile_fetching import refresh_own_profile
from client.records import MessageState
from protocol.codes import ErrorCode
from protocol.e2e import Profile
from protocol.ids import UserId
from protocol.stanzas import FetchProfile
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

PICTURE = b"\xff\xd8\xff".ljust(40_000, b"x")


async def show(phone: Phone, profile: Profile) -> None:
    """Set a profile, and wait until the relay has it."""
    profiles = phone._store.profiles
    profiles.set_own(profile)
    await until(lambda: (own := profiles.own()) is not None and not own.is_due, 30)


async def introduce(ann: Phone, ben: Phone) -> UserId:
    """Ann writes to Ben, who so gets her key; returns who she is."""
    await ann.wait_for(ann.send_text(BEN, "hello"), MessageState.DELIVERED)
    return ann.account.user


async def test_a_profile_is_learned_with_its_picture_and_then_known_by_its_version(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await show(ann, Profile("Ann", "at the sea", PICTURE))
        user = await introduce(ann, ben)
        assert ben.is_profile_stale(user)
        known = await ben.refresh_profile(user)
        assert known is not None
        assert known.profile == Profile("Ann", "at the sea", PICTURE)
        town.relay.heard.clear()
        assert await ben.refresh_profile(user) == ben.profile_of(user)
        assert len(town.relay.heard_of(FetchProfile)) == 1


async def test_who_never_sent_a_key_is_not_asked_about(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(BEN) as ben:
        await ben.wait_online()
        assert await ben.refresh_profile(town.relay.device_of(ANN).address.user) is None
    assert town.relay.heard_of(FetchProfile) == []


async def test_what_is_taken_away_is_forgotten(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await show(ann, Profile("Ann"))
        user = await introduce(ann, ben)
        await ben.refresh_profile(user)
        town.relay.profiles.clear()
        known = await ben.refresh_profile(user)
        assert known is not None
        assert (known.profile, known.version) == (Profile(), 0)


async def test_what_was_sealed_with_a_new_key_changes_nothing_until_the_key_comes(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await show(ann, Profile("Ann"))
        user = await introduce(ann, ben)
        await ben.refresh_profile(user)
        ann._store.profiles.change_key()
        await show(ann, Profile("Anna"))
        known = await ben.refresh_profile(user)
        assert known is not None
        assert known.profile.name == "Ann"
        await introduce(ann, ben)
        assert ben.is_profile_stale(user)
        known = await ben.refresh_profile(user)
        assert known is not None
        assert known.profile.name == "Anna"


async def test_a_picture_of_another_version_is_not_taken_for_this_one(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await show(ann, Profile("Ann", "", PICTURE))
        user = await introduce(ann, ben)
        version, data = town.relay.profiles[user, 2]
        town.relay.profiles[user, 2] = (version + 1, data)
        known = await ben.refresh_profile(user)
        assert known is not None
        assert known.version == 0


async def test_a_relay_that_asks_to_wait_is_heard(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await show(ann, Profile("Ann"))
        user = await introduce(ann, ben)
        town.relay.request_refusal = (ErrorCode.WAIT, 20)
        with pytest.raises(RelayRefusedError) as caught:
            await ben.refresh_profile(user)
        assert caught.value.detail == 20


async def test_what_another_own_device_has_made_of_the_profile_is_learned_whole(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await show(ann, Profile("Ann", "at the sea", PICTURE))
        profiles = ann._store.profiles
        own = profiles.own()
        assert own is not None
        profiles._database.execute("UPDATE own_profile SET name = 'Old', picture = NULL, version = 7")
        await refresh_own_profile(profiles, ann._connection, ann.account.user)
        assert profiles.own() == own


async def test_what_was_changed_here_and_is_not_at_the_relay_yet_stands(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await show(ann, Profile("Ann"))
        profiles = ann._store.profiles
        profiles._database.execute("UPDATE own_profile SET name = 'New', version = 7")
        for changed in ("is_due = 1", "is_due = 0, key = zeroblob(32)"):
            profiles._database.execute(f"UPDATE own_profile SET {changed}")
            await refresh_own_profile(profiles, ann._connection, ann.account.user)
            own = profiles.own()
            assert own is not None
            assert own.profile.name == "New"
            town.relay.heard.clear()


async def test_a_relay_that_says_there_is_no_profile_takes_away_nothing(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await show(ann, Profile("Ann", "", PICTURE))
        town.relay.profiles.clear()
        profiles = ann._store.profiles
        before = profiles.own()
        await refresh_own_profile(profiles, ann._connection, ann.account.user)
        assert profiles.own() == before
