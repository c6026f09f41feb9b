"""Talk with somebody, line by line.

  roost chat --home ann --with +4915112345679

Type and press Enter. Ticks change as they come: 🕓 waiting, ✓ the relay has it, ✓✓ delivered, blue ✓✓ read.
/to +49... or /to GROUP writes to somebody else, /help says more, Ctrl-D leaves. In a pipe it reads and prints
plain lines.
"""

import argparse
import sys
from functools import partial

from actors.ports import system_clock
from client.cli.addressees import addressee_of
from client.cli.command import DONE, add_home, run_command
from client.cli.pipe import PipeSurface
from client.cli.talk import Talk
from client.cli.typed_lines import TypedLines
from client.phone import Phone, open_phone
from client.phone_numbers import readable_number
from protocol.ids import UserId

PATIENCE_SECONDS = 5.0  # for a 'roost send' that is about to end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost chat``."""
    add_home(parser)
    parser.add_argument(
        "--with",
        dest="peer",
        metavar="NUMBER|GROUP",
        help="whom to write to: +4915112345679, or a group's name",
    )
    parser.add_argument(
        "--no-read-receipts", action="store_true", help="do not tell senders that it was read"
    )


def run(args: argparse.Namespace) -> int:
    """Chat; 0 when the person leaves, 2 wrong usage, 3 refused."""
    return run_command(partial(_chat, args))


async def _chat(args: argparse.Namespace) -> int:
    async with open_phone(
        args.home, read_receipts=not args.no_read_receipts, patience=PATIENCE_SECONDS
    ) as phone:
        peer = None if args.peer is None else addressee_of(phone, args.peer)
        if sys.stdin.isatty() and sys.stdout.isatty():
            await _on_screen(phone, peer)
        else:
            await Talk(phone, PipeSurface(system_clock, TypedLines()), system_clock, peer).run()
    return DONE


async def _on_screen(phone: Phone, peer: str | UserId | None) -> None:
    from client.cli.screen import open_screen  # prompt_toolkit takes 0.2 s to import; a pipe needs none of it

    print(f"You are {readable_number(phone.account.phone)}. /help says what there is; Ctrl-D leaves.")
    talks: list[Talk] = []
    async with open_screen(system_clock, lambda has_text: talks[0].set_typing(has_text)) as screen:
        talks.append(Talk(phone, screen, system_clock, peer))
        await talks[0].run()
