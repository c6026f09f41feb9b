"""Forward a message to another chat.

  roost forward --home ann 3f0a51c2d4e69b78 --to +4915112345679

A copy goes out, in its newest wording, that says that it was forwarded. What is to be viewed once is not
forwarded, nor anything from a chat that somebody has asked to keep here. 'roost history --ids' shows ids.
"""

import argparse
from functools import partial

from client.cli.addressees import addressee
from client.cli.command import add_home, run_command
from client.cli.sending import add_waiting, queue_and_wait


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost forward``."""
    add_home(parser)
    parser.add_argument("message_id", metavar="ID", help="the message, yours or theirs")
    parser.add_argument("--to", required=True, metavar="NUMBER|GROUP", help="where to")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    """Forward; 0 the tick is there, 2 wrong usage, 3 refused, 4 time is up."""
    return run_command(partial(_forward, args))


async def _forward(args: argparse.Namespace) -> int:
    return await queue_and_wait(
        args, lambda store: store.compose.forwarded(args.message_id, addressee(store, args.to))
    )
