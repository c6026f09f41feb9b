"""Looks at connections, a slice each second: handshakes that do not end, silence, readers that do not read.

An actor because of its timer: this one beat stands for the three deadlines that each of thousands of
connections would otherwise keep, with a cancel scope and a place in a heap for each.
Restarts as: permanent; it has no state but the counts of a stalled minute.
"""

from actors import Actor
from protocol import ErrorCode, Ping
from relay import connection
from relay.config import HANDSHAKE_SECONDS, REST_AFTER_BEATS, SILENCE_FACTOR, STALL_SECONDS, SWEEP_SECONDS
from relay.outgoing import Outgoing
from relay.worker import Worker
from supervisors import ChildSpec

LOOK_EVERY_BEATS = 5
"""A connection whose handshake is done is looked at in every fifth beat: a look costs about 2 µs, so looking
at 15,000 each second would take 3 % of a core for connections that do nothing. Pings and ends come up to four
seconds later for it, which is little beside a keepalive."""

# The Ping has no fields: one instance serves all.
_PING = Ping()


class Sweep:
    """The beat."""


SWEEP = Sweep()


def child_spec(worker: Worker) -> ChildSpec:
    """The one sweeper of a worker."""
    return ChildSpec(id="sweeper", start=lambda: Sweeper(worker))


class Sweeper(Actor):
    """Beats, and looks."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def on_start(self) -> None:
        """Start the beat."""
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
        slice_of_this_beat = beat % LOOK_EVERY_BEATS
        for outgoing in worker.presence.connections():
            if outgoing.identified and outgoing.number % LOOK_EVERY_BEATS != slice_of_this_beat:
                continue
            if not outgoing.owner.is_alive:
                # It was killed, and could not take itself out of the registers.
                outgoing.ended("killed")
                connection.leave(worker, outgoing)
                continue
            _look_at(outgoing, beat, worker.config.keepalive_seconds)


def _look_at(outgoing: Outgoing, beat: int, keepalive_seconds: int) -> None:
    """What the clock says about one connection."""
    if not outgoing.identified:
        # From when it was accepted, not from its last byte: one byte a second is no handshake.
        if (beat - outgoing.opened_at) * SWEEP_SECONDS > HANDSHAKE_SECONDS:
            outgoing.close(ErrorCode.HANDSHAKE_TIMEOUT)
    elif (beat - outgoing.heard_at) * SWEEP_SECONDS > SILENCE_FACTOR * keepalive_seconds:
        outgoing.close(ErrorCode.IDLE_TIMEOUT)
    elif outgoing.stalled_for(beat) * SWEEP_SECONDS > STALL_SECONDS:
        outgoing.close(ErrorCode.TOO_SLOW)
    elif (beat - outgoing.spoke_at) * SWEEP_SECONDS >= keepalive_seconds:
        outgoing.push(_PING)
    elif 0 <= beat - max(outgoing.heard_at, outgoing.spoke_at) - REST_AFTER_BEATS < LOOK_EVERY_BEATS:
        outgoing.rest()  # once: the next look finds it quiet for longer
