"""Monitors: one actor watches another and is told of its end by one Down message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors import few
from actors.exits import NOPROC, ExitReason

if TYPE_CHECKING:
    from actors.ref import ActorRef


class MonitorRef:
    """One act of watching: names it in the Down, and ends it in `demonitor`."""

    __slots__ = ("target", "watcher")

    def __init__(self, watcher: ActorRef, target: ActorRef) -> None:
        self.watcher = watcher
        self.target = target

    def __repr__(self) -> str:
        return f"<MonitorRef {self.watcher} -> {self.target}>"


@dataclass(frozen=True, slots=True)
class Down:
    """A watched actor has ended (OTP's `{'DOWN', ...}`). Overtakes ordinary messages, like Exit."""

    monitor: MonitorRef
    ref: ActorRef
    reason: ExitReason


def monitor(watcher: ActorRef, target: ActorRef) -> MonitorRef:
    """Watch; a target that is dead already answers with Down(NOPROC) at once."""
    watch = MonitorRef(watcher, target)
    if target.is_alive:
        near, far = watcher._own_bonds(), target._own_bonds()
        near.watching = few.add(near.watching, watch)
        far.watched_by = few.add(far.watched_by, watch)
    elif watcher._mailbox is not None:
        watcher._mailbox.put_signal(Down(watch, target, NOPROC))
    return watch


def demonitor(watcher: ActorRef, watch: MonitorRef) -> None:
    """Stop watching, and take back a Down that is queued (OTP's `demonitor(Ref, [flush])`)."""
    _forget(watch)
    mailbox = watcher._mailbox
    if mailbox is not None and mailbox.signals:
        for signal in [s for s in mailbox.signals if isinstance(s, Down) and s.monitor is watch]:
            mailbox.signals.remove(signal)


def report_down(dead: ActorRef, reason: ExitReason) -> None:
    """Tell everyone who watches an actor that it has ended, and end its own watching."""
    bonds = dead._bonds
    if bonds is None:
        return
    for watch in few.members(bonds.watching):
        _forget(watch)
    for watch in few.members(bonds.watched_by):
        _forget(watch)
        if watch.watcher._mailbox is not None:
            watch.watcher._mailbox.put_signal(Down(watch, dead, reason))


def _forget(watch: MonitorRef) -> None:
    near, far = watch.watcher._bonds, watch.target._bonds
    if near is not None:
        near.watching = few.discard(near.watching, watch)
    if far is not None:
        far.watched_by = few.discard(far.watched_by, watch)
