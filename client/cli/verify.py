"""Compare a contact's security code: whoever is in between is found by it.

  roost verify --home ann +4915112345679              the digits and the QR code
  roost verify --home ann +4915112345679 --scan TEXT   what their QR code says, or their digits
  roost verify --home ann +4915112345679 --confirm     you have compared them yourself
  roost verify --home ann +4915112345679 --reset       forget that they were compared

Meet, or call each other, and compare. Once a code has been compared nothing is sent to that person any more
if it changes (they have a new phone, or somebody is in between), until you confirm the new one or reset it.
"""

import argparse
import sys
from functools import partial

from client.cli.choices import find, open_store
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.cli.qr_code import qr_lines
from client.phone_numbers import checked_number, readable_number
from client.store import Store
from client.verifications import SecurityCode, Trust
from protocol.e2e.safety_number import grouped
from protocol.ids import UserId

_SENTENCES = {
    Trust.UNVERIFIED: "not compared yet",
    Trust.VERIFIED: "compared, and good",
    Trust.CHANGED: "CHANGED since it was compared: nothing is sent until you confirm or reset it",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost verify``."""
    add_home(parser)
    parser.add_argument("number", metavar="NUMBER", help="whose code, with + and country code")
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--scan", metavar="TEXT", help="compare with their QR code's text, or their digits")
    actions.add_argument("--confirm", action="store_true", help="you have compared the code: it is the same")
    actions.add_argument("--reset", action="store_true", help="forget that the code was ever compared")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show, compare, confirm or reset; 0 done, 2 wrong usage, 3 another code, or no keys yet."""
    return run_command(partial(_verify, args))


async def _verify(args: argparse.Namespace) -> int:
    number = checked_number(args.number)
    with open_store(args.home) as store:
        user = await find(args.home, store, number)
        if args.scan is not None:
            store.verifications.compare(user, args.scan)
        elif args.confirm:
            store.verifications.confirm(user)
        elif args.reset:
            store.verifications.reset(user)
        _tell(store, user, number, args)
    return DONE


def _tell(store: Store, user: UserId, number: str, args: argparse.Namespace) -> None:
    code = store.verifications.code(user)
    if args.json:
        print_json(
            phone=number,
            user=f"{user:016x}",
            digits=code.digits,
            scan=code.scan,
            trust=code.trust.value,
            verified_at=code.verified_at,
        )
        return
    if args.scan is None and not args.confirm and not args.reset:
        print(_shown(code))
    print(f"{readable_number(number)}  {_SENTENCES[code.trust]}")


def _shown(code: SecurityCode) -> str:
    lines = [grouped(code.digits), code.scan]
    if sys.stdout.isatty():
        lines.insert(1, "\n".join(qr_lines(code.scan)))
    return "\n\n".join(lines) + "\n"
