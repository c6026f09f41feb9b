"""How many environments a store has: one small file, whose replacement is the moment at which that changes.

    roost-layout-1
    environments 4
    generation 7
    crc 5d1f09a3

The slots of each environment follow from their number (protocol/slots.py). So whatever the environments hold,
this file alone decides which of their rows count: a row in an environment that does not own its slot is what
an interrupted move has left, and is removed by the next start (resharding.py).
A folder with a store and without this file has one environment: it was made before there could be several.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from protocol.ids import UserId
from protocol.slots import check_workers, owner_of, slot_of
from storage.errors import CorruptLayoutError
from storage.folder import environment_numbers, layout_file, write_file_durably

_TEXT = re.compile(r"(roost-layout-1\nenvironments (\d+)\ngeneration (\d+)\n)crc ([0-9a-f]{8})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a store are divided."""

    environments: int = 1
    # Counts the changes: whoever copies the environments one after the other sees by it that they changed.
    generation: int = 0

    def owner(self, user: UserId) -> int:
        """The number of the environment that has the rows of `user`, and of the worker that writes it."""
        return owner_of(slot_of(user), self.environments)

    def changed_to(self, environments: int) -> Layout:
        """The layout that follows this one."""
        return Layout(environments, self.generation + 1)


def read_layout(data: Path) -> Layout:
    """The layout of the store in `data`; of one environment if nothing says otherwise.

    Raises:
        CorruptLayoutError: the file is damaged, or it is missing where there is more than one environment.
    """
    path = layout_file(data)
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        if environment_numbers(data) in ([], [0]):
            return Layout()
        raise CorruptLayoutError(path, "it is missing, and there is more than one environment") from None
    except UnicodeDecodeError:
        raise CorruptLayoutError(path, "it is not text") from None
    return _parse(path, text)


def write_layout(data: Path, layout: Layout) -> None:
    """Replace the layout of the store in `data`; durable when this returns, and never half of it."""
    body = f"roost-layout-1\nenvironments {layout.environments}\ngeneration {layout.generation}\n"
    write_file_durably(layout_file(data), f"{body}crc {crc32(body.encode()):08x}\n".encode())


def _parse(path: Path, text: str) -> Layout:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise CorruptLayoutError(path, "it does not look as such a file does")
    body, environments, generation, checksum = found.groups()
    if crc32(body.encode()) != int(checksum, 16):
        raise CorruptLayoutError(path, "its checksum does not match")
    try:
        return Layout(check_workers(int(environments)), int(generation))
    except ValueError as error:
        raise CorruptLayoutError(path, str(error)) from None
