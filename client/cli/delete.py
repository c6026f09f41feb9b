"""Delete a message that you have sent, here and for everyone, within 60 hours.

  roost delete --home ann 3f0a51c2d4e69b78

Its content leaves this phone at once and the others' when they hear of it; a line stays that says so. What
somebody has read, copied or photographed before cannot be taken back. 'roost history --ids' shows ids.
"""

import argparse
from functools import partial

from client.cli.command import add_home, run_command
from client.cli.sending import add_waiting, queue_and_wait


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost delete``."""
    add_home(parser)
    parser.add_argument("message_id", metavar="ID", help="a message of yours")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    """Delete; 0 the tick is there, 2 wrong usage, 3 refused, 4 time is up."""
    return run_command(partial(_delete, args))


async def _delete(args: argparse.Namespace) -> int:
    return await queue_and_wait(args, lambda store: store.compose.deletion(args.message_id))
