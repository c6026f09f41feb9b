"""Make a folder a companion: another device of an account that has a phone.

  roost link --home kitchen --relay 'roost://127.0.0.1:5252#KEY'

shows a link as a QR code, as text, and as a code of eight characters. On the phone, one of them is enough:

  roost devices link --home ann 7K2-M4XQ9

A link is good for a minute, and is replaced by a new one until the phone has taken one or you press Ctrl-C.
"""

import argparse
import sys
from functools import partial

import segno

from actors.ports import system_clock, system_entropy
from actors.reactor import open_reactor
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.linking import Invitation, open_newcomer
from client.phone_numbers import readable_number
from client.records import Account
from client.relay_url import parse_relay_url
from protocol.e2e.linking import MAX_NAME_CHARS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost link``."""
    add_home(parser)
    parser.add_argument(
        "--relay", required=True, metavar="URL", help="roost://HOST:PORT#KEY, as the relay prints it"
    )
    parser.add_argument("--name", default="", help="what the phone calls this device (the folder's name)")
    parser.add_argument("--no-qr", action="store_true", help="show text and code only")
    add_json(parser, "one JSON object for each link shown, and one for the account")


def run(args: argparse.Namespace) -> int:
    """Wait for the phone; 0 done, 2 wrong usage, 3 refused, 4 no connection, 130 interrupted."""
    return run_command(partial(_link, args))


async def _link(args: argparse.Namespace) -> int:
    name = (args.name or args.home.resolve().name)[:MAX_NAME_CHARS]
    relay = parse_relay_url(args.relay)
    async with (
        open_reactor() as network,
        open_newcomer(
            args.home, relay, name, network=network, entropy=system_entropy, clock=system_clock
        ) as newcomer,
    ):
        account = await newcomer.resumed()
        if account is None:
            account = await newcomer.link(partial(_show, args), _complain)
    _tell(account, args)
    return DONE


def _show(args: argparse.Namespace, invitation: Invitation) -> None:
    if args.json:
        print_json(text=invitation.text, code=invitation.code, expires_in=invitation.expires_in)
        return
    if not args.no_qr:
        segno.make(invitation.text, error="l").terminal(sys.stdout, compact=True)
    print(f"Scan or paste it on the phone:  roost devices link --home HOME '{invitation.text}'")
    print(f"or type this code there:        {invitation.code}", flush=True)


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _tell(account: Account, args: argparse.Namespace) -> None:
    if args.json:
        print_json(
            phone=account.phone, user=f"{account.user:016x}", device=account.device, relay=account.relay_url
        )
        return
    print(f"{args.home} belongs to {readable_number(account.phone)} now (device {account.device}).")
    print(f"Talk to somebody:  roost chat --home {args.home} --with +49...")
