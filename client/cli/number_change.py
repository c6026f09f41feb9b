"""`roost account change-number`: prove another number, have the account moved to it, and tell everybody.

Beside account.py and not in it: what is asked for here has nothing to do with exporting or deleting.
"""

import argparse
import sys
from pathlib import Path

import trio

from client.cli.choices import open_online
from client.cli.command import DONE, WRONG_USAGE, add_home, add_json, print_json
from client.cli.typed_lines import TypedLines
from client.code_file import lines_so_far, newest_code, wait_for_code
from client.errors import CodeFileError, RelayRefusedError, UserInputError
from client.phone import Phone
from client.phone_numbers import checked_number, readable_number
from protocol.codes import ErrorCode
from protocol.stanzas import CodeRoute

CODE_FILE_SECONDS = 10.0  # until a code that was just asked for stands in the gateway's file
TELLING_SECONDS = 10.0  # for the relay to accept what tells everybody; the rest goes out another time

_GUESS_AGAIN = (ErrorCode.INVALID_CODE.wire_name,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost account change-number``."""
    parser.add_argument("number", metavar="NUMBER", help="the new one, with + and country code")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--code", metavar="CODE", help="the code that has come, instead of asking for one")
    how.add_argument("--code-from", type=Path, metavar="FILE", help="the file that the relay writes codes to")
    parser.add_argument(
        "--via",
        choices=[route.value for route in CodeRoute],
        default=CodeRoute.SMS,
        help="how the code comes (sms)",
    )
    add_home(parser)
    add_json(parser)


async def change_number(args: argparse.Namespace) -> int:
    """Change it; 0 done, 2 nobody typed a code, 3 refused by the relay, 4 no answer."""
    number = checked_number(args.number)
    async with open_online(args.home) as phone:
        before = phone.account.phone
        if number == before:
            raise UserInputError(f"{number} is the number of this account already")
        if not await _prove(phone, number, args):
            return WRONG_USAGE
        told = phone.number_changed(number)
        with trio.move_on_after(TELLING_SECONDS):
            await phone.until_sent()
    if args.json:
        print_json(phone=number, before=before, told=told)
    else:
        people = "1 person is" if told == 1 else f"{told} people are"
        print(f"{args.home} is the phone {readable_number(number)} now; {people} told.")
    return DONE


async def _prove(phone: Phone, number: str, args: argparse.Namespace) -> bool:
    """Have the relay change it; False if nobody is here to type a code."""
    account = phone.own_account
    if args.code is not None:
        await account.change_number(number, args.code.strip())
        return True
    lines = lines_so_far(args.code_from) if args.code_from is not None else 0
    earlier = None
    try:
        if not await account.request_number_code(number, CodeRoute(args.via)):
            await account.change_number(number, "")  # it was changed, and the answer was lost
            return True
    except RelayRefusedError as refusal:
        if refusal.name == ErrorCode.WAIT.wire_name and args.code_from is not None:
            earlier = newest_code(args.code_from, number)
        if earlier is None:
            raise
    if args.code_from is not None:
        await account.change_number(number, earlier or await _code_in(args.code_from, number, lines))
        return True
    return await _typed(phone, number)


async def _code_in(path: Path, number: str, skip_lines: int) -> str:
    with trio.move_on_after(CODE_FILE_SECONDS):
        return await wait_for_code(path, number, skip_lines)
    raise CodeFileError(f"no code for {number} appeared in {path} within {CODE_FILE_SECONDS:g} s")


async def _typed(phone: Phone, number: str) -> bool:
    """Ask at the terminal until the code is right; the relay counts the guesses."""
    print(f"A code is on its way to {readable_number(number)}.")
    if not sys.stdin.isatty():
        print(
            "error: code-needed: nobody is here to type it; run the same command again with --code CODE",
            file=sys.stderr,
        )
        return False
    lines = TypedLines()
    while True:
        print("Code: ", end="", flush=True)
        code = await lines.next()
        if code is None:
            print("\nNothing was changed; run the command again when the code has come.")
            return False
        if not code.strip():
            continue
        try:
            await phone.own_account.change_number(number, code.strip().replace("-", "").replace(" ", ""))
        except RelayRefusedError as refusal:
            if refusal.name not in _GUESS_AGAIN:
                raise
            print(f"{refusal} Try again, or leave with Ctrl-D.")
        else:
            return True
