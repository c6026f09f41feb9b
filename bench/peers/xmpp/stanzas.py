"""The XML that the load says, and what it reads out of the XML that it hears.

Bodies are base64, as end-to-end encryption over XMPP has it (OMEMO): the same payload as for a Roost node.
"""

from __future__ import annotations

import base64
from typing import Final

CLIENT: Final = "jabber:client"
STREAMS: Final = "http://etherx.jabber.org/streams"
SASL: Final = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND: Final = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION: Final = "urn:ietf:params:xml:ns:xmpp-session"
MANAGEMENT: Final = "urn:xmpp:sm:3"
RECEIPTS: Final = "urn:xmpp:receipts"
MUC: Final = "http://jabber.org/protocol/muc"

RESOURCE: Final = "bench"

REQUEST_ACK: Final = f"<r xmlns='{MANAGEMENT}'/>".encode()
ENABLE: Final = f"<enable xmlns='{MANAGEMENT}'/>".encode()
PRESENCE: Final = b"<presence/>"
BIND_REQUEST: Final = (
    f"<iq type='set' id='bind'><bind xmlns='{BIND}'><resource>{RESOURCE}</resource></bind></iq>".encode()
)
SESSION_REQUEST: Final = f"<iq type='set' id='session'><session xmlns='{SESSION}'/></iq>".encode()


def stream_header(domain: str) -> bytes:
    """What opens a stream."""
    return (
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' "
        f"xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>"
    ).encode()


def plain_auth(name: str, password: str) -> bytes:
    """SASL PLAIN (RFC 4616), with its answer at once."""
    answer = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    return f"<auth xmlns='{SASL}' mechanism='PLAIN'>{answer}</auth>".encode()


def acknowledgement(count: int) -> bytes:
    """We have received so many stanzas (XEP-0198)."""
    return b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % count


def body_of(payload: bytes) -> bytes:
    """A payload as a body carries it."""
    return base64.b64encode(payload)


def message(to: bytes, number: int, body: bytes) -> bytes:
    """A message to one, which asks for a receipt (XEP-0184)."""
    return (
        b"<message to='%b' type='chat' id='%d'><body>%b</body><request xmlns='urn:xmpp:receipts'/></message>"
        % (to, number, body)
    )


def receipt(to: bytes, number: bytes) -> bytes:
    """Message `number` of theirs has come (XEP-0184)."""
    return b"<message to='%b' type='chat'><received xmlns='urn:xmpp:receipts' id='%b'/></message>" % (
        to,
        number,
    )


def group_message(room: bytes, number: int, body: bytes) -> bytes:
    """A message to everybody in a room (XEP-0045)."""
    return b"<message to='%b' type='groupchat' id='%d'><body>%b</body></message>" % (room, number, body)


def join(room: str, nickname: str) -> bytes:
    """Enter a room, and ask for nothing that was said before (XEP-0045)."""
    return (
        f"<presence to='{room}/{nickname}'><x xmlns='{MUC}'><history maxstanzas='0'/></x></presence>".encode()
    )


def payload_of(stanza: bytes) -> bytes | None:
    """The payload in a message's body; None if it has no body."""
    first = stanza.find(b"<body>")
    if first < 0:
        return None
    return base64.b64decode(stanza[first + 6 : stanza.index(b"</body>", first)])
