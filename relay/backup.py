"""Save a node's store and keys to a new folder, while the node runs or not.

roost backup --data /var/lib/roost --to /backup/roost-monday

Each worker's part of the store is shown as it was at one moment, and every page and row of the backup is
checked before it gets its name. THE NODE'S SECRETS ARE PART OF IT (mode 0600): whoever has it can be this
node, and knows who writes to whom; messages stay sealed between the phones. Keep it as safe as the data
folder. 'roost restore' puts it in place.
"""

# It reads the store from a process of its own, beside the node: no token, no load on the node's loop, and it
# works while the node hangs. LMDB keeps the pages of its snapshot meanwhile, so the node's files may grow by
# what is written during the backup; that space is used again afterwards.

import argparse
import os
import sys
from pathlib import Path

from actors.ports import system_clock
from relay.progress import Progress
from storage import StorageError, backup, holder_of, open_outside
from storage.errors import FolderUnusableError
from storage.tables import QUEUE, USERS

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--data DIR` and `--to PATH`."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ROOST_DATA", "roost-data")),
        metavar="DIR",
        help="the data folder (ROOST_DATA, or ./roost-data)",
    )
    parser.add_argument(
        "--to", type=Path, required=True, metavar="PATH", help="where to: a folder that is not there yet"
    )


def run(args: argparse.Namespace) -> int:
    """Write a backup; returns 0, or 1 if there is none."""
    progress = Progress()
    try:
        summary = _back_up(args.data, args.to, progress)
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


def _back_up(data: Path, target: Path, progress: Progress) -> str:
    holder = holder_of(data)
    with open_outside(data) as view:
        backup(view, target, taken_at=system_clock.now(), report=progress)
    with open_outside(target) as copy:
        rows = copy.rows()
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    beside = f" beside the running node (process {holder})" if holder else ""
    return (
        f"Saved {data} to {target}{beside}: {rows[USERS]:,} accounts, {rows[QUEUE]:,} queued messages, "
        f"{sum(rows.values()):,} rows, {size:,} bytes. Every page and row was checked.\n"
        "It holds the node's secrets: keep it as safe as the data folder."
    )
