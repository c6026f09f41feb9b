from protocol.e2e.content_rules import (
    DELETE_SECONDS,
    EDIT_SECONDS,
    LATENESS_SECONDS,
    Moment,
    may_delete,
    may_edit,
)

SENT = Moment(1_000, 1_001)


def test_a_text_can_be_edited_for_fifteen_minutes() -> None:
    last = SENT.sent_at + EDIT_SECONDS
    assert may_edit(SENT, Moment(last, last + 1))
    assert not may_edit(SENT, Moment(last + 1, last + 2))


def test_a_message_can_be_deleted_for_two_days_and_a_half() -> None:
    last = SENT.sent_at + DELETE_SECONDS
    assert DELETE_SECONDS == 2.5 * 86_400
    assert may_delete(SENT, Moment(last, last + 1))
    assert not may_delete(SENT, Moment(last + 1, last + 2))


def test_a_change_may_have_waited_for_a_connection_for_a_day() -> None:
    said = SENT.sent_at + 60
    assert may_edit(SENT, Moment(said, SENT.arrived_at + EDIT_SECONDS + LATENESS_SECONDS))


def test_a_sender_who_lies_about_the_time_gains_no_more_than_a_day() -> None:
    lie = SENT.sent_at + 60
    assert not may_edit(SENT, Moment(lie, SENT.arrived_at + EDIT_SECONDS + LATENESS_SECONDS + 1))
    assert not may_delete(SENT, Moment(lie, SENT.arrived_at + DELETE_SECONDS + LATENESS_SECONDS + 1))


def test_a_clock_that_was_put_back_does_no_harm() -> None:
    assert may_edit(SENT, Moment(SENT.sent_at - 3_600, SENT.arrived_at + 5))
