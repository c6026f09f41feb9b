"""Make a folder a companion: another device of an account that has a phone.

  roost link --home kitchen --relay 'roost://127.0.0.1:5252#KEY'

shows a link as a QR code, as text, and as a code of eight characters. On the phone, one of them is enough:

  roost devices link --home ann 7K2-M4XQ9

A link is good for a minute, and is replaced by a new one until the phone has taken one or you press Ctrl-C.
Then the recent history comes from the phone. It may be interrupted: the rest comes with the next roost chat
or roost listen. With --json there are first objects {"text", "code", "expires_in"}, then one {"phone",
"user", "device", "relay"}, then {"event": "history", "messages", "of", "done"} as it comes.
"""

import argparse
import sys
from functools import partial

from actors.ports import system_clock, system_entropy
from actors.reactor import open_reactor
from client.cli.command import DONE, add_home, add_json, print_json, run_command
from client.cli.elsewhere import history_event, history_text
from client.cli.qr_code import qr_lines
from client.cli.transfers import wait_arrival
from client.events import HistoryProgress
from client.linking import Invitation, open_newcomer
from client.phone import open_phone
from client.phone_numbers import readable_number
from client.records import Account
from client.relay_url import parse_relay_url
from protocol.e2e.linking import MAX_NAME_CHARS

PATIENCE_SECONDS = 1.0  # for whoever looks at the new home at the same moment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost link``."""
    add_home(parser)
    parser.add_argument(
        "--relay", required=True, metavar="URL", help="roost://HOST:PORT#KEY, as the relay prints it"
    )
    parser.add_argument("--name", default="", help="what the phone calls this device (the folder's name)")
    parser.add_argument("--no-qr", action="store_true", help="show text and code only")
    add_json(parser, "one JSON object for each link shown, one for the account, and then for its history")


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
    await _wait_history(args)
    return DONE


async def _wait_history(args: argparse.Namespace) -> None:
    """Be the phone while its history comes. Interrupted or given up, the rest comes another time."""
    show = partial(_show_progress, args)
    async with open_phone(args.home, patience=PATIENCE_SECONDS) as phone:
        progress = await wait_arrival(phone, show)
    if not args.json and (progress is None or not progress.is_done):
        print("The history comes when the phone is online, with the next roost chat or listen here.")


def _show_progress(args: argparse.Namespace, progress: HistoryProgress) -> None:
    if args.json:
        print_json(**history_event(progress))
    else:
        print(history_text(progress), flush=True)


def _show(args: argparse.Namespace, invitation: Invitation) -> None:
    if args.json:
        print_json(text=invitation.text, code=invitation.code, expires_in=invitation.expires_in)
        return
    if not args.no_qr:
        print("\n".join(qr_lines(invitation.text)))
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
    print(f"Talk to somebody:  roost chat --home {args.home} --with +49...", flush=True)
