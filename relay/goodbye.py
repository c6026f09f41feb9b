"""How peers leave that get no connection of their own here: at the door, and between two workers.

Functions and no actor: what is to be said is known at once, and the network sees to it that it leaves.
"""

import logging
from functools import partial

from actors.network import Link
from protocol import ErrorCode, HandOffError, RelayConnection, UserId
from protocol.frames import encode_frame
from relay.handover import Moving
from relay.outgoing import Outgoing
from relay.worker import Worker

log = logging.getLogger("roost.relay")

HANDED_OVER = "handed-over"
"""The end of a connection that goes on at the worker that owns its user."""


def turn_away(worker: Worker, link: Link) -> None:
    """Refuse a peer at the door, at the cost of four bytes: there is no room, and it may try again later."""
    worker.counters.refuse(ErrorCode.OVERLOADED.wire_name)
    link.write(encode_frame(bytes((ErrorCode.OVERLOADED,))))
    link.close()


def send_home(worker: Worker, link: Link, channel: RelayConnection, outgoing: Outgoing, user: UserId) -> bool:
    """Give a connection to the worker that owns its user; nothing behind the proof of who it is was read.

    False: the peer is gone, and LinkClosed is on its way to say so.
    """
    stream = link.detach()
    if stream is None:
        return False
    owner = worker.store.owner(user)
    moving = Moving(stream, channel.export(), worker.store.worker, outgoing.number)
    outgoing.ended(HANDED_OVER)
    worker.counters.handed_over += 1
    log.debug("connection_handed_over", extra={"connection": outgoing.number, "to_worker": owner})
    worker.handover.give(owner, moving, partial(turn_back, worker))
    return True


def turn_back(worker: Worker, moving: Moving, code: ErrorCode) -> None:
    """Tell the peer of a connection that moves and finds no room why it ends; the device comes again."""
    channel = RelayConnection(worker.static, worker.entropy, knows=_nobody)
    try:
        channel.adopt(moving.state)
        link = worker.network.adopt(moving.stream)
    except (HandOffError, OSError) as error:
        log.warning("handover_lost", extra={"connection": moving.number, "reason": type(error).__name__})
        moving.stream.discard()
        return
    channel.close(code)
    link.write(channel.data_to_send())
    link.close()
    worker.counters.refuse(code.wire_name)
    worker.counters.close(code.wire_name)


def _nobody(_static_key: bytes) -> bool:
    return False
