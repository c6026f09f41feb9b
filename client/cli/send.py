"""Send a message and wait for its tick.

  roost send --home ann --to +4915112345679 'Are you there?'
  roost send --home ann --to +4915112345679 'Read this' --until read --timeout 60 --json
  roost send --home ann --to +4915112345679 --reply-to 3f0a51c2d4e69b78 'I am'
  roost send --home ann --to Friends 'Are you all there?' --until delivered
  roost send --home ann --to +4915112345679 --contact ben.vcf
  roost send --home ann --to +4915112345679 --location 52.5163,13.3777,'Brandenburg Gate'

The message is in the outbox before anything else happens: if the time is up (status 4) it stays there and
goes out with the next connection. Works while 'roost listen' or 'roost chat' runs on the same home, too.
'roost history --ids' shows the ids of messages. A number behind an @ in the text mentions who has it.
"""

import argparse
from functools import partial
from pathlib import Path

from client.cli.addressees import addressee
from client.cli.command import add_home, run_command
from client.cli.contact_card import ContactCard, read_card
from client.cli.sending import add_waiting, queue_and_wait
from client.errors import UserInputError
from client.phone_numbers import checked_number, readable_number
from client.store import Store

_Place = tuple[float, float, str | None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost send``."""
    add_home(parser)
    parser.add_argument(
        "--to", required=True, metavar="NUMBER|GROUP",
        help="a number with + and country code, +4915112345679, or a group's name or id",
    )  # fmt: skip
    parser.add_argument("text", metavar="TEXT", nargs="?", help="what to say")
    parser.add_argument("--reply-to", metavar="ID", help="the message in this chat that TEXT answers")
    parser.add_argument(
        "--view-once", action="store_true", help="TEXT is to be shown once, and gone then ('roost view')"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--contact", metavar="FILE|NUMBER", help="send a contact: a .vcf file, or a number")
    other.add_argument(
        "--location", metavar="LAT,LON[,NAME]", type=_place, help="send a place, in degrees: 52.5163,13.3777"
    )
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    """Send; 0 the tick is there, 2 wrong usage, 3 refused, 4 time is up."""
    return run_command(partial(_send, args))


async def _send(args: argparse.Namespace) -> int:
    if args.contact is None and args.location is None:
        return await queue_and_wait(args, lambda store: _queue_text(store, args))
    if args.text is not None or args.reply_to is not None or args.view_once:
        raise UserInputError("a contact or a place is a message of its own: send the text separately")
    if args.location is not None:
        latitude, longitude, name = args.location
        return await queue_and_wait(
            args,
            lambda store: store.compose.location(addressee(store, args.to), latitude, longitude, name),
        )
    return await queue_and_wait(
        args, lambda store: store.compose.contact(addressee(store, args.to), *_card(store, args.contact))
    )


def _queue_text(store: Store, args: argparse.Namespace) -> str:
    if args.text is None or not args.text.strip():
        raise UserInputError("there is nothing in the message")
    to = addressee(store, args.to)
    return store.compose.text(to, args.text, args.reply_to, view_once=args.view_once)


def _card(store: Store, file_or_number: str) -> ContactCard:
    """What to send: a file's card, or a number with the name that its owner shows us."""
    if not file_or_number.startswith("+"):
        return read_card(Path(file_or_number))
    phone = checked_number(file_or_number)
    user = store.user_of(phone)
    known = None if user is None else store.profiles.of(user)
    name = known.profile.name if known is not None else ""
    return ContactCard(name or readable_number(phone), (phone,))


def _place(text: str) -> _Place:
    """``LAT,LON`` or ``LAT,LON,NAME``; argparse says so if it is neither."""
    try:
        latitude, longitude, *name = text.split(",", 2)
        return float(latitude), float(longitude), name[0].strip() if name else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no place like 52.5163,13.3777,Berlin") from None
