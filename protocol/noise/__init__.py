"""The Noise protocol framework, revision 34: files are the specification's objects."""

from protocol.noise.handshake_state import HandshakeState
from protocol.noise.primitives import KeyPair
from protocol.noise.transport import Transport

__all__ = ["HandshakeState", "KeyPair", "Transport"]
