"""View a message that was sent to be viewed once. It is gone after that.

  roost view --home ann 3f0a51c2d4e69b78

Its sender learns that it was opened, unless your privacy settings keep read receipts from them. What this
prints stays where your terminal keeps it: nobody can take that back. 'roost history --ids' shows ids.
"""

import argparse

from client.cli.choices import open_store
from client.cli.command import DONE, add_home, add_json, print_json, report
from client.cli.rendering import safe_text
from client.errors import ClientError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost view``."""
    add_home(parser)
    parser.add_argument("message_id", metavar="ID", help="the message")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """View; 0 done, 2 wrong usage. The word that it was opened goes out with the next connection."""
    try:
        with open_store(args.home) as store:
            text, _ = store.compose.opened(args.message_id)
    except ClientError as error:
        return report(error)
    if args.json:
        print_json(id=args.message_id, text=text)
    else:
        print(safe_text(text))
    return DONE
