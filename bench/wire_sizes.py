"""Bytes on the wire for each thing that phones and relays say, beside XMPP, MQTT and WhatsApp.

    python -m bench.wire_sizes [--json]

Ours, XMPP's and MQTT's are counted when this runs: ours on real connections of `protocol` (length, AEAD tag
and all), XMPP's and MQTT's on the very text and packets that clients and servers exchange. WhatsApp's are of
its binary XML, encoded with the token dictionary that open clients publish. It is the application's bytes on
the TCP stream that are compared; what lies below is the same for all, and `BELOW` has it.

Fairness: XMPP and MQTT carry the same end-to-end ciphertext as we do, as base64 in an element of its own (as
OMEMO's payload) and as the bytes of a PUBLISH; neither hides anything from the network by itself, so that TLS
comes on top of each of their stanzas, where our figures, and WhatsApp's with its frame, have that already.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from bench.table import columns
from protocol import (
    Accepted,
    Ack,
    ClientConnection,
    Deliver,
    Delivered,
    DeviceAddress,
    DeviceId,
    GroupAddress,
    GroupId,
    GroupSeq,
    Hello,
    KeyPair,
    MemberAddress,
    MessageNumber,
    Ping,
    Presence,
    Read,
    RelayConnection,
    Send,
    SendGroup,
    Seq,
    Stanza,
    Typing,
    UserId,
    Welcome,
)
from protocol.byte_budgets import HELLO_CIPHERTEXT_BYTES

TLS_RECORD_BYTES = 22
"""Of TLS 1.3: header 5, content type 1, tag 16; for each write, which is at best one for each stanza."""

TCP_SEGMENT_BYTES = 52
"""IPv4 20, TCP 20 and its timestamps 12; with IPv6 72. An answer that nothing is said with costs another."""

WHATSAPP_FRAME_BYTES = 19
"""Length 3, AEAD tag 16."""

BELOW = (
    f"TLS 1.3 adds {TLS_RECORD_BYTES} bytes a record to XMPP and MQTT; Roost's and WhatsApp's figures have"
    " their encryption in them.",
    f"TCP over IPv4 adds {TCP_SEGMENT_BYTES} bytes a segment to all of them (IPv6: 72), and as much for a"
    " bare acknowledgement.",
    "MQTT's payload is the ciphertext alone: a messenger has to put sender and message id into it, and to"
    " publish receipts, as the line of a whole message does.",
)

WHATSAPP_SOURCE = (
    "WhatsApp: nodes encoded with the token dictionary of open clients (whatsmeow, binary/token), 19 bytes of"
    " frame included; bare text as before 2016, end-to-end encrypted to one device as now. It has no figure"
    " where none was computed."
)

NUMBER = MessageNumber(70_000)
"""Of messages: a chat that has gone on for some time."""

CIPHERTEXT = bytes(HELLO_CIPHERTEXT_BYTES)
LONG_CIPHERTEXT = bytes(100)
ALICE, BOB = "alice@chat.example.org/phone", "bob@chat.example.org/phone"
BARE_ALICE, BARE_BOB = "alice@chat.example.org", "bob@chat.example.org"
ID = "3EB0C767D26A4B1D8A3F"
"""As long as clients make them: twenty characters, to be unique for ever. We count, and send a number."""
ROOM = "friends@conference.chat.example.org"
TOPIC = "u/4a3f9c0d12e87b56"
"""A topic of an MQTT messenger: short, one for each user."""


@dataclass(frozen=True, slots=True)
class Size:
    """One thing that is said; None where it does not exist, or is not known."""

    what: str
    roost: int
    xmpp: int | None
    """Without stream acknowledgements (XEP-0198)."""
    xmpp_acked: int | None
    """With an <r/> for each stanza and the <a/> that answers it."""
    mqtt: int | None
    """QoS 1; of a PUBLISH with its PUBACK."""
    whatsapp: int | None


def sizes() -> list[Size]:
    """All of them, counted now."""
    return [
        Size("ping, without the answer", ours(Ping()), *xmpp([PING]), 2, framed(19)),
        Size("typing, from the client", ours(Typing(_BOB)), *xmpp([TYPING]), None, framed(20)),
        Size(
            "somebody is online",
            ours(Presence(_BOB, 1), from_client=False),
            *xmpp([PRESENCE]),
            None,
            framed(14),
        ),
        Size(
            '"hello" to the server, end-to-end encrypted',
            ours(Send(_BOB, NUMBER, CIPHERTEXT)),
            *xmpp([encrypted(CIPHERTEXT, BARE_BOB, None)]),
            mqtt_publish(CIPHERTEXT) + MQTT_PUBACK_BYTES,
            framed(134),
        ),
        Size(
            "100 bytes of ciphertext to the server",
            ours(Send(_BOB, NUMBER, LONG_CIPHERTEXT)),
            *xmpp([encrypted(LONG_CIPHERTEXT, BARE_BOB, None)]),
            mqtt_publish(LONG_CIPHERTEXT) + MQTT_PUBACK_BYTES,
            None,
        ),
        Size(
            '"hello" to the recipient',
            ours(Deliver(Seq(NUMBER), _BOBS_PHONE, NUMBER, CIPHERTEXT), from_client=False),
            *xmpp([encrypted(CIPHERTEXT, BOB, ALICE)]),
            mqtt_publish(CIPHERTEXT) + MQTT_PUBACK_BYTES,
            framed(134),
        ),
        Size(
            "✓ accepted by the server",
            ours(Accepted(_BOB, NUMBER), from_client=False),
            None,
            None,
            None,
            framed(39),
        ),
        Size("the recipient's acknowledgement", ours(Ack(Seq(NUMBER))), *xmpp([RECEIPT]), None, framed(29)),
        Size(
            "✓✓ told to the sender",
            ours(Delivered(_BOB, NUMBER), from_client=False),
            *xmpp([RECEIPT_TOLD]),
            None,
            framed(29),
        ),
        Size("read", ours(Read(_BOBS_PHONE, NUMBER)), *xmpp([READ_MARK]), None, framed(39)),
        _whole_message(),
        Size(
            "the same to a group, from its writer",
            ours(SendGroup(_GROUP, NUMBER, 10, LONG_CIPHERTEXT)),
            *xmpp([to_room(LONG_CIPHERTEXT)]),
            mqtt_publish(LONG_CIPHERTEXT) + MQTT_PUBACK_BYTES,
            None,
        ),
        Size(
            "the same to each member of a group",
            ours(
                Deliver(Seq(NUMBER), _MEMBER, NUMBER, LONG_CIPHERTEXT, gseq=GroupSeq(NUMBER)),
                from_client=False,
            ),
            *xmpp([from_room(LONG_CIPHERTEXT)]),
            mqtt_publish(LONG_CIPHERTEXT) + MQTT_PUBACK_BYTES,
            None,
        ),
        Size(
            "a login that resumes, all of it", login(is_resumed=True), *xmpp_login(), MQTT_LOGIN_BYTES, None
        ),
        Size("a first login", login(is_resumed=False), None, None, None, None),
    ]


def _whole_message() -> Size:
    """From the sender's send to ✓✓, everything that both phones and the relay say for one message."""
    mine = [
        ours(Send(_BOB, NUMBER, CIPHERTEXT)),
        ours(Accepted(_BOB, NUMBER), from_client=False),
        ours(Deliver(Seq(NUMBER), _BOBS_PHONE, NUMBER, CIPHERTEXT), from_client=False),
        ours(Ack(Seq(NUMBER))),
        ours(Delivered(_BOB, NUMBER), from_client=False),
    ]
    theirs = [
        encrypted(CIPHERTEXT, BARE_BOB, None),
        encrypted(CIPHERTEXT, BOB, ALICE),
        RECEIPT,
        RECEIPT_TOLD,
    ]
    # MQTT has no receipts: a messenger has the recipient publish one, of a byte and a number.
    receipt = mqtt_publish(bytes(1 + 8)) + MQTT_PUBACK_BYTES
    both_ways = 2 * (mqtt_publish(CIPHERTEXT) + MQTT_PUBACK_BYTES + receipt)
    return Size(
        'one "hello", send to ✓✓, all of it',
        sum(mine),
        *xmpp(theirs),
        both_ways,
        2 * framed(134) + framed(39) + 2 * framed(29),
    )


# --- ours ---

_BOB = UserId(2**62)
_BOBS_PHONE = DeviceAddress(_BOB, DeviceId(1))
_GROUP = GroupAddress(GroupId(2**62 + 1))
_MEMBER = MemberAddress(GroupId(2**62 + 1), _BOB, DeviceId(1))
_RELAY_KEY = KeyPair.from_private_bytes(b"\x01" * 32)
_DEVICE_KEY = KeyPair.from_private_bytes(b"\x02" * 32)
_WELCOME = Welcome(_BOB, DeviceId(1), 1_800_000_000_000, 120, 256, 0)


def ours(stanza: Stanza, *, from_client: bool = True) -> int:
    """A stanza in a frame of its own, in a chat that is bound."""
    client, relay, _ = _logged_in(is_resumed=True)
    speaker = client if from_client else relay
    chat = getattr(stanza, "chat", None)
    if chat is not None:
        speaker.bind(chat)
        speaker.data_to_send()
    speaker.send(stanza)
    return len(speaker.data_to_send())


def login(*, is_resumed: bool) -> int:
    """Both ways, up to the Welcome: IK if the device knows the relay's key, XX if not."""
    return _logged_in(is_resumed=is_resumed)[2]


def _logged_in(*, is_resumed: bool) -> tuple[ClientConnection, RelayConnection, int]:
    relay_key = _RELAY_KEY.public if is_resumed else None
    client = ClientConnection(_DEVICE_KEY, relay_key, Hello(), lambda size: b"\x03" * size)
    relay = RelayConnection(_RELAY_KEY, lambda size: b"\x04" * size, knows=lambda key: True)
    count = 0
    said_welcome = False
    while client.has_data_to_send or relay.has_data_to_send or not said_welcome:
        up = client.data_to_send()
        relay.receive_data(up)
        relay.proceed()
        if not said_welcome and not client.has_data_to_send and not up:
            relay.send(_WELCOME)
            said_welcome = True
        down = relay.data_to_send()
        client.receive_data(down)
        count += len(up) + len(down)
    return client, relay, count


# --- XMPP: what ejabberd and prosody exchange with a client (RFC 6120, XEP-0184, 0198, 0085, 0333, 0045) ---

ASK = "<r xmlns='urn:xmpp:sm:3'/>"
ANSWER = "<a xmlns='urn:xmpp:sm:3' h='70000'/>"

PING = f"<iq type='get' id='{ID}' to='chat.example.org'><ping xmlns='urn:xmpp:ping'/></iq>"
TYPING = f"<message type='chat' to='{BARE_BOB}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
PRESENCE = f"<presence xml:lang='en' to='{ALICE}' from='{BOB}'/>"
RECEIPT = f"<message to='{ALICE}'><received xmlns='urn:xmpp:receipts' id='{ID}'/></message>"
RECEIPT_TOLD = RECEIPT.replace("<message ", f"<message xml:lang='en' from='{BOB}' ")
READ_MARK = f"<message to='{ALICE}'><displayed xmlns='urn:xmpp:chat-markers:0' id='{ID}'/></message>"

LOGIN_UP = (
    "<?xml version='1.0'?><stream:stream to='chat.example.org' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAGNvcnJlY3QgaG9yc2U=</auth>",
    "<?xml version='1.0'?><stream:stream to='chat.example.org' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>",
    "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind>"
    "</iq>",
    "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
    "<presence/>",
)
_STREAM_DOWN = (
    "<?xml version='1.0'?><stream:stream id='14530924384512349871' version='1.0' xml:lang='en'"
    " xmlns:stream='http://etherx.jabber.org/streams' from='chat.example.org' xmlns='jabber:client'>"
)
LOGIN_DOWN = (
    _STREAM_DOWN,
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
    "<mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>",
    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    _STREAM_DOWN,
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session"
    " xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/>"
    "</stream:features>",
    f"<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{ALICE}</jid></bind>"
    "</iq>",
    "<enabled xmlns='urn:xmpp:sm:3' id='g2gCbQAAAAVwaG9uZWgDYgAABnFiAAJ5OmIACrVb' resume='true' max='300'/>",
    f"<presence xml:lang='en' to='{ALICE}' from='{ALICE}'/>",
)


def encrypted(ciphertext: bytes, to: str, sender: str | None) -> str:
    """A message with a receipt asked for; the server adds who it is from, and that a client sent it."""
    who = f"from='{sender}' " if sender is not None else ""
    body = base64.b64encode(ciphertext).decode()
    return (
        f"<message {who}to='{to}' type='chat' id='{ID}'><encrypted xmlns='eu.siacs.conversations.axolotl'>"
        f"<payload>{body}</payload></encrypted><request xmlns='urn:xmpp:receipts'/></message>"
    )


def to_room(ciphertext: bytes) -> str:
    """A message to a room (MUC)."""
    return encrypted(ciphertext, ROOM, None).replace("type='chat'", "type='groupchat'")


def from_room(ciphertext: bytes) -> str:
    """What each occupant gets of it."""
    return encrypted(ciphertext, BOB, f"{ROOM}/alice").replace("type='chat'", "type='groupchat'")


def xmpp(stanzas: Sequence[str]) -> tuple[int, int]:
    """Bytes of stanzas without and with stream acknowledgements, one for each."""
    bare = sum(len(stanza.encode()) for stanza in stanzas)
    return bare, bare + len(stanzas) * len(ASK + ANSWER)


def xmpp_login() -> tuple[int, int]:
    """A login without the TLS handshake: SASL PLAIN, bind, presence; without XEP-0198 and with."""
    both = [*LOGIN_UP, *LOGIN_DOWN]
    without = [stanza for stanza in both if "<enable" not in stanza]
    return sum(len(stanza) for stanza in without), sum(len(stanza) for stanza in both)


# --- MQTT 3.1.1 ---

MQTT_PUBACK_BYTES = 4


def mqtt_publish(payload: bytes) -> int:
    """A PUBLISH with QoS 1: type, remaining length, topic, packet id, payload (MQTT 3.1.1, 3.3)."""
    remaining = 2 + len(TOPIC) + 2 + len(payload)
    return 1 + mqtt_length_bytes(remaining) + remaining


def mqtt_length_bytes(remaining: int) -> int:
    """How long the field is that says how long the rest is: seven bits a byte."""
    return max(1, -(-remaining.bit_length() // 7))


def _mqtt_login() -> int:
    """CONNECT with a client id, a user and a password, CONNACK, SUBSCRIBE to one's topic, SUBACK."""
    fields = sum(2 + len(text) for text in ("MQTT", "phone-4a3f9c0d", "alice", "correct horse"))
    connect = 2 + fields + 1 + 1 + 2
    subscribe = 2 + 2 + 2 + len(TOPIC) + 1
    return connect + 4 + subscribe + 5


MQTT_LOGIN_BYTES = _mqtt_login()

# --- WhatsApp ---


def framed(node: int) -> int:
    """A binary node in a frame of its own."""
    return node + WHATSAPP_FRAME_BYTES


# --- for people ---

HEADINGS = ("what is said", "Roost", "XMPP", "XMPP, XEP-0198", "MQTT QoS 1", "WhatsApp")


def as_rows(found: Sequence[Size]) -> Iterator[tuple[str, ...]]:
    """One line each, a dash for what does not exist or is not known."""
    for size in found:
        figures = (size.roost, size.xmpp, size.xmpp_acked, size.mqtt, size.whatsapp)
        yield (size.what, *("–" if figure is None else f"{figure:,}" for figure in figures))


def as_markdown() -> Iterator[str]:
    """The table of the documentation, and what has to be said of it."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield "|---|---:|---:|---:|---:|---:|"
    yield from (f"| {' | '.join(row)} |" for row in as_rows(sizes()))
    yield ""
    yield from (f"- {line}" for line in (*BELOW, WHATSAPP_SOURCE))


def main(argv: Sequence[str] | None = None) -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.wire_sizes", description="bytes on the wire")
    parser.add_argument("--json", action="store_true")
    found = sizes()
    if parser.parse_args(argv).json:
        print(json.dumps([asdict(size) for size in found], ensure_ascii=False, indent=1))
        return
    print("\n".join(columns([HEADINGS, *as_rows(found)], right=(1, 2, 3, 4, 5))))
    print("\n" + "\n".join((*BELOW, WHATSAPP_SOURCE)))


if __name__ == "__main__":
    main()
