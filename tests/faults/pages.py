"""Ledgers made by hand: a few devices, what they write and see, each thing a line of a test."""

from collections.abc import Sequence

from faults.real.ledger import (
    Declined,
    Elsewhere,
    Entry,
    Grouped,
    Intends,
    Life,
    Looks,
    Record,
    Settled,
    Shelf,
    Shown,
    Tick,
    Wrote,
)

USERS = {"ann": "aa", "ben": "bb", "cleo": "cc"}
GROUP = "g0"


def person_of(who: str) -> str:
    """``ben`` of ``ben`` and of ``benc``, his companion."""
    return who.removesuffix("c") if who != "cleo" else who


class Pages:
    """A book that is being written; time goes on by a second with each line."""

    def __init__(self, *devices: str) -> None:
        self.records: list[Record] = []
        self._at = 0.0
        self._shelves: dict[str, list[Entry]] = {}
        for who in devices:
            self.live(who)

    def at(self) -> float:
        """The next second."""
        self._at += 1.0
        return self._at

    def live(self, who: str) -> None:
        """A device begins a life."""
        life = sum(isinstance(each, Life) and each.who == who for each in self.records) + 1
        self.records.append(Life(self.at(), who, person_of(who), USERS[person_of(who)], life))
        self._shelves.setdefault(who, [])

    def group(self, *members: str) -> None:
        """There is a group."""
        self.records.append(Grouped(self.at(), members[0], GROUP, members))

    def intend(self, who: str, text: str, to: str) -> None:
        """Somebody is about to write; their process may die before they do."""
        self.records.append(Intends(self.at(), who, text, to))

    def write(self, who: str, text: str, to: str, *ticks: str, error: str = "") -> None:
        """Somebody writes, and sees these ticks; their shelf shows the last."""
        self.intend(who, text, to)
        self.records.append(Wrote(self.at(), who, text, f"id of {text}"))
        for state in ticks:
            self.tick(who, text, state, error)
        self.put_out(who, text, to, ticks[-1] if ticks else "pending")

    def tick(self, who: str, text: str, state: str, error: str = "") -> None:
        """A tick comes."""
        self.records.append(Tick(self.at(), who, f"id of {text}", state, error))

    def decline(self, who: str, text: str, to: str) -> None:
        """A phone does not take what somebody wants to write."""
        self.intend(who, text, to)
        self.records.append(Declined(self.at(), who, text, "StoreFailedError"))

    def show(self, who: str, text: str, author: str, group: str = "") -> None:
        """A message comes, and the phone says so."""
        self.records.append(Shown(self.at(), who, text, group))
        self.put(who, text, author, group)

    def put(self, who: str, text: str, author: str, group: str = "", kind: str = "text") -> None:
        """A message is on somebody's shelf; nobody has said so."""
        self._shelves[who].append(Entry(text, False, f"id of {text}", "received", kind, USERS[author], group))

    def put_out(self, who: str, text: str, to: str, state: str = "accepted") -> None:
        """A message is on the shelf of the account that wrote it."""
        group = to if to == GROUP else ""
        user = "" if group else USERS[to]
        self._shelves[who].append(Entry(text, True, f"id of {text}", state, "text", user, group))

    def hear(self, who: str, text: str, to: str) -> None:
        """A device is told what another one of its person has sent."""
        self.records.append(Elsewhere(self.at(), who, text))
        self.put_out(who, text, to)

    def look(self, who: str, *texts: str) -> None:
        """Somebody is about to read."""
        self.records.append(Looks(self.at(), who, texts))

    def remove(self, who: str, text: str) -> None:
        """It is not on the shelf (any more)."""
        self._shelves[who] = [each for each in self._shelves[who] if each.text != text]

    def shelf(self, who: str) -> list[Entry]:
        """What somebody's device shows, to be put in another order."""
        return self._shelves[who]

    def end(self, *, without: Sequence[str] = ()) -> list[Record]:
        """Everybody settles and shows what they have, but for some who are not there any more."""
        for who, entries in self._shelves.items():
            if who not in without:
                self.records += [Settled(self.at(), who), Shelf(self.at(), who, tuple(entries))]
        return self.records
