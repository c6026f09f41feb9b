"""Puts something in the place of a name of the product, for a while: a stand-in, or a bug on purpose.

Substitution by name keeps the product free of switches: nothing in it knows that it is simulated or
sabotaged.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def substituted(owner: object, name: str, stand_in: object) -> Iterator[None]:
    """Let ``owner.name`` be the stand-in for the length of a block.

    Raises:
        AttributeError: the product has no such name (any more), so nothing would be put in anything's place.
    """
    getattr(owner, name)
    is_own = name in vars(owner)
    before = vars(owner).get(name)  # as it is kept: a static method stays one
    setattr(owner, name, stand_in)
    try:
        yield
    finally:
        if is_own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)
