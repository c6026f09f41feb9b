"""React to a message with an emoji, or take the reaction back.

  roost react --home ann 3f0a51c2d4e69b78 👍
  roost react --home ann 3f0a51c2d4e69b78 --remove

A second reaction of yours to the same message takes the place of the first. 'roost history --ids' shows ids.
"""

import argparse
from functools import partial

from client.cli.command import add_home, run_command
from client.cli.sending import add_waiting, queue_and_wait
from client.errors import UserInputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost react``."""
    add_home(parser)
    parser.add_argument("message_id", metavar="ID", help="the message, yours or theirs")
    parser.add_argument("emoji", metavar="EMOJI", nargs="?", help="what to show beside it")
    parser.add_argument("--remove", action="store_true", help="take your reaction back")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    """React; 0 the tick is there, 2 wrong usage, 3 refused, 4 time is up."""
    return run_command(partial(_react, args))


async def _react(args: argparse.Namespace) -> int:
    if args.remove == (args.emoji is not None):
        raise UserInputError("say either an emoji or --remove")
    return await queue_and_wait(args, lambda store: store.compose.reaction(args.message_id, args.emoji))
