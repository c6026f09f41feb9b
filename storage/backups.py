"""An online backup: a consistent, compacted copy of the durable environment, and the node's secrets with it.

The copy is one read transaction, so it shows one moment, however long it takes, and nobody waits for it.
Restoring is putting the folder where the data folder was: it has the same layout.

After a restore the node has forgotten what it accepted since. Clients find out by the message numbers that
the relay expects, and send again what it no longer has (docs/delivery.md).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import lmdb

from storage.environment import Environment, verify
from storage.errors import BackupError
from storage.folder import (
    durable_folder,
    prepare_folder,
    secrets_file,
    sync_folder,
    write_file_durably,
)


def backup(environment: Environment, target: Path) -> None:
    """Write a backup of `environment` to the new folder `target`, checked, and durable when this returns.

    It blocks for as long as the copying takes (a thread's work, not the loop's). Until it is complete it has
    the name `<target>.partial`, which is removed if it fails: what is called `target` is always whole.

    Raises:
        BackupError: `target` exists, there is no room, or the copy did not pass the check.
    """
    if target.exists():
        raise BackupError(target, "it exists already")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _fill(environment, partial)
        partial.rename(target)
        sync_folder(target.parent)
    except (OSError, lmdb.Error) as error:
        raise BackupError(target, str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(environment: Environment, partial: Path) -> None:
    prepare_folder(partial)
    copy = prepare_folder(durable_folder(partial))
    environment.copy(copy)
    problems = verify(copy)
    if problems:
        raise BackupError(partial, f"the copy is damaged: {problems[0]}")
    with (copy / "data.mdb").open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(copy)
    secrets = secrets_file(environment.data)
    if secrets.exists():
        write_file_durably(secrets_file(partial), secrets.read_bytes())
    sync_folder(partial)
