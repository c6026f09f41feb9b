"""What becomes of the account itself.

  roost account delete --home ann

forgets it: everything that the relay keeps of it is gone for ever, at once, and this phone is logged out. The
folder with its history stays, unless you say --local. It asks for the number first; a script says it with
--confirm.
"""

import argparse
import shutil
import sys
from functools import partial

from client.cli.choices import open_online
from client.cli.command import DONE, WRONG_USAGE, add_home, add_json, print_json, run_command
from client.cli.typed_lines import TypedLines
from client.errors import ConfirmationError
from client.phone import Phone
from client.phone_numbers import checked_number, readable_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost account``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    delete = actions.add_parser("delete", help="have the relay forget the account, for ever")
    delete.add_argument("--confirm", metavar="NUMBER", help="the account's number, instead of typing it")
    delete.add_argument("--local", action="store_true", help="remove this folder as well")
    add_home(delete)
    add_json(delete)


def run(args: argparse.Namespace) -> int:
    """Delete; 0 done, 2 wrong usage, 3 refused by the relay, 4 no answer."""
    return run_command(partial(_delete, args))


async def _delete(args: argparse.Namespace) -> int:
    async with open_online(args.home) as phone:
        if not await _is_confirmed(phone, args.confirm):
            print("Nothing was deleted.", file=sys.stderr)
            return WRONG_USAGE
        number = phone.account.phone
        await phone.own_account.delete(number)
    if args.local:
        shutil.rmtree(args.home)
    if args.json:
        print_json(deleted=number, local=args.local)
    else:
        print(f"The relay has forgotten {readable_number(number)}.")
    return DONE


async def _is_confirmed(phone: Phone, confirmation: str | None) -> bool:
    """Whether the person means it; False if nothing was typed. Raises UserInputError for another number."""
    number = phone.account.phone
    if confirmation is None:
        if not sys.stdin.isatty():
            raise ConfirmationError("nobody is here to type the number; say it with --confirm NUMBER")
        print(f"This deletes the account {readable_number(number)} for ever. Type its number: ", end="")
        sys.stdout.flush()
        confirmation = await TypedLines().next()
    if not confirmation:
        return False
    if checked_number(confirmation) != number:
        raise ConfirmationError(f"that is not the number of this account, which is {number}")
    return True
