"""Runs the coroutines of the ratchet packages to their end, without an event loop.

The packages are written with ``async`` so that browsers can plug in asynchronous crypto. Here every
primitive is synchronous, so their coroutines never suspend, and pure code stays plain.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and give its result.

    Raises:
        RuntimeError: it did suspend. That is a bug here: some primitive is not synchronous after all.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a ratchet coroutine suspended; all primitives must be synchronous")
