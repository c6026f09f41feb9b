"""What becomes of the account itself.

  roost account delete --home ann

leaves its groups and has the relay forget it: everything that is kept of it is gone for ever, at once, and
this phone is logged out. The folder with its history stays, unless you say --local. It asks for the number
first; a script says it with --confirm.

  roost account change-number --home ann +4915112345680

gives the account another number, which a code to it proves. Devices, chats and groups stay; everybody with
whom there is a chat is told, and the old number is anybody's.

  roost account export --home ann --to account.json

gives everything that the relay keeps of the account, as JSON: what it knows is what you read there. It is not
what is on this phone, which 'roost history' shows.
"""

import argparse
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import trio

from actors.ports import system_clock
from client.cli import number_change
from client.cli.choices import WATCH_SECONDS, open_online
from client.cli.command import DONE, WRONG_USAGE, add_home, add_json, print_json, run_command
from client.cli.typed_lines import TypedLines
from client.errors import ConfirmationError, GroupError, UserInputError
from client.phone import Phone
from client.phone_numbers import checked_number, readable_number

LEAVE_SECONDS = 30.0  # for what is left before an account is deleted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost account``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    delete = actions.add_parser("delete", help="have the relay forget the account, for ever")
    delete.add_argument("--confirm", metavar="NUMBER", help="the account's number, instead of typing it")
    delete.add_argument("--local", action="store_true", help="remove this folder as well")
    add_home(delete)
    add_json(delete)
    change = actions.add_parser("change-number", help="have another number, and tell everybody")
    number_change.add_arguments(change)
    export = actions.add_parser("export", help="get everything that the relay keeps of the account")
    export.add_argument("--to", type=Path, metavar="FILE", help="where to; else it is printed")
    add_home(export)


def run(args: argparse.Namespace) -> int:
    """Change the number, delete or export; 0 done, 2 wrong usage, 3 refused by the relay, 4 no answer."""
    return run_command(partial(_ACTIONS[args.action], args))


async def _export(args: argparse.Namespace) -> int:
    if args.to is not None and args.to.exists():
        raise UserInputError(f"{args.to} is there already")
    async with open_online(args.home) as phone:
        tables: dict[str, list[Any]] = {}
        async for page in phone.own_account.export():
            for table, facts in page:
                tables.setdefault(table, []).append(facts)
        account = phone.account
    document = {
        "relay": account.relay_url,
        "user": f"{account.user:016x}",
        "phone": account.phone,
        "exported_at": system_clock.now(),
        "tables": tables,
    }
    text = json.dumps(document, indent=2) + "\n"
    if args.to is None:
        print(text, end="", flush=True)
        return DONE
    _write(args.to, text)
    rows = sum(map(len, tables.values()))
    print(f"{rows:,} rows in {len(tables)} tables, in {args.to}")
    return DONE


def _write(path: Path, text: str) -> None:
    """Write a new file that only its owner reads. Raises UserInputError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        raise UserInputError(f"{path} cannot be written: {problem}") from None


async def _delete(args: argparse.Namespace) -> int:
    async with open_online(args.home) as phone:
        if not await _is_confirmed(phone, args.confirm):
            print("Nothing was deleted.", file=sys.stderr)
            return WRONG_USAGE
        number = phone.account.phone
        await _leave_groups(phone)
        await phone.own_account.delete(number)
    if args.local:
        shutil.rmtree(args.home)
    if args.json:
        print_json(deleted=number, local=args.local)
    else:
        print(f"The relay has forgotten {readable_number(number)}.")
    return DONE


async def _leave_groups(phone: Phone) -> None:
    """Let nobody wait for the ticks of somebody who is gone. Raises GroupError if it takes too long."""
    wanted = phone.groups.leave_all()
    with trio.move_on_after(LEAVE_SECONDS) as time:
        while not all(map(phone.groups.is_settled, wanted)):
            phone.raise_if_stopped()
            await trio.sleep(WATCH_SECONDS)
    if time.cancelled_caught:
        sentence = "some groups could not be left yet, so the account was not deleted; try again"
        raise GroupError("groups-not-left", sentence)


_ACTIONS = {"delete": _delete, "export": _export, "change-number": number_change.change_number}


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
