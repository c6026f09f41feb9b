"""Monitors: one actor watches another and is told of its end by one Down message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        watcher._own_bonds().watching[watch] = None
        target._own_bonds().watched_by[watch] = None
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
    for watch in [*(bonds._watching or ())]:
        _forget(watch)
    for watch in [*(bonds._watched_by or ())]:
        _forget(watch)
        if watch.watcher._mailbox is not None:
            watch.watcher._mailbox.put_signal(Down(watch, dead, reason))


def _forget(watch: MonitorRef) -> None:
    near, far = watch.watcher._bonds, watch.target._bonds
    if near is not None and near._watching is not None:
        near._watching.pop(watch, None)
    if far is not None and far._watched_by is not None:
        far._watched_by.pop(watch, None)
