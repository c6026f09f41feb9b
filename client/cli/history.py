"""Show the messages that a phone keeps, with their ticks.

  roost history --home ann
  roost history --home ann --with +4915112345679 --ids
  roost history --home ann --with +4915112345679 --json

Works without a connection, and while 'roost listen' or 'roost chat' runs on the same home.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from actors.ports import Clock, system_clock, system_entropy
from client.cli.addressees import addressee
from client.cli.command import DONE, add_home, add_json, count, print_json, report, wants_colour
from client.cli.entries import entry_line
from client.cli.message_json import line_of
from client.cli.rendering import day, day_line, painted
from client.errors import ClientError, KeptHereError, NoAccountError, UserInputError
from client.records import HistoryEntry
from client.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost history``."""
    add_home(parser)
    parser.add_argument("--with", dest="peer", metavar="NUMBER|GROUP", help="only this chat")
    parser.add_argument("--limit", type=count, metavar="N", help="only the newest N messages")
    parser.add_argument(
        "--ids", action="store_true", help="show each message's id, to reply, react, edit, delete"
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE",
        help="write it to a file, one JSON object a message; not from chats that are kept here",
    )  # fmt: skip
    add_json(parser, "one JSON object a message")


def run(args: argparse.Namespace) -> int:
    """Print the history; 0 done, 2 wrong usage."""
    try:
        entries = _read(args)
        if args.export is not None:
            _export(entries, args.export)
            return DONE
    except ClientError as error:
        return report(error)
    if args.json:
        for entry in entries:
            print_json(**line_of(entry))
    else:
        print_entries(
            entries, system_clock, colour=wants_colour(), with_names=args.peer is None, with_ids=args.ids
        )
    return DONE


def _read(args: argparse.Namespace) -> list[HistoryEntry]:
    if not args.home.is_dir():
        raise NoAccountError(args.home)
    with Store.open(args.home, system_entropy, system_clock) as store:
        if store.account() is None:
            raise NoAccountError(args.home)
        peer = None if args.peer is None else addressee(store, args.peer)
        entries = store.history(peer, args.limit)
        return entries if args.export is None else _exportable(store, entries, is_one_chat=peer is not None)


def _exportable(store: Store, entries: list[HistoryEntry], *, is_one_chat: bool) -> list[HistoryEntry]:
    """What may leave the phone. Raises KeptHereError if it is one chat, and that one is kept here."""
    kept = store.rules.kept()
    free = [entry for entry in entries if entry.user not in kept]
    if is_one_chat and len(free) < len(entries):
        raise KeptHereError
    if len(free) < len(entries):
        print(f"left out: {len(entries) - len(free)} messages of chats that are kept here", file=sys.stderr)
    return free


def _export(entries: list[HistoryEntry], path: Path) -> None:
    """Write a file that only its owner can read; one that is there already is not written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserInputError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(json.dumps(line_of(entry)) + "\n" for entry in entries)
    print(f"{len(entries)} messages written to {path}")


def print_entries(
    entries: list[HistoryEntry], clock: Clock, *, colour: bool, with_names: bool, with_ids: bool = False
) -> None:
    """Print messages for people, a line above each day."""
    now = clock.now()
    last_day = None
    for entry in entries:
        if (today := day(entry.sent_at, now)) != last_day:
            print(painted(day_line(entry.sent_at, now), colour))
            last_day = today
        print(
            painted(
                entry_line(entry, with_addressee=with_names, with_id=with_ids, with_group=with_names), colour
            )
        )
