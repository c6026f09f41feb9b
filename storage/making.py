"""Makes the file of a new environment, which LMDB itself does not do so that it outlives a power loss."""

import os
import shutil
from pathlib import Path

import lmdb

from storage.errors import UnreadableStoreError
from storage.folder import FILE_MODE, prepare_folder


def make_file(folder: Path) -> None:
    """Make the file of a new environment, so that after a power loss there is a whole one, or none.

    LMDB writes its first pages without syncing them. What a power loss left of those could not be opened any
    more, or was taken for a new environment, which an empty file is to LMDB.

    Raises:
        UnreadableStoreError: there is an empty file. It had rows once, and nobody may go on without them.
    """
    file = folder / "data.mdb"
    if file.exists():
        if not file.stat().st_size:
            raise UnreadableStoreError(folder, "its file is empty")
        return
    making = folder / "making"
    shutil.rmtree(making, ignore_errors=True)  # of a start that was cut short
    prepare_folder(making)
    lmdb.Environment(str(making), mode=FILE_MODE).close()
    made = making / "data.mdb"
    with made.open("rb") as pages:
        os.fsync(pages.fileno())
    made.replace(file)
    shutil.rmtree(making)
