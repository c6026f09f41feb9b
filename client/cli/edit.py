"""Give a text that you have sent another wording, within 15 minutes.

  roost edit --home ann 3f0a51c2d4e69b78 'Are you at home?'

Both sides see that it was edited; a phone that was offline sees the new wording at once.
'roost history --ids' shows ids.
"""

import argparse
from functools import partial

from client.cli.command import add_home, run_command
from client.cli.sending import add_waiting, queue_and_wait
from client.errors import UserInputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost edit``."""
    add_home(parser)
    parser.add_argument("message_id", metavar="ID", help="a text of yours")
    parser.add_argument("text", metavar="TEXT", help="what it should say")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    """Edit; 0 the tick is there, 2 wrong usage, 3 refused, 4 time is up."""
    return run_command(partial(_edit, args))


async def _edit(args: argparse.Namespace) -> int:
    if not args.text.strip():
        raise UserInputError("there is nothing in the message; 'roost delete' deletes it")
    return await queue_and_wait(args, lambda store: store.compose.edit(args.message_id, args.text))
