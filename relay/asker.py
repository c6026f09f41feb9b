"""Who asks the relay for something, and whom one can turn to for an answer."""

from dataclasses import dataclass

from protocol import DeviceAddress
from relay.mailboxes import Mailboxes
from relay.worker import Worker


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and whom one can turn to for an answer."""

    worker: Worker
    mailboxes: Mailboxes
    static_key: bytes
    """Proved by the handshake."""
    device: DeviceAddress | None
    """Whose key that is; None for a stranger."""
    remote: str
    """Where the connection comes from: host and port."""
