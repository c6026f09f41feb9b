"""See or choose what holds in a chat, for both sides.

  roost rules --home ann +4915112345679
  roost rules --home ann +4915112345679 --disappear 7d
  roost rules --home ann +4915112345679 --disappear off --keep-here on

--disappear: new messages of the chat, whoever sends them, are deleted on both sides after 24h, 7d, 90d or
any other time (30s, 45m, 12h, 4w), counted from when they were sent. --keep-here: nothing of the chat is
forwarded or exported by either side. Both are messages of the chat: the other side sees who chose what.
"""

import argparse
from functools import partial
from pathlib import Path

from client.cli.addressees import addressee
from client.cli.choices import bring, find, open_store
from client.cli.command import DONE, TIME_IS_UP, add_home, add_json, print_json, run_command
from client.cli.durations import duration, readable
from client.records import MessageState
from client.store import Store
from protocol.ids import UserId

_CHOICES = {"on": True, "off": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost rules``."""
    add_home(parser)
    parser.add_argument("chat", metavar="NUMBER|GROUP", help="which chat")
    parser.add_argument(
        "--disappear", type=duration, metavar="TIME|off",
        help="how long new messages live: 24h, 7d, 90d, any other time, or off",
    )  # fmt: skip
    parser.add_argument(
        "--keep-here", choices=tuple(_CHOICES), help="whether messages may be forwarded and exported"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show or choose; 0 done, 2 wrong usage, 3 refused, 4 the relay has not heard it yet."""
    return run_command(partial(_settings, args))


async def _settings(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        chat = await _chat(args.home, store, args.chat)
        queued: list[str | None] = []
        if args.disappear is not None:
            queued.append(store.compose.timer(chat, args.disappear))
        if args.keep_here is not None:
            queued.append(store.compose.keep_here(chat, on=_CHOICES[args.keep_here]))
        ids = [message_id for message_id in queued if message_id is not None]
        is_told = await bring(args.home, lambda: all(_is_accepted(store, each) for each in ids))
        _tell(store, chat, is_told, args.json)
    return DONE if is_told else TIME_IS_UP


async def _chat(home: Path, store: Store, who: str) -> UserId:
    found = addressee(store, who)
    return await find(home, store, found) if isinstance(found, str) else found


def _is_accepted(store: Store, message_id: str) -> bool:
    entry = store.entry(message_id)
    return entry is None or entry.state >= MessageState.ACCEPTED


def _tell(store: Store, chat: UserId, is_told: bool, as_json: bool) -> None:
    rules = store.rules.of(chat)
    if as_json:
        print_json(
            chat=store.phone_of(chat) or f"{chat:016x}",
            disappear=rules.life or 0,
            keep_here=rules.keep_here,
            told=is_told,
        )
        return
    print(f"disappear  {'off' if rules.life is None else 'after ' + readable(rules.life)}")
    print(f"keep here  {'on' if rules.keep_here else 'off'}")
    if not is_told:
        print("the other side hears of it with the next connection")
