"""What holds in a chat is the same on both sides, in whatever order they hear of it."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from client.chat_rules import VIEW_ONCE_SECONDS, ChatRules
from client.errors import ContentError, KeptHereError, MessageChangeError
from client.records import EntryKind
from protocol.e2e import ChatTimer, KeepHere
from protocol.ids import UserId
from protocol.limits import MAX_LIFE_SECONDS
from tests.client.phones import TestPhone
from tests.client.test_changes import encrypted, now, shown, told

Phones = tuple[TestPhone, TestPhone]
DAY = 86_400
CHAT = UserId(77)
A, B = b"a" * 8, b"b" * 8


def test_a_timer_holds_on_both_sides_and_is_a_line_of_the_chat(friends: Phones) -> None:
    alice, bob = friends
    message_id = alice.store.compose.timer(bob.user, DAY)
    bob.receive(alice, encrypted(alice))
    assert message_id is not None
    assert alice.store.rules.of(bob.user) == bob.store.rules.of(alice.user) == ChatRules(DAY)
    assert shown(alice, message_id).kind is shown(bob, message_id).kind is EntryKind.RULE
    assert bob.store.compose.timer(alice.user, DAY) is None
    bob.store.compose.timer(alice.user, 0)
    alice.receive(bob, encrypted(bob))
    assert alice.store.rules.of(bob.user) == bob.store.rules.of(alice.user) == ChatRules()


def test_what_holds_survives_a_restart(friends: Phones) -> None:
    alice, bob = friends
    alice.store.compose.timer(bob.user, DAY)
    alice.store.compose.keep_here(bob.user, on=True)
    alice.reopen()
    assert alice.store.rules.of(bob.user) == ChatRules(DAY, keep_here=True)
    assert list(alice.store.rules.kept()) == [bob.user]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_both_sides_obey_the_same_rule_in_whatever_order_they_hear_them(
    friends: Phones, order: tuple[int, ...]
) -> None:
    rules = (ChatTimer(A, 10, 60), ChatTimer(B, 10, 120), ChatTimer(A, 9, 180), KeepHere(A, 3, 1))
    for place in order:
        friends[0].store.rules.note(CHAT, rules[place])
    assert friends[0].store.rules.of(CHAT) == ChatRules(120, keep_here=True)


def test_a_rule_from_a_clock_that_is_ahead_can_be_changed_all_the_same(friends: Phones) -> None:
    alice, bob = friends
    ahead = ChatTimer(A, now(alice) + 10 * 366 * DAY, 60)
    alice.store.rules.note(bob.user, ahead)
    bob.store.rules.note(alice.user, ahead)
    alice.store.compose.timer(bob.user, 0)
    bob.receive(alice, encrypted(alice))
    assert alice.store.rules.of(bob.user).life is bob.store.rules.of(alice.user).life is None


def test_new_messages_carry_the_life_of_their_chat_and_old_ones_stay_as_they_were(friends: Phones) -> None:
    alice, bob = friends
    before, _ = told(alice, bob, "before")
    alice.store.compose.timer(bob.user, DAY)
    bob.receive(alice, encrypted(alice))
    after, send = told(bob, alice, "after")
    assert send.life == DAY
    assert (shown(alice, before).life, shown(alice, after).life) == (None, DAY)
    once = alice.store.compose.text(bob.user, "psst", view_once=True)
    assert shown(alice, once).life == DAY < VIEW_ONCE_SECONDS


def test_longer_than_a_message_can_live_is_refused(friends: Phones) -> None:
    alice, bob = friends
    with pytest.raises(ContentError):
        alice.store.compose.timer(bob.user, MAX_LIFE_SECONDS + 1)
    assert alice.store.rules.of(bob.user) == ChatRules()


def test_from_a_chat_that_is_kept_here_nothing_is_forwarded(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    bob.store.compose.keep_here(alice.user, on=True)
    alice.receive(bob, encrypted(bob))
    with pytest.raises(KeptHereError, match="neither forwarded nor exported"):
        alice.store.compose.forwarded(message_id, UserId(5))
    alice.store.compose.keep_here(bob.user, on=False)
    assert alice.store.rules.kept() == {}
    alice.store.compose.forwarded(message_id, UserId(5))


def test_a_rule_cannot_be_answered_edited_or_forwarded(friends: Phones) -> None:
    alice, bob = friends
    rule = alice.store.compose.timer(bob.user, DAY)
    assert rule is not None
    impossible: tuple[Callable[[], str], ...] = (
        lambda: alice.store.compose.reaction(rule, "👍"),
        lambda: alice.store.compose.edit(rule, "else"),
        lambda: alice.store.compose.forwarded(rule, UserId(5)),
    )
    for act in impossible:
        with pytest.raises(MessageChangeError):
            act()


def test_a_message_of_a_kind_to_come_is_understood_as_a_rule_once_it_is_known(
    friends: Phones, tmp_path: Path
) -> None:
    alice, bob = friends
    alice.store.compose.keep_here(bob.user, on=True)
    bob.receive(alice, encrypted(alice))
    # As a version would have left it that does not know the kind.
    bob.store._database.execute("UPDATE messages SET kind = 2")
    bob.store._database.execute("DELETE FROM chat_rules")
    bob.reopen()
    assert bob.store.rules.of(alice.user).keep_here
    assert bob.store.history()[-1].kind is EntryKind.RULE
