"""Print messages and receipts as they come, and send what is in the outbox.

  roost listen --home ben
  roost listen --home ben --json --count 1 --timeout 60

Messages that came in while nobody was looking (during a 'roost send') are printed first. With --json each
line is one object: {"event": "message", "id", "from", "text", "sent_at"} or, for ticks of one's own messages,
{"event": "receipt", "id", "kind": "delivered", "read" or "expired", "from"}, or, when somebody reacts to a
message or edits or deletes one of theirs, {"event": "change", "id" of the message, "kind", "from"} with what
the message is like now. What another device of the account sends is {"event": "sent", "id", "to", "text",
"sent_at"}; how far the history of a new device is, {"event": "history", "messages", "of", "done"}.
"""

import argparse
import math
import sys
from functools import partial

import trio

from client.cli.change_text import change_text, changer
from client.cli.command import (
    DONE,
    TIME_IS_UP,
    add_home,
    add_json,
    count,
    print_json,
    run_command,
    seconds,
    wants_colour,
)
from client.cli.elsewhere import history_event, history_text, sent_event
from client.cli.entries import entry_line
from client.cli.group_text import group_name, person_name
from client.cli.message_json import STATE_NAMES, details, event_of, group_id, person_of
from client.cli.rendering import notice_line, painted
from client.events import (
    ConnectionChanged,
    Connectivity,
    Event,
    EventsMissed,
    GroupNews,
    HistoryProgress,
    JoinAsked,
    MessageChanged,
    MessageReceived,
    MessageSentElsewhere,
    TickChanged,
)
from client.phone import Phone, open_phone
from client.records import EntryKind, MessageState
from protocol.ids import GroupId

PATIENCE_SECONDS = 5.0  # for a 'roost send' that is about to end
_RECEIPTS = (MessageState.DELIVERED, MessageState.READ, MessageState.EXPIRED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost listen``."""
    add_home(parser)
    parser.add_argument("--count", type=count, metavar="N", help="end after N messages")
    parser.add_argument(
        "--timeout", type=seconds, default=math.inf, metavar="S",
        help="end after S seconds; status 4 if fewer than N messages came",
    )  # fmt: skip
    parser.add_argument(
        "--no-read-receipts", action="store_true", help="do not tell senders that it was read"
    )
    add_json(parser, "one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Listen; 0 done, 2 wrong usage, 3 refused, 4 time is up, 130 interrupted."""
    return run_command(partial(_listen, args))


async def _listen(args: argparse.Namespace) -> int:
    wanted = math.inf if args.count is None else args.count
    listener = Listening(args.json, wanted)
    async with open_phone(
        args.home, read_receipts=not args.no_read_receipts, patience=PATIENCE_SECONDS
    ) as phone:
        with trio.move_on_after(args.timeout):
            await listener.run(phone)
    return DONE if listener.count >= wanted or args.count is None else TIME_IS_UP


class Listening:
    """Prints what happens on a phone.

    Args:
        as_json: for machines, or for people.
        wanted: how many messages to print before it ends.
    """

    def __init__(self, as_json: bool, wanted: float) -> None:
        self._as_json = as_json
        self._wanted = wanted
        self._colour = wants_colour()
        self._was_online = True
        self.count = 0  # messages printed so far

    async def run(self, phone: Phone) -> None:
        """Print until enough messages have come.

        Raises:
            ClientError: the connection has stopped for good.
        """
        with phone.events.subscribe() as events:
            self._print_unread(phone)
            while self.count < self._wanted:
                phone.raise_if_stopped()
                self._take(phone, await events.next())

    def _take(self, phone: Phone, event: Event) -> None:
        match event:
            case MessageReceived() | GroupNews() | EventsMissed():
                self._print_unread(phone)
            case JoinAsked():
                self._print_join(phone, event)
            case MessageChanged():
                self._print_change(phone, event)
            case MessageSentElsewhere():
                self._print_sent_elsewhere(phone, event)
            case HistoryProgress():
                self._print_progress(event)
            case TickChanged(state=state) if state in _RECEIPTS and _is_shown(phone, event):
                self._print_receipt(phone, event)
            case ConnectionChanged():
                self._print_connection(event)
            case _:
                pass

    def _print_unread(self, phone: Phone) -> None:
        """Print what has not been printed yet, then note that it was.

        Both happen in one breath. A kill exactly in between prints a message again at the next start, which
        is better than never; its id tells. (The store itself keeps each message once.)
        """
        limit = None if self._wanted == math.inf else int(self._wanted) - self.count
        entries = phone.unread(limit=limit)
        if not entries:
            return
        for entry in entries:
            if self._as_json:
                if entry.kind is not EntryKind.SECURITY_CODE_CHANGED:
                    print_json(**event_of(entry))
            else:
                print(painted(entry_line(entry), self._colour))
        sys.stdout.flush()
        phone.mark_seen(limit=limit)
        self.count += sum(entry.kind is not EntryKind.SECURITY_CODE_CHANGED for entry in entries)

    def _print_sent_elsewhere(self, phone: Phone, sent: MessageSentElsewhere) -> None:
        entry = phone.entry(sent.message_id)
        if entry is None:
            return
        if self._as_json:
            print_json(**sent_event(entry))
        else:
            print(painted(entry_line(entry), self._colour), flush=True)

    def _print_progress(self, progress: HistoryProgress) -> None:
        if self._as_json:
            print_json(**history_event(progress))
        else:
            print(painted(notice_line(history_text(progress)), self._colour), flush=True)

    def _print_change(self, phone: Phone, change: MessageChanged) -> None:
        entry = phone.entry(change.message_id)
        if self._as_json:
            who = phone.account.phone if change.by_us else change.phone or f"{change.user:016x}"
            kind = type(change.change).__name__.lower()
            now = {} if entry is None else {"text": entry.text} | details(entry)
            print_json(event="change", id=change.message_id, kind=kind, **{"from": who}, **now)
        else:
            print(painted(notice_line(change_text(change, entry, changer(phone, change))), self._colour))
            sys.stdout.flush()

    def _print_join(self, phone: Phone, asked: JoinAsked) -> None:
        group = phone.group(asked.group)
        person = phone.person(asked.user)
        if self._as_json:
            print_json(event="join-asked", group=group_id(asked.group), **{"from": person_of(person)})
        else:
            name = group_name(asked.group, None if group is None else group.name)
            text = f"{person_name(person)} ({asked.user:016x}) asks to be let into {name}"
            print(painted(notice_line(text), self._colour))
            sys.stdout.flush()

    def _print_receipt(self, phone: Phone, tick: TickChanged) -> None:
        kind = STATE_NAMES[tick.state]
        reader = tick.phone or (f"{tick.user:016x}" if tick.user is not None else "?")
        group = None if tick.user is None else phone.group(GroupId(tick.user))
        if group is not None:
            reader = group_id(group.id) if self._as_json else group_name(group.id, group.name)
        if self._as_json:
            print_json(event="receipt", id=tick.message_id, kind=kind, **{"from": reader})
        else:
            print(painted(notice_line(f"{kind}: your message {tick.message_id} to {reader}"), self._colour))
            sys.stdout.flush()

    def _print_connection(self, change: ConnectionChanged) -> None:
        """Say, beside the messages, that the line is down and that it is back; each once."""
        is_online = change.connectivity is Connectivity.ONLINE
        is_passing = change.connectivity in (Connectivity.CONNECTING, Connectivity.STOPPED)
        if is_passing or is_online == self._was_online:
            return  # of an end that is for good the error tells
        self._was_online = is_online
        print("· online" if is_online else f"· offline ({change.reason}), reconnecting …", file=sys.stderr)


def _is_shown(phone: Phone, tick: TickChanged) -> bool:
    """Whether it is a message that has come further; a reaction on its way is no message."""
    entry = phone.entry(tick.message_id)
    return entry is None or entry.kind is not EntryKind.CHANGE
