"""Put a backup in the place of a data folder. The node must not be running.

roost restore --from /backup/roost-monday --data /var/lib/roost

Every page and row of the backup is checked before anything is touched. A store that is there is replaced only
with --force, and kept in DIR/backups. The node's secrets come from the backup: phones find the same relay
again. The backup may be of a node with another number of workers. Cut short, it has changed nothing, or the
next start of the node finishes it.

What was accepted after the backup was taken is gone, unless its sender's phone still has it undelivered and
sends it again. Accounts made since must be registered again. Sequence numbers, device numbers, one-time keys
and codes that may have been used since are taken out of circulation; copying the folder by hand would not.
"""

import argparse
import os
import sys
from pathlib import Path

from relay.progress import Progress
from storage import StorageError, open_outside, restore
from storage.errors import FolderUnusableError
from storage.tables import QUEUE, USERS

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--from PATH`, `--data DIR` and `--force`."""
    parser.add_argument(
        "--from", type=Path, required=True, dest="source", metavar="PATH", help="what 'roost backup' wrote"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ROOST_DATA", "roost-data")),
        metavar="DIR",
        help="the data folder (ROOST_DATA, or ./roost-data)",
    )
    parser.add_argument("--force", action="store_true", help="replace the store that is there, and keep it")


def run(args: argparse.Namespace) -> int:
    """Restore; returns 0, or 1 if nothing was changed."""
    progress = Progress()
    try:
        kept = restore(args.source, args.data, force=args.force, report=progress)
        summary = _summary(args.source, args.data, kept)
    except StorageError as error:
        problem = str(error)
    except OSError as error:
        problem = str(FolderUnusableError(args.data, error))
    else:
        progress.done()
        print(summary)  # noqa: T201  (the command's answer)
        return 0
    progress.done()
    print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    return FAILED


def _summary(source: Path, data: Path, kept: Path | None) -> str:
    with open_outside(source) as view:
        rows = view.rows()
    lines = [
        f"Restored {source} to {data}: {rows[USERS]:,} accounts, {rows[QUEUE]:,} queued messages. "
        "Every page and row was checked."
    ]
    if kept is not None:
        lines.append(f"What was there is kept in {kept}; remove it when you are sure.")
    lines.append(f"Start the node: roost serve --data {data}")
    return "\n".join(lines)
