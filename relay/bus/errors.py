"""What can go wrong between the workers of a node.

BusError
└── BusProtocolError       a sibling said something that no worker says: a bug, and the end of the link

RefusalError (relay/errors.py)
├── PeerDownError          the worker that would answer is not there; it is back in a moment
└── PeerSlowError          it has not answered in time
"""

from protocol import ErrorCode
from relay.errors import RefusalError, RelayError


class BusError(RelayError):
    """Base of what concerns the bus alone."""


class BusProtocolError(BusError):
    """A sibling said something that no worker says."""


class PeerDownError(RefusalError):
    """The worker that would answer is not there, or has gone before it did: nobody knows what it has done."""

    def __init__(self, worker: int) -> None:
        super().__init__(ErrorCode.RESTARTING)
        self.worker = worker


class PeerSlowError(RefusalError):
    """The worker has not answered in time. Whatever it answers later is dropped."""

    def __init__(self, worker: int) -> None:
        super().__init__(ErrorCode.OVERLOADED)
        self.worker = worker
