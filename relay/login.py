"""What a login and a leave change in the registers of a worker: who is connected, and who sees that.

Functions and no actor: they run within the turn of the connection that comes or goes. Leaving is done by
whoever notices the end first: the connection itself, its doorman if it was killed, or its greeter if it never
came so far as to have an actor.
"""

import logging

from protocol import DeviceAddress, ErrorCode, RemoteProtocolError
from relay.outgoing import Outgoing
from relay.worker import Worker
from storage.routing import Route

log = logging.getLogger("roost.relay")


def enter(worker: Worker, device: DeviceAddress, outgoing: Outgoing) -> None:
    """Take the place of an older connection of the device; that one is told so, and ends."""
    replaced = worker.presence.login(device, outgoing)
    if replaced is not None:
        replaced.close(ErrorCode.REPLACED)
    worker.routing.connect(device, route_of(worker, outgoing), worker.clock.now())
    worker.watching.leave(device)  # what its last connection watched
    worker.board.left(device.user)  # where it may have been available, which this one is not yet
    worker.counters.logins += 1


def leave(worker: Worker, outgoing: Outgoing) -> None:
    """Take a connection out of the registers. Harmless if it is in none, or the device has a newer one."""
    worker.presence.closed(outgoing)
    worker.surroundings.forget(outgoing)
    device = outgoing.device
    if device is not None and worker.presence.logout(device, outgoing):
        worker.routing.disconnect(device, route_of(worker, outgoing), worker.clock.now())
        worker.watching.leave(device)
        worker.board.left(device.user)


def leave_unknown(worker: Worker, outgoing: Outgoing, reason: str) -> None:
    """The link of a connection has ended that has no actor; if we ended it, the reason stands already."""
    outgoing.ended(reason)
    worker.counters.close(outgoing.end or reason)
    leave(worker, outgoing)
    log_end(outgoing, None)


def fault(worker: Worker, outgoing: Outgoing, error: RemoteProtocolError) -> None:
    """The peer broke the protocol: it is told the code, the log gets one line, and that is all."""
    worker.counters.refuse(error.code.wire_name)
    facts = {"connection": outgoing.number, "code": error.code.wire_name, "kind": error.kind}
    log.info("peer_broke_protocol", extra={**facts, "why": error.reason})
    outgoing.end_with(error.code.wire_name)


def log_end(outgoing: Outgoing, device: DeviceAddress | None) -> None:
    """One line for a connection; not even put together if nobody reads it."""
    if log.isEnabledFor(logging.INFO):
        log.info(
            "connection_closed",
            extra={
                "connection": outgoing.number,
                "device": str(device) if device is not None else None,
                "reason": outgoing.end,
            },
        )


def route_of(worker: Worker, outgoing: Outgoing) -> Route:
    """Which connection a device has. The number alone says it; a time would have to be remembered."""
    return Route(worker.store.worker, outgoing.number, 0)
