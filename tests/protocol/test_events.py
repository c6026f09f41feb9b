"""Events are values, and none of them is mistaken for another."""

from protocol.events import Confirmed, HandshakeDone
from protocol.hello import Hello


def test_a_handshake_that_is_done_is_not_yet_a_confirmed_device() -> None:
    done: object = HandshakeDone(b"key", Hello())
    assert done != Confirmed(b"key", Hello(), known=True)
    assert done == HandshakeDone(b"key", Hello())
