import math

import pytest

from client.keepalive import Due
from client.owed import Owed
from protocol.ids import DeviceId, GroupAddress, GroupId, MessageNumber, Seq, UserId
from protocol.stanzas import Ack, Part, Ping, Send, SendGroup

BEN, EVA = UserId(2), UserId(3)
TEAM = GroupAddress(GroupId(4))
NEVER = -math.inf


def message(number: int, size: int = 100) -> Send:
    return Send(BEN, MessageNumber(number), (Part(DeviceId(1), bytes(size)),))


def owing(size: int = 100) -> Owed:
    """A message was said at 1,000."""
    owed = Owed()
    owed.said(message(7, size), 1000.0)
    return owed


@pytest.mark.parametrize(
    ("silence", "due"),
    [(0, Due.NOTHING), (9.9, Due.NOTHING), (10, Due.PING), (30, Due.PING), (30.2, Due.GIVE_UP)],
)
def test_silence_about_a_message_is_asked_about_and_then_not_borne(silence: float, due: Due) -> None:
    assert owing().due(1000.0 + silence, last_heard=990.0, last_ping=990.0) is due


def test_it_is_asked_about_now_and_then() -> None:
    assert owing().due(1019.9, last_heard=990.0, last_ping=1010.0) is Due.NOTHING
    assert owing().due(1020.0, last_heard=990.0, last_ping=1010.0) is Due.PING


def test_whatever_is_heard_shows_that_somebody_is_there() -> None:
    assert owing().due(1035.0, last_heard=1030.0, last_ping=1030.0) is Due.NOTHING


def test_who_hears_and_is_not_heard_gives_up_later() -> None:
    assert owing().due(1060.0, last_heard=1060.0, last_ping=1055.0) is Due.NOTHING
    assert owing().due(1060.2, last_heard=1060.0, last_ping=1055.0) is Due.GIVE_UP


def test_an_answer_to_one_message_shows_that_we_are_heard() -> None:
    owed = owing()
    owed.said(message(8), 1001.0)
    owed.accepted(BEN, MessageNumber(7), 1050.0)
    assert owed.due(1061.0, last_heard=1061.0, last_ping=1060.0) is Due.NOTHING


def test_much_on_a_slow_line_is_given_its_time() -> None:
    assert owing(60_000).due(1089.0, last_heard=990.0, last_ping=1085.0) is Due.NOTHING
    assert owing(60_000).due(1090.1, last_heard=990.0, last_ping=1010.0) is Due.GIVE_UP


def test_what_is_answered_is_not_owed() -> None:
    owed = owing()
    owed.accepted(EVA, MessageNumber(9), 1030.0)
    owed.accepted(BEN, MessageNumber(6), 1030.0)
    assert owed
    owed.accepted(BEN, MessageNumber(8), 1030.0)
    assert not owed
    assert owed.due(9999.0, last_heard=990.0, last_ping=NEVER) is Due.NOTHING


def test_a_refusal_answers_one_message() -> None:
    owed = owing()
    owed.said(message(8), 1001.0)
    owed.refused(BEN, MessageNumber(7), 1030.0)
    assert owed
    owed.refused(BEN, MessageNumber(8), 1030.0)
    assert not owed


def test_a_pong_shows_that_all_was_heard() -> None:
    owed = owing()
    owed.doubt(1005.0)
    owed.pong_heard()
    assert not owed


def test_a_question_that_was_not_answered_in_time_is_doubt_enough() -> None:
    owed = Owed()
    owed.doubt(1000.0)
    assert owed.due(1010.0, last_heard=990.0, last_ping=NEVER) is Due.PING
    assert owed.due(1030.0, last_heard=990.0, last_ping=1010.0) is Due.GIVE_UP


def test_silence_counts_from_the_first_message_that_is_owed() -> None:
    owed = owing()
    owed.said(message(8, 0), 1025.0)
    assert owed.due(1030.2, last_heard=990.0, last_ping=1010.0) is Due.GIVE_UP
    owed.accepted(BEN, MessageNumber(8), 1030.0)
    owed.said(message(9, 0), 1040.0)
    assert owed.due(1049.0, last_heard=990.0, last_ping=1010.0) is Due.NOTHING


def test_a_group_owes_as_a_person_does_and_what_has_no_answer_is_not_owed() -> None:
    owed = Owed()
    owed.said(Ping(), 1000.0)
    owed.said(Ack(Seq(3)), 1000.0)
    assert not owed
    owed.said(SendGroup(TEAM, MessageNumber(1), 0, b"hello"), 1000.0)
    assert owed
    owed.accepted(UserId(TEAM.group), MessageNumber(1), 1030.0)
    assert not owed
