"""A process that owns environment 1 of a data folder and does with it what its standard input says.

put KEY BYTES, reopen, grow; each is answered with "done".
"""

from __future__ import annotations

import sys
from pathlib import Path

from storage import Put, open_environment
from storage.committer import Committer
from storage.tables import QUEUE


def obey(data: Path, map_bytes: int) -> None:
    """Do what each line says, until there are no more."""
    with open_environment(data, 1, map_bytes=map_bytes, reserve_bytes=0) as environment:
        for line in sys.stdin:
            match line.split():
                case ["put", key, size]:
                    put = Put(QUEUE, key.encode(), bytes(int(size)))
                    assert Committer(environment).commit([[put]]) == [None]
                case ["reopen"]:
                    environment.reopen()
                case ["grow"]:
                    environment.grow()
            print("done", flush=True)


if __name__ == "__main__":
    obey(Path(sys.argv[1]), int(sys.argv[2]))
