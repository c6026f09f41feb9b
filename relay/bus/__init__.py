"""Between the workers of one node: links over Unix sockets, and everything that crosses them."""

from relay.bus.bus import Bus
from relay.bus.errors import BusError, BusProtocolError, PeerDownError, PeerSlowError
from relay.bus.peer import Peer

__all__ = ["Bus", "BusError", "BusProtocolError", "Peer", "PeerDownError", "PeerSlowError"]
