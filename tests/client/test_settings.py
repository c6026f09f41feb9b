from client.settings import Settings
from protocol.stanzas import Audience, Privacy
from tests.client.phones import TestPhone

TO_CONTACTS = Privacy(profile=Audience.CONTACTS)


def settings_of(phone: TestPhone) -> Settings:
    return phone.store.settings


def test_who_has_chosen_nothing_shows_everything_and_has_nothing_to_tell(
    phones: tuple[TestPhone, TestPhone],
) -> None:
    settings = settings_of(phones[0])
    assert settings.privacy() == Privacy()
    assert not settings.is_due
    assert not settings.is_known


def test_a_choice_is_due_until_the_relay_has_heard_this_one(phones: tuple[TestPhone, TestPhone]) -> None:
    settings = settings_of(phones[0])
    settings.choose(TO_CONTACTS)
    assert settings.is_due
    settings.choose(Privacy(Audience.NOBODY))
    settings.heard(TO_CONTACTS, TO_CONTACTS)
    assert settings.is_due
    assert settings.privacy() == Privacy(Audience.NOBODY)
    settings.heard(Privacy(Audience.NOBODY), Privacy(Audience.NOBODY))
    assert not settings.is_due


def test_a_phone_that_has_chosen_nothing_takes_over_how_things_stand(
    phones: tuple[TestPhone, TestPhone],
) -> None:
    settings = settings_of(phones[0])
    settings.heard(TO_CONTACTS, None)
    assert settings.privacy() == TO_CONTACTS
    assert settings.is_known


def test_a_refusal_is_remembered_until_the_next_choice(phones: tuple[TestPhone, TestPhone]) -> None:
    settings = settings_of(phones[0])
    settings.choose(TO_CONTACTS)
    settings.refused("list-full")
    assert (settings.is_due, settings.refusal) == (False, "list-full")
    settings.choose(TO_CONTACTS)
    assert settings.refusal is None


def test_contacts_are_those_one_has_written_to(friends: tuple[TestPhone, TestPhone]) -> None:
    ann, ben = friends
    ann.send(ben, "hello")
    assert settings_of(ann).is_contact(ben.user)
    assert not settings_of(ben).is_contact(ann.user)
    assert settings_of(ann).allows(Audience.CONTACTS, ben.user)
    assert not settings_of(ben).allows(Audience.CONTACTS, ann.user)
    assert settings_of(ben).allows(Audience.EVERYONE, ann.user)


def test_the_relay_is_told_of_contacts_only_while_a_setting_needs_them(
    friends: tuple[TestPhone, TestPhone],
) -> None:
    ann, ben = friends
    settings = settings_of(ann)
    ann.send(ben, "hello")
    assert settings.contacts_due(10) == []
    settings.choose(TO_CONTACTS)
    assert settings.contacts_due(10) == [ben.user]
    settings.contacts_named([ben.user])
    assert settings.contacts_due(10) == []
    settings.choose(Privacy())
    settings.contacts_named([])
    settings.choose(TO_CONTACTS)
    assert settings.contacts_due(10) == [ben.user]
