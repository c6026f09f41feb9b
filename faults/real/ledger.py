"""What client processes write down: one record a line, as JSON, kept whatever becomes of who wrote it.

A line is written by one call to the kernel, which keeps it when the process is killed the moment after. Only
the last line of a file can be torn; who goes on with the file removes it first, and a reader passes it over.
Times are those of the machine's monotonic clock, which all processes share.
Not here: what follows from what was written (checker.py, recovery.py).
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeAlias, get_args


class DamagedLedgerError(Exception):
    """A line, not the last one, is no record."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}, line {line}: {why}")
        self.path = path
        self.line = line


# ---- records, in the order in which a device meets them. `who` is the device ----


@dataclass(frozen=True, slots=True)
class Life:
    """A device is there, with an account: for the first time, or in a new process."""

    what: ClassVar[str] = "life"
    at: float
    who: str
    person: str
    user: str
    """Who the relay says that this is, 16 hex digits."""
    life: int
    """Its how-manieth process, from 1."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group is about to be made."""

    what: ClassVar[str] = "grouped"
    at: float
    who: str
    group: str
    members: tuple[str, ...]
    """People, its maker among them."""


@dataclass(frozen=True, slots=True)
class Link:
    """The connection is another way; `online`, `offline`, or `stopped` for good."""

    what: ClassVar[str] = "link"
    at: float
    who: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Intends:
    """A message is about to be put into the outbox. Whether it was, says `Wrote`, or in the end the shelf."""

    what: ClassVar[str] = "intends"
    at: float
    who: str
    text: str
    """No two messages have the same."""
    to: str
    """A person, or a group."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """It is in the outbox."""

    what: ClassVar[str] = "wrote"
    at: float
    who: str
    text: str
    id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The phone would not take it: it was never written."""

    what: ClassVar[str] = "declined"
    at: float
    who: str
    text: str
    error: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A message of this device has come further."""

    what: ClassVar[str] = "tick"
    at: float
    who: str
    id: str
    state: str
    """The name of a client.records.MessageState, in small letters."""
    error: str = ""
    is_found: bool = False
    """Nobody was there when it came, or it came among too many events: it was looked up later."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message came in, and the phone says so: at most once of each, never if the process dies."""

    what: ClassVar[str] = "shown"
    at: float
    who: str
    text: str
    group: str = ""
    """The group that it came in; empty: from person to person."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another device of the same person has sent a message, and the phone says so."""

    what: ClassVar[str] = "elsewhere"
    at: float
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Looks:
    """The person is about to read these."""

    what: ClassVar[str] = "looks"
    at: float
    who: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Told to be quiet, the device has nothing on its way any more, and nothing has come for a while."""

    what: ClassVar[str] = "settled"
    at: float
    who: str


class Entry(NamedTuple):
    """A line of a phone's history."""

    text: str
    is_outgoing: bool
    id: str
    state: str
    kind: str
    """The name of a client.records.EntryKind, in small letters."""
    user: str
    """Who wrote it; of what is outgoing: who it is to. 16 hex digits; empty: unknown."""
    group: str
    """The group's name; empty: from person to person."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The whole history of a device, at the end."""

    what: ClassVar[str] = "shelf"
    at: float
    who: str
    entries: tuple[Entry, ...]


Record: TypeAlias = (
    Life | Grouped | Link | Intends | Wrote | Declined | Tick | Shown | Elsewhere | Looks | Settled | Shelf
)

_KINDS: dict[str, Callable[..., Record]] = {kind.what: kind for kind in get_args(Record)}


# ---- lines ----


def to_line(record: Record) -> bytes:
    """A record as it is written."""
    facts = {"what": record.what} | asdict(record)
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Record:
    """A line as it is read; names that are not known are passed over.

    Raises:
        ValueError: it is no record, with why.
    """
    facts = json.loads(line)
    if not isinstance(facts, dict):
        raise ValueError("it is no object")
    kind = _KINDS.get(facts.pop("what", ""))
    if kind is None:
        raise ValueError("it does not say what it is, or something unknown")
    if "entries" in facts:
        facts["entries"] = tuple(Entry(*each) for each in facts["entries"])
    for name in ("members", "texts"):
        if name in facts:
            facts[name] = tuple(facts[name])
    try:
        return kind(**facts)
    except TypeError as error:
        raise ValueError(str(error)) from None


# ---- files ----


class Ledger:
    """Writes records to the end of a file, which is made if it is missing.

    A line that a predecessor has not finished is removed.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.now = now
        """What the times of records are told by."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, _whole_bytes(path.read_bytes()))

    def write(self, record: Record) -> None:
        """Write it down; when this returns, killing the process takes nothing back."""
        line = to_line(record)
        while line:
            line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


def read_ledger(path: Path) -> Iterator[Record]:
    """All records of a file, in order, but for a last line that is torn. A missing file has none.

    Raises:
        DamagedLedgerError: another line is no record.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    whole = content[: _whole_bytes(content)]
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            yield from_line(line)
        except ValueError as error:
            raise DamagedLedgerError(path, number, str(error)) from None


def read_ledgers(paths: Iterable[Path]) -> list[Record]:
    """The records of several files, by time; those of one file stay in their order.

    Raises:
        DamagedLedgerError: a line is no record.
    """
    records = [record for path in paths for record in read_ledger(path)]
    return sorted(records, key=lambda record: record.at)


def _whole_bytes(content: bytes) -> int:
    """How much of a file are whole lines."""
    return content.rfind(b"\n") + 1
