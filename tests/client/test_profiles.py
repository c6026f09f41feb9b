import pytest

from client.errors import BlockedError, ProfileError
from client.profiles import FRESH_SECONDS
from client.records import MessageState, ReceivedMessage
from protocol.e2e import Profile, ProfileDetails, Text
from protocol.stanzas import Audience, Privacy
from tests.client.phones import TestPhone

ANN = Profile("Ann", "at the sea", b"\x89PNG\r\n\x1a\n")


def key_in(phone: TestPhone, sender: TestPhone, text: str = "hello") -> bytes | None:
    """The profile key inside the next text from `sender`."""
    received = phone.receive(sender, sender.send(phone, text))
    assert isinstance(received, ReceivedMessage)
    assert isinstance(received.content, Text)
    return received.content.profile_key


def test_a_change_keeps_the_key_and_is_due_under_a_new_version(phones: tuple[TestPhone, TestPhone]) -> None:
    profiles = phones[0].store.profiles
    profiles.set_own(ANN)
    first = profiles.own()
    assert first is not None
    profiles.stored(first.version)
    profiles.set_own(Profile("Anna"))
    second = profiles.own()
    assert second is not None
    assert second.key == first.key
    assert second.version != first.version
    assert second.is_due
    profiles.stored(first.version)  # the answer to the older one comes late
    assert (own := profiles.own()) is not None
    assert own.is_due


def test_what_cannot_be_shown_is_refused_and_changes_nothing(phones: tuple[TestPhone, TestPhone]) -> None:
    profiles = phones[0].store.profiles
    with pytest.raises(ProfileError, match="neither a JPEG nor a PNG"):
        profiles.set_own(Profile("Ann", "", b"GIF89a"))
    assert profiles.own() is None


def test_the_key_travels_with_the_first_text_and_not_again(friends: tuple[TestPhone, TestPhone]) -> None:
    ann, ben = friends
    assert key_in(ben, ann) is None
    ann.store.profiles.set_own(ANN)
    own = ann.store.profiles.own()
    assert own is not None
    assert key_in(ben, ann) == own.key
    assert key_in(ben, ann) is None
    known = ben.store.profiles.of(ann.user)
    assert known is not None
    assert known.key == own.key


def test_a_key_whose_message_failed_travels_again(friends: tuple[TestPhone, TestPhone]) -> None:
    ann, ben = friends
    ann.store.profiles.set_own(ANN)
    lost = ann.send(ben, "lost")
    ann.store.refuse(ben.user, lost.number, "message-too-large")
    assert key_in(ben, ann) is not None
    expired = ann.send(ben, "expired")
    ann.store.mark_expired(ben.user, expired.number, expired.number)
    assert ann.store.entry(expired.message_id) is not None
    assert key_in(ben, ann) is None  # the one before it has arrived


def test_who_is_blocked_keeps_an_old_key_and_the_others_get_a_new_one(
    friends: tuple[TestPhone, TestPhone],
) -> None:
    ann, ben = friends
    ann.store.profiles.set_own(ANN)
    old = key_in(ben, ann)
    ann.store.set_blocked(ben.user, True)
    with pytest.raises(BlockedError):
        ann.store.queue_text(ben.user, "not to you")
    own = ann.store.profiles.own()
    assert own is not None
    assert own.key != old
    assert own.is_due
    ann.store.set_blocked(ben.user, True)
    assert ann.store.profiles.own() == own  # blocked already: nothing to hide anew
    ann.store.set_blocked(ben.user, False)
    assert key_in(ben, ann) == own.key


def test_the_key_goes_to_the_audience_and_a_narrower_one_gets_a_new_key(
    friends: tuple[TestPhone, TestPhone],
) -> None:
    ann, ben = friends
    ann.store.profiles.set_own(ANN)
    ann.store.choose_privacy(Privacy(profile=Audience.NOBODY))
    assert key_in(ben, ann) is None
    ann.store.choose_privacy(Privacy(profile=Audience.CONTACTS))
    own = ann.store.profiles.own()
    assert own is not None
    assert own.generation == 3
    assert key_in(ben, ann) == own.key  # whom one writes to is a contact


def test_a_removed_profile_is_due_and_its_key_goes_nowhere(friends: tuple[TestPhone, TestPhone]) -> None:
    ann, ben = friends
    ann.store.profiles.remove_own()
    assert ann.store.profiles.own() is None
    ann.store.profiles.set_own(ANN)
    ann.store.profiles.remove_own()
    own = ann.store.profiles.own()
    assert own is not None
    assert (own.profile, own.version, own.is_due) == (Profile(), 0, True)
    assert key_in(ben, ann) is None


def test_what_is_known_of_somebody_is_fresh_for_a_while_and_stale_with_a_new_key(
    friends: tuple[TestPhone, TestPhone],
) -> None:
    ann, ben = friends
    profiles = ben.store.profiles
    assert not profiles.is_stale(ann.user)  # without a key there is nothing to ask for
    profiles.learn_key(ann.user, b"k" * 32)
    assert profiles.is_stale(ann.user)
    profiles.learn(ann.user, 5, ProfileDetails("Ann", "", 0, b""), None)
    assert not profiles.is_stale(ann.user)
    ben.clock.time += FRESH_SECONDS + 1
    assert profiles.is_stale(ann.user)
    profiles.checked(ann.user)
    profiles.learn_key(ann.user, b"k" * 32)
    assert not profiles.is_stale(ann.user)
    profiles.learn_key(ann.user, b"n" * 32)
    assert profiles.is_stale(ann.user)
    assert (known := profiles.of(ann.user)) is not None
    assert known.profile.name == "Ann"  # until the new one is here


def test_somebodys_name_stands_in_the_history_until_they_show_none(
    friends: tuple[TestPhone, TestPhone],
) -> None:
    ann, ben = friends
    ben.read(ann, ann.send(ben, "hello"))
    ben.store.profiles.learn_key(ann.user, b"k" * 32)
    ben.store.profiles.learn(ann.user, 5, ProfileDetails("Ann", "", 0, b""), None)
    assert [entry.name for entry in ben.store.history()] == ["Ann"]
    ben.store.profiles.forget(ann.user)
    (entry,) = ben.store.history()
    assert (entry.name, entry.state) == (None, MessageState.RECEIVED)
