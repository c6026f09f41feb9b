"""What strace has written down of a process's work on files, read back: writes, syncs, and what it has said.

The recording is made with `WORDS`: of all threads, with whole data, in hexadecimal, so that no byte of it can
be mistaken for strace's own words. It is of one process: descriptors are told apart by their number alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

CALLS = (
    "openat,lseek,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,ftruncate,fallocate,sync_file_range,"
    "rename,renameat,renameat2"
)
"""Every way to change a file, or to have it on the disk, besides a writable map, which LMDB does not use."""

WORDS = ("strace", "-f", "-y", "-xx", "-s", "16777216", "-e", "signal=none", "-e", f"trace={CALLS}")
"""How strace is started, before where its output goes and what it is to watch."""

STANDARD_OUTPUT = 1


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes were given to the kernel for a place in a file."""

    file: str
    offset: int
    data: bytes
    is_synced: bool
    """Whether they are on the disk: the call has returned, and the descriptor writes through (O_DSYNC)."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What was written to a file before is on the disk."""

    file: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file has another name, and who had that name before is gone."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Said:
    """Bytes were written to the standard output: from here on, somebody may know."""

    data: bytes


Event: TypeAlias = Write | Sync | Renamed | Said


class UnknownCallError(ValueError):
    """A file was changed in a way that is not understood here, so nothing can be said about it."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One system call, of which all was seen that will be."""

    name: str
    words: str
    """Its arguments, as strace writes them."""
    result: int | None
    """None: it never returned, because its process was killed in it."""


_BEGINNING = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<words>.*)", re.DOTALL)
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<words>.*)", re.DOTALL)
_DESCRIPTOR = re.compile(r"(\d+)<([^>]*)>")
_STRING = re.compile(r'"([^"]*)"')
_UNFINISHED = " <unfinished ...>"
_SYNCED_FLAGS = re.compile(r"\bO_D?SYNC\b")


def read_events(
    lines: Iterable[str], *, synced: Iterable[int] = (), positions: dict[int, int] | None = None
) -> Iterator[Event]:
    """The events of a recording, in the order in which they ended.

    Args:
        lines: what strace has written.
        synced: descriptors with O_DSYNC that were open before.
        positions: {descriptor: where it stood in its file}, of those that were open before.

    Raises:
        UnknownCallError: something was done to a file that is not understood.
    """
    process = _Process(set(synced), dict(positions or {}))
    for call in _calls(lines):
        yield from process.does(call)


def _calls(lines: Iterable[str]) -> Iterator[_Call]:
    """The calls, in the order of their ends; at last those that never ended."""
    begun: dict[str, tuple[str, str]] = {}  # {thread: name and first words of a call that goes on}
    for line in lines:
        text = line.rstrip("\n")
        beginning = _BEGINNING.match(text)
        resumed = _RESUMED.match(text)
        if beginning is not None:
            thread, name, words = beginning.group("pid", "name", "words")
            if words.endswith(_UNFINISHED):
                begun[thread] = (name, words.removesuffix(_UNFINISHED))
                continue
        elif resumed is not None:
            thread = resumed["pid"]
            name, first = begun.pop(thread, (resumed["name"], ""))
            words = first + resumed["words"]
        else:
            continue  # a signal, or the end of a thread
        arguments, _, result = words.rpartition(" = ")
        number = re.match(r"-?\d+", result)
        yield _Call(name, arguments.rstrip().removesuffix(")"), int(number[0]) if number else None)
    for name, words in begun.values():
        yield _Call(name, words, None)


class _Process:
    """What has to be remembered of a process from call to call: its descriptors."""

    def __init__(self, synced: set[int], positions: dict[int, int]) -> None:
        self._synced = synced
        self._positions = positions

    def does(self, call: _Call) -> Iterator[Event]:
        if call.result is not None and call.result < 0:
            return  # it was refused: nothing happened
        if call.name == "openat":
            self._opens(call)
            return
        if call.name.startswith("rename"):
            old, new = (_text(found[1]) for found in _STRING.finditer(call.words))
            yield Renamed(old, new)
            return
        found = _DESCRIPTOR.match(call.words)
        if found is None:
            return  # a descriptor without a name, so no file
        descriptor, file = int(found[1]), _text(found[2])
        words = call.words[found.end() :]
        match call.name:
            case "lseek":
                if call.result is not None:
                    self._positions[descriptor] = call.result
            case "fsync" | "fdatasync":
                if call.result == 0:
                    yield Sync(file)
            case "pwrite64":
                data, (*_, offset) = _data(words), words.rsplit(", ", 1)
                yield self._write(call, descriptor, file, int(offset), data[: call.result])
            case "write" | "writev":
                data = _data(words)[: call.result]
                if descriptor == STANDARD_OUTPUT:
                    yield Said(data)
                elif file.startswith("/"):
                    yield self._write(call, descriptor, file, self._positions.get(descriptor, 0), data)
                    self._positions[descriptor] = self._positions.get(descriptor, 0) + len(data)
            case _:
                if Path(file).suffix == ".mdb" and not file.endswith("lock.mdb"):
                    raise UnknownCallError(f"{call.name} of {file}: what it does is not known here")

    def _write(self, call: _Call, descriptor: int, file: str, offset: int, data: bytes) -> Write:
        has_returned = call.result is not None
        return Write(file, offset, data, has_returned and descriptor in self._synced)

    def _opens(self, call: _Call) -> None:
        if call.result is None:
            return
        self._positions[call.result] = 0
        if _SYNCED_FLAGS.search(call.words):
            self._synced.add(call.result)
        else:
            self._synced.discard(call.result)


def _data(words: str) -> bytes:
    """All that is between quotation marks, one after the other."""
    return b"".join(_bytes(found[1]) for found in _STRING.finditer(words))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _text(name: str) -> str:
    """The name of a file: in hexadecimal if strace was told so, or as strace shows what is no file."""
    return _bytes(name).decode(errors="surrogateescape") if name.startswith("\\x") else name
