"""Last words to peers that get no connection of their own here: at the door, and between two workers.

Functions and no actor: what is to be said is known at once, and the network sees to it that it leaves.
"""

import logging

from actors.network import Link
from protocol import ErrorCode, HandOffError, RelayConnection
from protocol.frames import encode_frame
from relay.handover import Moving
from relay.worker import Worker

log = logging.getLogger("roost.relay")


def turn_away(worker: Worker, link: Link) -> None:
    """Refuse a peer at the door, at the cost of four bytes: there is no room, and it may try again later."""
    worker.counters.refuse(ErrorCode.OVERLOADED.wire_name)
    link.write(encode_frame(bytes((ErrorCode.OVERLOADED,))))
    link.close()


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
