"""Block people: nothing they send arrives, and they see neither when you are online nor your profile.

  roost block add --home ann +4915112345679
  roost block list --home ann
  roost block remove --home ann +4915112345679

They are not told. What they send meanwhile shows them one tick and is kept for nobody: removing the block
brings nothing back.
"""

import argparse
from functools import partial

from client.cli.choices import bring, find, open_store, outcome
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.phone_numbers import checked_number, readable_number
from client.store import Store
from protocol.ids import UserId


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost block``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (("add", "block these numbers"), ("remove", "block them no more")):
        action = actions.add_parser(name, help=text)
        add_home(action)
        action.add_argument("numbers", nargs="+", metavar="NUMBER", help="with + and country code")
        add_json(action, "one JSON object a number")
    everybody = actions.add_parser("list", help="say who is blocked")
    add_home(everybody)
    add_json(everybody, "one JSON object a number")


def run(args: argparse.Namespace) -> int:
    """Block, unblock or list; 0 done, 2 wrong usage, 3 refused, 4 the relay has not heard it yet."""
    return run_command(partial(_block, args))


async def _block(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        if args.action == "list":
            for user in store.blocks.blocked():
                _tell(store, user, args.json)
            return DONE
        return await _change(store, args)


async def _change(store: Store, args: argparse.Namespace) -> int:
    numbers = [checked_number(number) for number in args.numbers]
    users = [await find(args.home, store, number) for number in numbers]
    for user in users:
        store.set_blocked(user, args.action == "add")
    brought = await bring(args.home, lambda: not any(map(store.blocks.is_due, users)))
    for user in users:
        _tell(store, user, args.json)
    return outcome(brought, store.settings.refusal)


def _tell(store: Store, user: UserId, as_json: bool) -> None:
    phone, is_blocked = store.phone_of(user), store.blocks.is_blocked(user)
    if as_json:
        print_json(phone=phone, user=f"{user:016x}", blocked=is_blocked, stored=not store.blocks.is_due(user))
        return
    name = readable_number(phone) if phone is not None else f"{user:016x}"
    print(f"{name}  {'blocked' if is_blocked else 'not blocked'}")
