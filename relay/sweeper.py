"""Beats, and looks at the connections that it is time for: endless handshakes, silence, slow readers.

An actor because of its timer: this one beat stands for the three deadlines that each of thousands of
connections would otherwise keep, with a cancel scope and a place in a heap for each. It does not go through
the connections: a wheel says whose time has come (deadlines.py), and those that have something unsent, or
cipher objects to give back, are kept apart (`Surroundings`). So it costs nothing for those who are idle.
Restarts as: permanent; it has no state. A crash loses the looks of its beat, so its start looks at everybody.
"""

import math

from actors import Actor
from protocol import ErrorCode, Ping
from relay.config import (
    DOUBT_FACTOR,
    HANDSHAKE_SECONDS,
    REST_AFTER_BEATS,
    SILENCE_FACTOR,
    STALL_SECONDS,
    SWEEP_SECONDS,
)
from relay.outgoing import Outgoing
from relay.worker import Worker
from supervisors import ChildSpec

# The Ping has no fields: one instance serves all.
_PING = Ping()


READER_CHECK_BEATS = 60
"""How often read slots are freed that killed processes have left in the store: each keeps every page that was
freed since from being used again, and the file grows. A look costs microseconds."""


class Sweep:
    """The beat."""


SWEEP = Sweep()


def child_spec(worker: Worker) -> ChildSpec:
    """The one sweeper of a worker."""
    return ChildSpec(id="sweeper", start=lambda: Sweeper(worker))


def handshake_ends(beat: int) -> int:
    """The beat in which a connection that was accepted in `beat` must have said who it is."""
    return beat + _beats(HANDSHAKE_SECONDS)


class Sweeper(Actor):
    """Beats, and looks."""

    __slots__ = ("_doubt", "_patience", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        # Beats of silence after which a device is asked whether it is there, and given up.
        self._doubt = _beats(DOUBT_FACTOR * worker.config.keepalive_seconds)
        self._patience = _beats(SILENCE_FACTOR * worker.config.keepalive_seconds)

    async def on_start(self) -> None:
        """Start the beat."""
        for outgoing in self._worker.presence.connections():
            self._worker.presence.deadlines.put(outgoing, self._worker.surroundings.beat + 1)
        self.send_every(SWEEP_SECONDS, SWEEP)

    def handle(self, message: object) -> None:
        """One sweep. Connections count time in beats, so that hearing a peer costs no look at a clock."""
        if message is not SWEEP:
            self.unexpected(message)
            return
        worker = self._worker
        worker.surroundings.beat += 1
        worker.journal.watch()
        worker.sample_rates()
        worker.board.beat()
        beat = worker.surroundings.beat
        if beat % READER_CHECK_BEATS == 0:
            worker.store.clear_stale_readers()
        for outgoing in worker.presence.deadlines.due(beat):
            worker.presence.deadlines.move(outgoing, self._look_at(outgoing, beat))
        self._end_stalled(beat)
        if beat % REST_AFTER_BEATS == 0:
            self._let_rest(beat)

    def _look_at(self, outgoing: Outgoing, beat: int) -> int:
        """What the clock says about one connection; returns when to look again."""
        if outgoing.end is None:
            silence = beat - outgoing.heard_at
            if not outgoing.identified:
                # From when it was accepted, not from its last byte: one byte a second is no handshake.
                outgoing.close(ErrorCode.HANDSHAKE_TIMEOUT)
            elif silence >= self._patience:
                outgoing.close(ErrorCode.IDLE_TIMEOUT)
            elif silence >= self._doubt:
                outgoing.push(_PING)
                return outgoing.heard_at + self._patience
            else:
                return outgoing.heard_at + self._doubt
        return beat + self._patience  # it is ending, and leaves by itself long before that

    def _end_stalled(self, beat: int) -> None:
        """Close those who have taken nothing of what is unsent for too long."""
        full = self._worker.surroundings.full
        for outgoing in list(full):
            if outgoing.end is not None or not outgoing.has_unsent:
                del full[outgoing]
            elif outgoing.stalled_for(beat) * SWEEP_SECONDS > STALL_SECONDS:
                outgoing.close(ErrorCode.TOO_SLOW)

    def _let_rest(self, beat: int) -> None:
        """Have those who have been quiet for some beats give their cipher objects back."""
        awake = self._worker.surroundings.awake
        for outgoing in list(awake):
            if beat - max(outgoing.heard_at, outgoing.spoke_at) >= REST_AFTER_BEATS:
                del awake[outgoing]
                outgoing.rest()


def _beats(seconds: float) -> int:
    """So many beats and one: what is measured in them began somewhere within one."""
    return math.ceil(seconds / SWEEP_SECONDS) + 1
