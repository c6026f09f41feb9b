"""Presence between workers: the boards of other workers, and what they say to the devices of this one.

A worker that was restarted has forgotten who watches its users, and its siblings still know what watchers it
had. So whenever a peer is there (again), its watchers are forgotten here, and ours are told to it once more.
"""

from protocol import UserId
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.worker import Worker


def register(worker: Worker) -> None:
    """Deal with what other workers say of presence."""
    bus, board, watching = worker.bus, worker.board, worker.watching
    bus.on(m.Watch, lambda _, message: board.watch(message.watcher, message.user))
    bus.on(m.Unwatch, lambda _, message: board.unwatch(message.watcher, message.user))
    bus.on(m.Presence, lambda _, message: _tell(worker, message))

    def begin_anew(peer: Peer) -> None:
        def is_theirs(user: UserId) -> bool:
            return bus.peer_of(user) is peer

        board.forget(is_theirs)
        watching.renew(is_theirs)

    bus.on_ready("presence", begin_anew)


def _tell(worker: Worker, message: m.Presence) -> None:
    outgoing = worker.presence.of_device(message.device)
    if outgoing is not None:
        outgoing.presence(message.user, bool(message.is_online), message.last_seen)
