"""Make a folder a phone: create its keys and prove its number with a code.

  roost register --home ann --relay 'roost://127.0.0.1:5252#KEY' --phone +4915112345678

asks for the code that arrives. In a script, run it once to have a code sent, and again with --code CODE; or
let it read the code from the relay's file gateway with --code-from FILE. Quote the relay's address, it has
a # in it. The code comes as a text message, or with --via voice it is read out by a call.

A number has one phone. If it is active on another, registering goes on only with --take-over: the other phone
is logged out, and whoever talks with this number is shown that its security code has changed. If the number
has a PIN (roost pin), it is asked for after the code.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import trio

from actors.ports import system_clock, system_entropy
from actors.reactor import open_reactor
from client.cli.command import DONE, WRONG_USAGE, add_home, add_json, print_json, run_command
from client.cli.pins import pin_in_file, typed_pin
from client.cli.typed_lines import TypedLines
from client.code_file import code_through_file
from client.errors import CodeFileError, RelayRefusedError
from client.phone_numbers import checked_number, readable_number
from client.records import Account
from client.registration import Applicant, Application, open_application
from client.relay_url import parse_relay_url
from protocol.codes import ErrorCode
from protocol.stanzas import CodeRoute

CODE_FILE_SECONDS = 15.0  # how long a code may take to appear in the file
_GUESS_AGAIN = (ErrorCode.INVALID_CODE.wire_name,)
_ASK_PIN = (ErrorCode.PIN_REQUIRED.wire_name, ErrorCode.PIN_WRONG.wire_name)
_TAKE_OVER_ADVICE = (
    "This number is active on another phone; to log that one out, run the same command with --take-over"
    " (--code CODE: the code is still good)."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost register``."""
    add_home(parser)
    parser.add_argument(
        "--relay", required=True, metavar="URL", help="roost://HOST:PORT#KEY, as the relay prints it"
    )
    parser.add_argument(
        "--phone", required=True, metavar="NUMBER", help="with + and country code: +4915112345678"
    )
    code = parser.add_mutually_exclusive_group()
    code.add_argument("--code", help="the code that was sent")
    code.add_argument(
        "--code-from", type=Path, metavar="FILE", help="the file that the relay's gateway writes"
    )
    parser.add_argument(
        "--via",
        choices=[route.value for route in CodeRoute],
        default=CodeRoute.SMS,
        help="how the code comes: as a text message, or read out by a call (sms)",
    )
    parser.add_argument(
        "--pin-file", type=Path, metavar="FILE", help="a file that holds the PIN of the number, if it has one"
    )
    parser.add_argument(
        "--take-over", action="store_true", help="log out the phone on which the number is active"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Register; 0 done, 2 wrong usage, 3 refused by the relay, 4 no answer."""
    return run_command(partial(_register, args))


async def _register(args: argparse.Namespace) -> int:
    applicant = Applicant(
        parse_relay_url(args.relay), checked_number(args.phone), CodeRoute(args.via), args.take_over
    )
    async with (
        open_reactor() as network,
        open_application(
            args.home, applicant, network=network, entropy=system_entropy, clock=system_clock
        ) as application,
    ):
        account = application.resumed() or await _prove(application, args)
        if account is None:
            return WRONG_USAGE
    _tell(account, args)
    return DONE


async def _prove(application: Application, args: argparse.Namespace) -> Account | None:
    """Prove the number in the way that was chosen; None if nobody is there to type a code."""
    try:
        return await _prove_by_code(application, args)
    except RelayRefusedError as refusal:
        if refusal.name != ErrorCode.ACCOUNT_EXISTS.wire_name:
            raise
        raise RelayRefusedError(refusal.name, _TAKE_OVER_ADVICE) from None


async def _prove_by_code(application: Application, args: argparse.Namespace) -> Account | None:
    if args.code is not None:
        return await _register_with(application, args, args.code.strip())
    if args.code_from is not None:
        code = await _code_from_file(application, args.code_from)
        return await _register_with(application, args, code)
    if sys.stdin.isatty():
        await _request_patiently(application)
        return await _ask(application, args)
    await application.request_code()
    print(
        f"A code is on its way to {readable_number(application.applicant.phone)}.\n"
        "error: code-needed: nobody is here to type it; run the same command again with --code CODE",
        file=sys.stderr,
    )
    return None


async def _code_from_file(application: Application, path: Path) -> str:
    try:
        return await code_through_file(application, path, CODE_FILE_SECONDS)
    except trio.TooSlowError:
        phone = application.applicant.phone
        raise CodeFileError(
            f"no code for {phone} appeared in {path} within {CODE_FILE_SECONDS:g} s"
        ) from None


async def _request_patiently(application: Application) -> None:
    """Have a code sent; if it is too soon for one, wait for as long as the relay says."""
    while True:
        try:
            await application.request_code()
        except RelayRefusedError as refusal:
            if refusal.name != ErrorCode.WAIT.wire_name or not isinstance(refusal.detail, int):
                raise
            print(
                f"Another code can be had in {refusal.detail} seconds; waiting for it."
                " (If an earlier one has come: Ctrl-C, and --code CODE.)"
            )
            await trio.sleep(refusal.detail)
        else:
            return


async def _ask(application: Application, args: argparse.Namespace) -> Account | None:
    """Ask at the terminal until the code is right; the relay counts the guesses."""
    lines = TypedLines()
    number = readable_number(application.applicant.phone)
    print(f"A code is on its way to {number}.")
    while True:
        print("Code: ", end="", flush=True)
        code = await lines.next()
        if code is None:
            print("\nNothing was registered; run the command again when the code has come.")
            return None
        if not code.strip():
            continue
        try:
            digits = code.strip().replace("-", "").replace(" ", "")
            return await _register_with(application, args, digits)
        except RelayRefusedError as refusal:
            if refusal.name not in _GUESS_AGAIN:
                raise
            print(f"{refusal} Try again, or leave with Ctrl-D.")


async def _register_with(application: Application, args: argparse.Namespace, code: str) -> Account:
    """Register with the code, and with the PIN if one is asked for: from the file, or typed."""
    if args.pin_file is not None:
        return await application.register(code, pin_in_file(args.pin_file))
    pin: str | None = None
    while True:
        try:
            return await application.register(code, pin)
        except RelayRefusedError as refusal:
            if refusal.name not in _ASK_PIN or not sys.stdin.isatty():
                raise
            print(refusal)
        pin = await typed_pin("PIN: ")


def _tell(account: Account, args: argparse.Namespace) -> None:
    if args.json:
        print_json(
            phone=account.phone, user=f"{account.user:016x}", device=account.device, relay=account.relay_url
        )
        return
    print(f"{args.home} is the phone {readable_number(account.phone)} now (device {account.device}).")
    print(f"Talk to somebody:  roost chat --home {args.home} --with +49...")
