from protocol.e2e import safety_number
from protocol.e2e.safety_number import grouped
from protocol.ids import UserId

ALICE = (UserId(1), b"a" * 32)
BOB = (UserId(2), b"b" * 32)
# Kept from the first version: a change would make people think that somebody is in between.
EXPECTED = "465740238932670757075795765336578937822801747719859938675192"


def test_both_see_the_same_60_digits() -> None:
    number = safety_number(ALICE, BOB)
    assert number == safety_number(BOB, ALICE)
    assert len(number) == 60
    assert number.isdigit()


def test_the_number_is_the_documented_one() -> None:
    assert safety_number(ALICE, BOB) == EXPECTED


def test_another_key_or_another_user_changes_the_number() -> None:
    number = safety_number(ALICE, BOB)
    assert safety_number(ALICE, (BOB[0], b"c" * 32)) != number
    assert safety_number(ALICE, (UserId(3), BOB[1])) != number


def test_one_side_keeps_its_half_when_the_other_changes() -> None:
    before = safety_number(ALICE, BOB)
    after = safety_number(ALICE, (BOB[0], b"c" * 32))
    assert {before[:30], before[30:]} & {after[:30], after[30:]}


def test_it_is_shown_as_three_lines_of_four_groups() -> None:
    lines = grouped("0123456789" * 6).splitlines()
    assert lines == ["01234 56789 01234 56789"] * 3
