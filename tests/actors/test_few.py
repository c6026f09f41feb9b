"""Few is an ordered set that is nothing when empty and its member when there is one."""

from __future__ import annotations

from actors.few import Few, add, discard, members


def test_nothing_is_nothing() -> None:
    assert members(None) == ()
    assert discard(None, "a") is None


def test_one_member_stands_for_itself() -> None:
    one: Few[str] = add(None, "a")
    assert one == "a"
    assert members(one) == ("a",)
    assert add(one, "a") == "a"
    assert discard(one, "b") == "a"
    assert discard(one, "a") is None


def test_several_members_keep_the_order_in_which_they_came() -> None:
    several: Few[str] = None
    for name in ("c", "a", "b", "a"):
        several = add(several, name)
    assert members(several) == ("c", "a", "b")
    several = discard(several, "a")
    assert members(several) == ("c", "b")
    assert discard(discard(several, "c"), "b") is None


def test_members_can_change_while_they_are_gone_through() -> None:
    several = add(add(None, "a"), "b")
    for name in members(several):
        several = discard(several, name)
    assert several is None


def test_equal_bound_methods_are_one_member() -> None:
    names: list[str] = []
    assert discard(add(None, names.append), names.append) is None
