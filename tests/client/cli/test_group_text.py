import pytest

from client.cli.group_text import change_sentence, group_name, names, person_name, settings_text
from client.groups.records import GroupChange, GroupStep, Person
from protocol.ids import GroupId, UserId
from protocol.membership import Settings

ME = Person(UserId(1), "+4915112345601", is_self=True)
ANN = Person(UserId(2), "+4915112345602", "Ann")
NOBODY = Person(UserId(3))


def test_people_are_called_as_everywhere() -> None:
    assert person_name(ME) == "you"
    assert person_name(ANN) == "~Ann +49 1511 2345602"
    assert person_name(NOBODY) == "0000000000000003"
    assert person_name(Person(UserId(2), "+4915112345602", "Ann", "Annie")) == "Annie"


def test_many_people_are_cut_short() -> None:
    assert names([ME]) == "you"
    assert names([ME, NOBODY]) == "you and 0000000000000003"
    assert names([NOBODY] * 10).endswith("and 2 more")


def test_a_group_without_a_name_is_called_by_its_id_and_a_name_cannot_command_a_terminal() -> None:
    assert group_name(GroupId(7), None) == "g0000000000000007"
    assert "\x1b" not in group_name(GroupId(7), "a\x1b[2Jb")


@pytest.mark.parametrize("step", list(GroupStep))
def test_every_step_has_a_sentence(step: GroupStep) -> None:
    assert change_sentence(GroupChange(step, ANN, (ME,), "Friends", Settings.ADMINS_SEND))


def test_what_the_relay_has_made_up_is_a_warning() -> None:
    assert change_sentence(GroupChange(GroupStep.INTRUDER, NOBODY)).startswith("WARNING")
    assert change_sentence(GroupChange(GroupStep.FORGED, NOBODY)).startswith("WARNING")


def test_settings_say_who_may_do_what() -> None:
    assert settings_text(Settings.ADMINS_SEND).startswith("only admins write, everybody may change")
