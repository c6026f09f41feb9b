"""What commands that put something into the outbox share: waiting for its tick, saying how it went."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import trio

from actors.ports import system_clock
from client.cli.choices import open_store
from client.cli.command import DONE, REFUSED, TIME_IS_UP, add_json, print_json, seconds, wants_colour
from client.cli.entries import name_of, waiting_text
from client.cli.message_json import STATE_NAMES, who
from client.cli.rendering import painted, tick
from client.errors import HomeInUseError, MessageGoneError
from client.phone import open_phone
from client.phone_numbers import readable_number
from client.records import HistoryEntry, MessageState
from client.store import Store
from protocol.codes import ErrorCode

DEFAULT_TIMEOUT_SECONDS = 30.0
WATCH_SECONDS = 0.1  # how often to look what the process that holds the home has done
_WANTED = {
    "accepted": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
}
_SENTENCES = {code.wire_name: code.sentence for code in ErrorCode} | {
    "downgraded-keys": "The relay gives out weaker keys for the recipient than the recipient has published.",
    "bad-keys": "The keys that the relay gave out for the recipient are not properly signed.",
    "untrusted-identity": "The recipient's device answers with another identity key than before.",
}


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """Add ``--until``, ``--timeout`` and ``--json``."""
    parser.add_argument(
        "--until", choices=list(_WANTED), default="accepted",
        help="which tick to wait for: ✓ accepted by the relay (the default), ✓✓ delivered, or read",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=seconds, default=DEFAULT_TIMEOUT_SECONDS, metavar="S", help="seconds to wait (30)"
    )
    add_json(parser)


async def queue_and_wait(args: argparse.Namespace, queue: Callable[[Store], str | None]) -> int:
    """Queue something in the home's store, and wait until it is where ``--until`` says.

    Args:
        args: the command's, with those of ``add_waiting`` and ``--home``.
        queue: puts it into the outbox and returns its id; None: nothing has to go out.

    Raises:
        MessageGoneError: its time was over before it had come so far.
        ClientError: it cannot be queued, or the connection has stopped for good.
    """
    with open_store(args.home) as store:
        message_id = queue(store)
        if message_id is None:
            return _tell_nothing_to_send(args)
        with trio.move_on_after(args.timeout):
            await _bring(args.home, store, message_id, _WANTED[args.until])
        entry = store.entry(message_id)
    if entry is None:
        raise MessageGoneError  # it was queued a moment ago, to live for another
    return _tell(entry, args)


async def _bring(home: Path, store: Store, message_id: str, wanted: MessageState) -> None:
    """Wait until the message is where it should be: as the phone of the home, or beside the one that is."""
    while not _has_come(store, message_id, wanted):
        try:
            async with open_phone(home) as phone:
                await phone.wait_for(message_id, wanted)
        except HomeInUseError:
            # Whoever holds the home finds the message in the outbox; if they leave, we take over.
            await trio.sleep(WATCH_SECONDS)


def _has_come(store: Store, message_id: str, wanted: MessageState) -> bool:
    entry = store.entry(message_id)
    return entry is None or entry.state >= wanted


def _tell_nothing_to_send(args: argparse.Namespace) -> int:
    if args.json:
        print_json(id=None, to=None, state=None, at=round(system_clock.now(), 3))
    else:
        print("it had not been sent yet; nobody will see it")
    return DONE


def _tell(entry: HistoryEntry, args: argparse.Namespace) -> int:
    if args.json:
        at = system_clock.now()
        print_json(id=entry.message_id, to=who(entry), state=STATE_NAMES[entry.state], at=round(at, 3))
    if entry.state is MessageState.FAILED:
        name = entry.error_name or "failed"
        print(f"error: {name}: {_SENTENCES.get(name, 'The message was refused.')}", file=sys.stderr)
        return REFUSED
    if entry.state is MessageState.EXPIRED and args.until != "accepted":
        print("error: expired: Nobody came for the message in time; the relay dropped it.", file=sys.stderr)
        return REFUSED
    if entry.state < _WANTED[args.until]:
        print(_too_late(entry, args), file=sys.stderr)
        return TIME_IS_UP
    if not args.json:
        style, symbol = tick(entry.state)
        symbol = symbol.rstrip()  # nothing stands below it to be aligned with
        ticked = painted([(style, symbol)], colour=True) if wants_colour() else symbol
        to = readable_number(who(entry)) if entry.group is None else name_of(entry)
        print(f"{ticked} {STATE_NAMES[entry.state]}: {to}")
    return DONE


def _too_late(entry: HistoryEntry, args: argparse.Namespace) -> str:
    waited = f"not {args.until} within {args.timeout:g} s"
    if entry.state is MessageState.PENDING and entry.error_name is not None:
        return f"error: time-is-up: {waited}; {waiting_text(entry.error_name)}, and it stays in the outbox"
    if entry.state is MessageState.PENDING:
        return f"error: time-is-up: {waited}; it stays in the outbox and goes out with the next connection"
    return f"error: time-is-up: {waited}; it is {STATE_NAMES[entry.state]}"
