import pytest
from hypothesis import given

from protocol.fields import FieldError
from protocol.membership import Action, Settings
from protocol.membership.actions import ACTION_BY_CLASS, ACTION_BY_NUMBER, ACTIONS, SettingsBits
from tests.protocol.membership.strategies import actions


def test_numbers_are_given_once_and_without_gaps() -> None:
    assert list(ACTION_BY_NUMBER) == list(range(len(ACTIONS)))
    assert len(ACTION_BY_CLASS) == len(ACTIONS)


@given(actions)
def test_the_table_has_every_field_of_every_action(action: Action) -> None:
    spec = ACTION_BY_CLASS[type(action)]
    assert tuple(name for name, _ in spec.fields) == type(action).__match_args__
    assert spec.action(*spec.values(action)) == action


@pytest.mark.parametrize("value", [-1, 8, True, None, "1"])
def test_a_setting_that_is_not_known_is_none(value: object) -> None:
    with pytest.raises(FieldError):
        SettingsBits().read(value)


def test_settings_are_read_from_bits_and_from_themselves() -> None:
    assert SettingsBits().read(5) == SettingsBits().read(Settings(5)) == Settings(5)
