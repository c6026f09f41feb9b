"""Bonds are made when they are needed, each kind by itself."""

from __future__ import annotations

from actors.bonds import Bonds


def test_each_kind_of_bond_is_made_when_first_used() -> None:
    bonds = Bonds()
    for kind in ("links", "watching", "watched_by", "waiters", "deferred", "farewells"):
        assert getattr(bonds, f"_{kind}") is None
        made = getattr(bonds, kind)
        assert made == {}
        assert getattr(bonds, kind) is made
