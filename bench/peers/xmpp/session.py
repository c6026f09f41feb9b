"""One client's session with an XMPP server, without I/O: until it is available, and counting.

The way there, step by step as RFC 6120 has it: stream, SASL PLAIN, stream again, bind, session if the server
wants one; then XEP-0198's `<enable/>` and initial presence. The client is *available* when the server
acknowledges that presence: from then on messages to it are delivered and not stored.

Both ends count stanzas (XEP-0198). What the server has counted of ours it has taken charge of: that is the
nearest that XMPP has to Roost's ✓. We ask for its count with whatever we write that has stanzas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bench.peers.xmpp import stanzas
from bench.peers.xmpp.errors import RefusedError, StreamError
from bench.peers.xmpp.stream import Element, StreamDecoder, attribute

STANZAS: Final = (b"message", b"presence", b"iq")

_OPTIONAL_SESSION: Final = re.compile(rb"<session [^>]*>\s*<optional")


class Session:
    """Bytes in, stanzas out, and back; no socket.

    Args:
        domain: the server's.
        name: of the account.
        password: its password.

    Attributes:
        is_available: whether the server has acknowledged our presence.
        acknowledged: how many of our stanzas the server has taken charge of.
        sent: how many stanzas we have said since counting began.
    """

    __slots__ = (
        "_asks",
        "_auth",
        "_decoder",
        "_domain",
        "_is_answer_due",
        "_out",
        "_received",
        "_requests",
        "acknowledged",
        "is_available",
        "sent",
    )

    def __init__(self, domain: str, name: str, password: str) -> None:
        self._domain = domain
        self._auth: bytes | None = stanzas.plain_auth(name, password)
        self._decoder = StreamDecoder()
        self._out: list[bytes] = [stanzas.stream_header(domain)]
        self._requests: list[bytes] = []  # that come between logging in and being available
        self._received = 0
        self._is_answer_due = False
        self._asks = False
        self.is_available = False
        self.sent = self.acknowledged = 0

    def say(self, stanza: bytes) -> int:
        """Say one stanza with the next data; returns the how manieth it is, as the server counts."""
        self._out.append(stanza)
        self._asks = True
        self.sent += 1
        return self.sent

    def ask(self) -> None:
        """Have the server say how many it has: also what keeps a connection alive."""
        self._asks = True

    def data_to_send(self) -> bytes:
        """Take what is to be written: stanzas, one answer to all questions, and one question."""
        if self._is_answer_due:
            self._is_answer_due = False
            self._out.append(stanzas.acknowledgement(self._received))
        if self._asks:
            self._asks = False
            self._out.append(stanzas.REQUEST_ACK)
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> Iterator[Element]:
        """Give the stanzas in what the network has brought, once we are available.

        Raises:
            XmppError: the server refuses us, or has ended the stream.
        """
        for element in self._decoder.receive(data):
            name = element.name
            if name in STANZAS:
                self._received += 1
                if element.attribute(b"type") == b"error":
                    raise RefusedError(element.text.decode(errors="replace"))
                if not self.sent:
                    self._bind()
                elif name == b"iq":
                    self._answer(element)
                else:
                    yield element
            elif name == b"a":
                self._count(element)
            elif name == b"r":
                self._is_answer_due = True
            else:
                self._go_on(element)

    def _count(self, element: Element) -> None:
        self.acknowledged = int(element.attribute(b"h") or 0)
        # The first stanza that counts is our presence.
        self.is_available = self.is_available or self.acknowledged > 0

    def _go_on(self, element: Element) -> None:
        """Words of the stream itself."""
        name, text = element
        if name == b"stream:features":
            self._choose(text)
        elif name == b"success":
            self._decoder = StreamDecoder()
            self._out.append(stanzas.stream_header(self._domain))
        elif name == b"enabled":
            self._received = 0
        elif name in (b"failure", b"failed"):
            raise RefusedError(text.decode(errors="replace"))
        elif name in (b"stream:error", b"/stream:stream"):
            raise StreamError(text.decode(errors="replace"))

    def _choose(self, features: bytes) -> None:
        if self._auth is not None:
            if b">PLAIN<" not in features:
                raise RefusedError("the server does not offer SASL PLAIN")
            self._out.append(self._auth)
            self._auth = None
        else:
            self._requests = [stanzas.BIND_REQUEST]
            if b"<session" in features and not _OPTIONAL_SESSION.search(features):
                self._requests.append(stanzas.SESSION_REQUEST)
            self._bind()

    def _bind(self) -> None:
        """Make the next request; after the last one, count, and be available."""
        if self._requests:
            self._out.append(self._requests.pop(0))
        else:
            self._out.append(stanzas.ENABLE)
            self.say(stanzas.PRESENCE)

    def _answer(self, element: Element) -> None:
        """A server may ask whether we are there, and wants to hear something."""
        if element.attribute(b"type") in (b"get", b"set"):
            number = element.attribute(b"id") or b""
            self.say(b"<iq type='result' id='%b'/>" % number)


def number_of(stanza: Element) -> int:
    """The message's number: its id, as the load's senders write it."""
    return int(stanza.attribute(b"id") or 0)


def receipt_of(stanza: Element) -> bytes | None:
    """Which message a receipt is for; None if it is none."""
    at = stanza.text.find(b"<received ")
    return None if at < 0 else attribute(stanza.text[at:], b"id")
