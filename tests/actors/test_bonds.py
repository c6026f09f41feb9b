"""Bonds hold nothing until there is something to hold."""

from __future__ import annotations

from actors.bonds import Bonds


def test_an_actor_without_ties_has_none_of_any_kind() -> None:
    bonds = Bonds()
    assert [getattr(bonds, kind) for kind in Bonds.__slots__] == [None] * len(Bonds.__slots__)
