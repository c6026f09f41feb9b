"""The product as it is, with traps in it and a wall clock that can be set: a stand-in for `roost`.

    python -m faults.real.within serve ...

Takes the words that `roost` takes, and does what `roost` does: it is started by its own `main`. A node that
is started this way starts its workers this way; nothing in the product knows of it. Traps (moments.py),
clocks (skew.py) and limits of the store (small_map.py) are off unless a file says otherwise in the folder
that FOLDER_VARIABLE names, and there is nothing of them if it names none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faults.substitution import substituted
from roost.__main__ import main as roost

FOLDER_VARIABLE = "FAULTS_WITHIN"
"""The environment variable with the folder that says what happens within a node."""

PROGRAM = (sys.executable, "-m", "faults.real.within")
"""What a node and its workers are started with, in the place of `python -m roost`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of `roost`; returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    with prepared(words, os.environ.get(FOLDER_VARIABLE)):
        return roost(words)


@contextmanager
def prepared(words: Sequence[str], folder: str | None) -> Iterator[None]:
    """Put everything into its place that this command is to find there, for the length of a block."""
    # Each command imports only what it needs, here as there: who waits for a worker waits for its imports.
    with ExitStack() as stack:
        if words[:1] == ["serve"]:
            from relay import crew

            stack.enter_context(substituted(crew, "PROGRAM", PROGRAM))
        elif words[:1] == ["worker"] and folder:
            from actors.ports import system_clock
            from faults.real.failpoints import passages, worker_number
            from faults.real.skew import Skew, skewed
            from faults.real.small_map import small_map

            stack.enter_context(passages(Path(folder)))
            stack.enter_context(skewed(system_clock, Skew(Path(folder), worker_number)))
            stack.enter_context(small_map(Path(folder)))
        yield


if __name__ == "__main__":
    sys.exit(main())
