"""The queue itself, without an actor."""

from __future__ import annotations

import pytest

from actors import MailboxFullError, Overflow
from actors.envelope import Call
from actors.mailbox import Mailbox, WaitingTell


def filled(limit: int, overflow: Overflow) -> Mailbox:
    mailbox = Mailbox(limit, overflow)
    for number in range(limit):
        assert mailbox.put(number)
    return mailbox


def test_an_idle_mailbox_holds_no_containers() -> None:
    mailbox = Mailbox(4, Overflow.WAIT)
    assert (mailbox.items, mailbox.signals, mailbox.senders) == (None, None, None)
    assert len(mailbox) == 0


@pytest.mark.parametrize("overflow", [Overflow.WAIT, Overflow.REFUSE])
def test_a_full_mailbox_takes_nothing_more(overflow: Overflow) -> None:
    mailbox = filled(3, overflow)
    assert not mailbox.put("more")
    assert mailbox.items is not None
    assert list(mailbox.items) == [0, 1, 2]


def test_drop_oldest_keeps_the_newest() -> None:
    mailbox = filled(3, Overflow.DROP_OLDEST)
    assert mailbox.put(3)
    assert mailbox.items is not None
    assert list(mailbox.items) == [1, 2, 3]
    assert mailbox.statistics().dropped == 1


async def test_a_dropped_call_fails() -> None:
    mailbox = Mailbox(1, Overflow.DROP_OLDEST)
    call = Call("old")
    mailbox.put(call)
    mailbox.put("new")
    with pytest.raises(MailboxFullError):
        await call.wait()


def test_the_peak_is_the_longest_the_queue_has_been() -> None:
    mailbox = filled(3, Overflow.WAIT)
    assert mailbox.items is not None
    mailbox.items.clear()
    mailbox.items = None
    mailbox.put("again")
    assert mailbox.statistics().peak == 3


def test_system_messages_are_never_refused_and_count_as_length() -> None:
    mailbox = filled(2, Overflow.REFUSE)
    mailbox.put_signal("stop")
    assert len(mailbox) == 3


def test_what_the_actor_ordered_itself_is_queued_beyond_the_limit() -> None:
    mailbox = filled(2, Overflow.REFUSE)
    mailbox.put_exempt("timer")
    assert len(mailbox) == 3
    assert mailbox.statistics().peak == 3


def test_waiting_senders_are_admitted_in_order_and_those_who_gave_up_are_passed_over() -> None:
    mailbox = filled(2, Overflow.WAIT)
    first, second, third = WaitingTell("first"), Call("second"), WaitingTell("third")
    for sender in (first, second, third):
        mailbox.queue_sender(sender)
    first.fail(RuntimeError())  # given up
    assert mailbox.items is not None
    mailbox.items.clear()
    mailbox.admit_senders()
    assert list(mailbox.items) == [second, "third"]
    assert third.is_done
    assert not second.is_done
    assert mailbox.senders is None


def test_a_sender_that_is_forgotten_is_not_admitted() -> None:
    mailbox = filled(1, Overflow.WAIT)
    sender = WaitingTell("gone")
    mailbox.queue_sender(sender)
    mailbox.forget_sender(sender)
    mailbox.forget_sender(sender)
    assert mailbox.statistics().waiting == 0


def test_closing_returns_what_will_never_be_handled_and_lets_senders_go_on() -> None:
    mailbox = filled(2, Overflow.WAIT)
    teller, call = WaitingTell("told"), Call("asked")
    mailbox.queue_sender(teller)
    mailbox.queue_sender(call)
    assert mailbox.close() == [0, 1, "told", call]
    assert teller.is_done
    assert len(mailbox) == 0


def test_an_heir_has_what_was_queued_before_anything_new() -> None:
    left = filled(2, Overflow.WAIT)
    waiting = WaitingTell("waiting")
    left.queue_sender(waiting)
    heir = Mailbox(4, Overflow.WAIT)
    heir.inherit(left)
    heir.put("new")
    assert heir.items is not None
    assert list(heir.items) == [0, 1, "waiting", "new"]
    assert waiting.is_done
    assert not left.has_work
