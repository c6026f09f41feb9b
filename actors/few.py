"""Few: an ordered set for what mostly has no member or one, at the cost of nothing or a pointer.

Of the ties of an actor (bonds.py) nearly every kind is empty, or is one: its supervisor, its one name, the
one connection that watches it. A dict of one entry takes 224 bytes, and five of them for each of thousands of
actors were more than the actors themselves.

A value is None while empty, the member itself while there is one, and a dict from the second member on (a
dict keeps its order, as a set does not, so that a run can be replayed). It stays a dict until it is empty.
The functions return what to keep in the place of what they were given.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar, Union, cast

M = TypeVar("M")

Few: TypeAlias = Union[dict[M, None], M, None]  # noqa: UP007  (a type variable knows no | at run time)
"""Members may be anything hashable but None and dicts."""


def add(few: Few[M], member: M) -> Few[M]:
    """With one member more; the same if it is one already."""
    if few is None:
        return member
    if type(few) is dict:
        few[member] = None
        return few
    return few if few == member else {cast("M", few): None, member: None}


def discard(few: Few[M], member: M) -> Few[M]:
    """Without a member; harmless if it is none."""
    if type(few) is dict:
        few.pop(member, None)
        return few or None
    return None if few == member else few


def members(few: Few[M]) -> tuple[M, ...]:
    """All members as they are now, in the order in which they came."""
    if few is None:
        return ()
    if type(few) is dict:
        return tuple(few)
    return (cast("M", few),)
