"""Who may see what of whom, for every audience, and with a block on either side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import Audience, Privacy, UserId
from relay.visibility import Visibility
from storage import Environment, InlineJournal, JournalError, Op, open_environment, settings

ANNA, BEN = UserId(7), UserId(8)
EVERYONE, CONTACTS, NOBODY = Audience


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as environment:
        yield environment


@pytest.fixture
def visibility(environment: Environment) -> Visibility:
    return Visibility(lambda _user: environment.read())


def store(environment: Environment, *ops: Op) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    InlineJournal(environment).submit(list(ops), settled)


def chooses(user: UserId, audience: Audience) -> Op:
    """The same audience for everything."""
    return settings.put_privacy(user, Privacy(audience, audience, audience))


def test_without_a_choice_everybody_sees_everything(visibility: Visibility) -> None:
    assert visibility.presence(ANNA, BEN)
    assert visibility.receipts(ANNA, BEN)
    assert visibility.profile(ANNA, BEN)


def test_who_hides_from_everybody_sees_nobodys_presence_and_no_receipts(
    environment: Environment, visibility: Visibility
) -> None:
    store(environment, chooses(ANNA, NOBODY))
    for watcher, watched in ((ANNA, BEN), (BEN, ANNA)):
        assert not visibility.presence(watcher, watched)
        assert not visibility.receipts(watcher, watched)


def test_a_profile_is_the_owners_choice_alone(environment: Environment, visibility: Visibility) -> None:
    store(environment, chooses(ANNA, NOBODY))
    assert not visibility.profile(ANNA, BEN)
    assert visibility.profile(BEN, ANNA)
    assert visibility.profile(ANNA, ANNA)


def test_contacts_are_those_who_were_named_and_nobody_else(
    environment: Environment, visibility: Visibility
) -> None:
    store(environment, chooses(ANNA, CONTACTS))
    assert not visibility.presence(BEN, ANNA)
    assert not visibility.profile(ANNA, BEN)
    store(environment, settings.add_contact(ANNA, BEN))
    assert visibility.presence(BEN, ANNA)
    assert visibility.presence(ANNA, BEN)
    assert visibility.receipts(ANNA, BEN)
    assert visibility.profile(ANNA, BEN)


def test_two_who_show_themselves_to_contacts_see_each_other_only_if_each_names_the_other(
    environment: Environment, visibility: Visibility
) -> None:
    store(environment, chooses(ANNA, CONTACTS), chooses(BEN, CONTACTS), settings.add_contact(ANNA, BEN))
    assert not visibility.presence(BEN, ANNA)
    assert not visibility.presence(ANNA, BEN)
    store(environment, settings.add_contact(BEN, ANNA))
    assert visibility.presence(BEN, ANNA)
    assert visibility.presence(ANNA, BEN)


def test_a_block_hides_what_is_mutual_both_ways_and_the_profile_one_way(
    environment: Environment, visibility: Visibility
) -> None:
    store(environment, settings.add_block(ANNA, BEN, 1), settings.add_contact(ANNA, BEN))
    for one, other in ((ANNA, BEN), (BEN, ANNA)):
        assert not visibility.presence(one, other)
        assert not visibility.receipts(one, other)
    assert not visibility.profile(ANNA, BEN)
    assert visibility.profile(BEN, ANNA)
