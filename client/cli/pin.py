"""Protect your number with a PIN: whoever registers it anew needs it besides the code.

  roost pin set --home ann
  roost pin remove --home ann

Six digits, asked for without showing them; a script names a file with --pin-file. To change it, set it again.
Ten wrong guesses a day, then it is locked until tomorrow. Forgotten, and the phone lost as well: seven days
after the first try to register without it the number starts anew, with nothing of the old account.
"""

import argparse
from functools import partial
from pathlib import Path

from client.cli.choices import open_online
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.cli.pins import pin_in_file, typed_twice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost pin``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    change = actions.add_parser("set", help="set a PIN, or another one")
    change.add_argument("--pin-file", type=Path, metavar="FILE", help="a file that holds the PIN")
    remove = actions.add_parser("remove", help="have no PIN any more")
    for action in (change, remove):
        add_home(action)
        add_json(action)


def run(args: argparse.Namespace) -> int:
    """Set or remove; 0 done, 2 wrong usage, 3 refused by the relay, 4 no answer."""
    return run_command(partial(_pin, args))


async def _pin(args: argparse.Namespace) -> int:
    pin = await _chosen(args) if args.action == "set" else None
    async with open_online(args.home) as phone:
        if pin is None:
            await phone.own_account.remove_pin()
        else:
            await phone.own_account.set_pin(pin)
    if args.json:
        print_json(pin=pin is not None)
    else:
        print("The PIN is set." if pin is not None else "There is no PIN any more.")
    return DONE


async def _chosen(args: argparse.Namespace) -> str:
    return pin_in_file(args.pin_file) if args.pin_file is not None else await typed_twice()
