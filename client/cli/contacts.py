"""Keep an address book, and find out who of it is here.

  roost contacts sync --home ann contacts.vcf
  roost contacts sync --home ann
  roost contacts add --home ann "0151 23456789" --name "Ben Example"
  roost contacts list --home ann
  roost contacts remove --home ann +4915123456789

Files are vCards (2.1, 3.0, 4.0) or CSV, as phones, Google and Outlook export them. National numbers are read
as those of your own number's country; --region says another. What cannot be read is named with its line and
skipped. Names stay here; the relay is asked for numbers, as many at a time as it allows. If that takes longer
than you like, stop: 'roost contacts sync' without a file goes on, and so do 'roost listen' and 'roost chat'.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from client.cli.choices import PATIENCE_SECONDS, WAIT_SECONDS, WATCH_SECONDS, open_store
from client.cli.command import DONE, REFUSED, TIME_IS_UP, add_home, add_json, print_json, run_command
from client.cli.rendering import safe_text
from client.contacts.numbers import is_region, number_in, region_of
from client.contacts.reading import Reading, read_contacts
from client.contacts.records import BadLine, Contact, tidy_name
from client.errors import HomeInUseError, UserInputError
from client.phone import open_phone
from client.phone_numbers import readable_number
from client.store import Store

MOST_LINES_NAMED = 20
"""Bad lines that people are shown; --json has all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``roost contacts``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    sync = actions.add_parser("sync", help="take over a file, and ask the relay who of it is here")
    sync.add_argument("file", nargs="?", type=Path, metavar="FILE", help=".vcf or .csv; none: go on asking")
    sync.add_argument(
        "--wait", action="store_true", help="wait until all are asked about, for days if need be"
    )
    add = actions.add_parser("add", help="put a number into the book, or give it another name")
    add.add_argument("number", metavar="NUMBER", help="national, or with + and country code")
    add.add_argument("--name", default="", help="what you call them; stays on this phone")
    everybody = actions.add_parser("list", help="show the book")
    everybody.add_argument("--here", action="store_true", help="only those who were found")
    remove = actions.add_parser("remove", help="take numbers out of the book")
    remove.add_argument("numbers", nargs="+", metavar="NUMBER", help="national, or with + and country code")
    for action in (sync, add, everybody, remove):
        add_home(action)
        add_json(action, "JSON objects, one a line")
        if action is not everybody:
            action.add_argument(
                "--region", metavar="XX", help="whose national numbers these are: DE, US, ..."
            )


def run(args: argparse.Namespace) -> int:
    """Sync, add, list or remove; 0 done, 2 wrong usage, 3 the relay wants to be asked later, 4 no answer."""
    return run_command(partial(_ACTIONS[args.action], args))


async def _sync(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        if args.file is not None:
            reading = read_contacts(args.file, _region(args, store))
            store.contacts.put(reading.names)
            _tell_reading(reading, args.json)
        return await _Finding(store, args).run()


async def _add(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        number = number_in(args.number, _region(args, store))
        store.contacts.put({number: tidy_name(args.name)})
        status = await _Finding(store, args, is_quiet=True).run()
        _tell([contact for contact in store.contacts.all() if contact.phone == number], args.json)
        return status


async def _list(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        _tell([each for each in store.contacts.all() if each.is_found or not args.here], args.json)
    return DONE


async def _remove(args: argparse.Namespace) -> int:
    with open_store(args.home) as store:
        region = _region(args, store)
        for number in [number_in(text, region) for text in args.numbers]:
            was_there = store.contacts.remove(number)
            if args.json:
                print_json(phone=number, removed=was_there)
            else:
                print(f"{readable_number(number)}  {'removed' if was_there else 'was not in the book'}")
    return DONE


_ACTIONS = {"sync": _sync, "add": _add, "list": _list, "remove": _remove}


def _region(args: argparse.Namespace, store: Store) -> str | None:
    """Whose national numbers are meant. Raises UserInputError."""
    if args.region is None:
        account = store.account()
        assert account is not None  # or the store would not be open
        return region_of(account.phone)
    region: str = args.region.upper()
    if not is_region(region):
        raise UserInputError(f"{args.region!r} is no region; say for example DE, US or IN")
    return region


class _Finding:
    """Waits until whoever is the phone of this home has asked the relay about everybody who is due.

    That is this command itself, or the ``roost listen`` or ``roost chat`` that runs there.
    """

    def __init__(self, store: Store, args: argparse.Namespace, *, is_quiet: bool = False) -> None:
        self._store = store
        self._args = args
        self._is_quiet = is_quiet
        self._total = store.contacts.count_due()
        self._left = self._total

    async def run(self) -> int:
        """The exit status."""
        with trio.move_on_after(WAIT_SECONDS) as patience:
            while self._goes_on(patience):
                try:
                    async with open_phone(self._args.home, patience=PATIENCE_SECONDS) as phone:
                        while self._goes_on(patience):
                            phone.raise_if_stopped()
                            await trio.sleep(WATCH_SECONDS)
                except HomeInUseError:
                    await trio.sleep(WATCH_SECONDS)  # whoever holds the home asks
        return self._outcome()

    def _goes_on(self, patience: trio.CancelScope) -> bool:
        """Whether there is more to wait for; each answer is worth as much patience as the first."""
        left, pause = self._store.contacts.count_due(), self._store.contacts.pause_left
        if left != self._left:
            self._left = left
            patience.deadline = trio.current_time() + WAIT_SECONDS
            self._progress()
        if pause and getattr(self._args, "wait", False):
            patience.deadline = trio.current_time() + pause + WAIT_SECONDS
            return bool(left)
        return bool(left) and not pause

    def _progress(self) -> None:
        if self._is_quiet:
            return
        asked = self._total - self._left
        if self._args.json:
            print_json(event="progress", asked=asked, of=self._total)
        elif sys.stderr.isatty():
            end = "\n" if not self._left else ""
            print(f"\rAsked the relay about {asked:,} of {self._total:,} numbers", end=end, file=sys.stderr)
            sys.stderr.flush()

    def _outcome(self) -> int:
        left, pause = self._store.contacts.count_due(), self._store.contacts.pause_left
        if not self._is_quiet:
            self._summary(left, pause)
        if not left:
            return DONE
        numbers = "1 number is" if left == 1 else f"{left:,} numbers are"
        if pause:
            print(
                f"error: wait: the relay wants to be asked again in {_duration(pause)}; until then {numbers}"
                " not asked about. Say 'roost contacts sync' then, or leave 'roost listen' running",
                file=sys.stderr,
            )
            return REFUSED
        print(f"error: time-is-up: {numbers} asked about with the next connection", file=sys.stderr)
        return TIME_IS_UP

    def _summary(self, left: int, pause: float) -> None:
        contacts = self._store.contacts.all()
        found = sum(contact.is_found for contact in contacts)
        if self._args.json:
            print_json(
                event="done",
                contacts=len(contacts),
                found=found,
                left=left,
                wait_s=round(pause) if left else 0,
            )
        else:
            numbers = "1 number" if len(contacts) == 1 else f"{len(contacts):,} numbers"
            print(f"{numbers} in the book, {found:,} of them here")


def _tell_reading(reading: Reading, as_json: bool) -> None:
    if as_json:
        print_json(
            event="read",
            people=reading.people,
            numbers=len(reading.names),
            skipped=[{"line": bad.line, "reason": bad.reason} for bad in reading.bad_lines],
        )
        return
    _tell_bad_lines(reading.bad_lines)
    people = "1 person" if reading.people == 1 else f"{reading.people:,} people"
    numbers = "1 number" if len(reading.names) == 1 else f"{len(reading.names):,} numbers"
    print(f"{people} with {numbers} read")


def _tell_bad_lines(bad_lines: Sequence[BadLine]) -> None:
    for bad in bad_lines[:MOST_LINES_NAMED]:
        print(f"line {bad.line}: {safe_text(bad.reason)} (skipped)", file=sys.stderr)
    if len(bad_lines) > MOST_LINES_NAMED:
        print(f"... and {len(bad_lines) - MOST_LINES_NAMED:,} more (--json has all)", file=sys.stderr)


def _tell(contacts: Sequence[Contact], as_json: bool) -> None:
    for contact in contacts:
        if as_json:
            print_json(
                phone=contact.phone,
                name=contact.name or None,
                found=contact.is_found,
                asked=not contact.is_due,
            )
            continue
        state = "here" if contact.is_found else "not asked yet" if contact.is_due else "not found"
        name = f"{safe_text(contact.name)}  " if contact.name else ""
        print(f"{name}{readable_number(contact.phone)}  {state}")


def _duration(seconds: float) -> str:
    """As people say it, rounded up."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds > size:
            return f"{-(-int(seconds) // size)} {unit}"
    return f"{int(seconds) + 1} seconds"
