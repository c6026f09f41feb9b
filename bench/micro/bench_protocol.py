"""The wire: CPU microseconds a frame at the relay, a handshake, a stanza; bytes of memory a connection.

`python -m bench.micro.bench_protocol COUNT` prints one JSON line a figure. Two reference figures, the bare
AEAD and the bare CBOR of the same message, say how fast the machine was at that moment.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterable

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.micro.harness import Figure, Stopwatch, print_figures
from protocol import (
    Accepted,
    Ack,
    ClientConnection,
    Deliver,
    DeviceAddress,
    DeviceId,
    Hello,
    KeyPair,
    MessageNumber,
    Ping,
    RelayConnection,
    Send,
    Seq,
    Stanza,
    UserId,
    Welcome,
)
from protocol.codec import join_frame, read_stanza, spec_of, split_frame, write_stanza
from protocol.ids import Address, Handle
from protocol.schema import SPEC_OF_CLASS, Sender

ROUNDS = 7  # the best of them counts: what disturbs a measurement only ever makes it slower
RELAY_KEY = KeyPair.from_private_bytes(b"\x01" * 32)
DEVICE_KEY = KeyPair.from_private_bytes(b"\x02" * 32)
BOB = UserId(2**62)
BOBS_PHONE = DeviceAddress(BOB, DeviceId(1))
NUMBER = MessageNumber(70_000)
CIPHERTEXT = bytes(range(100))
SEND = Send(BOB, NUMBER, CIPHERTEXT)
DELIVER = Deliver(Seq(70_000), BOBS_PHONE, NUMBER, CIPHERTEXT)
ACCEPTED = Accepted(BOB, NUMBER)
ACK = Ack(Seq(70_000))


def entropy(size: int) -> bytes:
    """Always the same: only speed matters here."""
    return b"\x07" * size


def online() -> tuple[ClientConnection, RelayConnection]:
    """Both ends of a connection whose chats are bound."""
    client = ClientConnection(DEVICE_KEY, RELAY_KEY.public, Hello(), entropy)
    relay = RelayConnection(RELAY_KEY, entropy, knows=lambda key: True)
    carry(client, relay)
    relay.send(Welcome(UserId(1), DeviceId(1), 0, 30, 256, 0))
    client.bind(BOB)
    relay.bind(BOBS_PHONE)
    carry(client, relay)
    return client, relay


def carry(client: ClientConnection, relay: RelayConnection) -> None:
    """Carry bytes until both are silent."""
    while client.has_data_to_send or relay.has_data_to_send:
        relay.receive_data(client.data_to_send())
        relay.proceed()
        client.receive_data(relay.data_to_send())


def best(make: Callable[[], Iterable[object]], work: Callable[[object], object], count: int) -> float:
    """CPU microseconds of one `work`, the best round of several; `make` prepares a round, uncounted."""
    times = []
    for _ in range(ROUNDS):
        inputs = list(make())
        watch = Stopwatch()
        for item in inputs:
            work(item)
        times.append(watch.cpu_seconds() / count * 1e6)
    return min(times)


def repeated(work: Callable[[], object], count: int) -> float:
    """The same for work that needs no input."""
    return best(lambda: range(count), lambda _: work(), count)


def hearing(stanza: Stanza, count: int) -> float:
    """What the relay spends on one frame with one stanza, from bytes to event."""
    client, relay = online()

    def frames() -> Iterable[object]:
        for _ in range(count):
            client.send(stanza)
            yield client.data_to_send()

    return best(frames, lambda frame: relay.receive_data(frame), count)  # type: ignore[arg-type]  # frames are bytes


def saying(stanza: Stanza, count: int) -> float:
    """What the relay spends on one frame with one stanza, from stanza to bytes."""
    _, relay = online()

    def say() -> None:
        relay.send(stanza)
        relay.data_to_send()

    return repeated(say, count)


def shaking_hands(count: int) -> float:
    """What the relay spends on an IK handshake, from the first byte to the second message."""
    first = ClientConnection(DEVICE_KEY, RELAY_KEY.public, Hello(), entropy).data_to_send()

    def shake() -> None:
        relay = RelayConnection(RELAY_KEY, entropy, knows=lambda key: True)
        relay.receive_data(first)
        relay.data_to_send()

    return repeated(shake, count)


def codec_figures(count: int) -> list[Figure]:
    """Encoding and decoding of single stanzas, without frames and encryption."""
    figures = []
    for stanza, sender in (
        (SEND, Sender.CLIENT),
        (DELIVER, Sender.RELAY),
        (ACK, Sender.CLIENT),
        (Ping(), Sender.CLIENT),
    ):
        name = SPEC_OF_CLASS[type(stanza)].name.lower()
        address: Address = BOBS_PHONE if stanza is DELIVER else BOB
        encode, decode = _codec(stanza, sender, address)
        figures.append(_figure(f"encode_{name}", repeated(encode, count)))
        figures.append(_figure(f"decode_{name}", repeated(decode, count)))
    return figures


def _codec(
    stanza: Stanza, sender: Sender, address: Address
) -> tuple[Callable[[], bytes], Callable[[], object]]:
    handle = Handle(300)

    def encode() -> bytes:
        return join_frame([write_stanza(stanza, sender, lambda _: handle)])

    plaintext = encode()

    def decode() -> object:
        return [
            read_stanza(spec_of(item), item, sender, lambda _: address) for item in split_frame(plaintext)
        ]

    return encode, decode


def memory_figures(count: int) -> list[Figure]:
    """Traced bytes of one relay connection after its handshake: as it is, and at rest."""
    first = ClientConnection(DEVICE_KEY, RELAY_KEY.public, Hello(), entropy)
    opening = first.data_to_send()
    tracemalloc.start()
    relays = [RelayConnection(RELAY_KEY, entropy, knows=_everybody) for _ in range(count)]
    for relay in relays:
        relay.receive_data(opening)
        first_answer = relay.data_to_send()
    first.receive_data(first_answer)
    ping = first.data_to_send()  # the same handshake each time, so the same frame for all
    for relay in relays:
        relay.receive_data(ping)
        relay.proceed()
        relay.data_to_send()
    awake = _traced()
    for relay in relays:
        relay.rest()
    at_rest = _traced()
    tracemalloc.stop()
    note = "Python objects only: what OpenSSL keeps for a cipher object is not traced"
    return [
        Figure("connection_awake", "roost", awake / count, "B", note=note),
        Figure("connection_at_rest", "roost", at_rest / count, "B", note=note),
    ]


def _everybody(_key: bytes) -> bool:
    return True


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _figure(name: str, value: float) -> Figure:
    return Figure(name, "roost", round(value, 2), "µs", note="CPU, best of rounds")


def measure(count: int) -> list[Figure]:
    """All figures."""
    aead, plaintext = AESGCM(bytes(32)), cbor2.dumps([8, 300, NUMBER, CIPHERTEXT])
    return [
        _figure(
            "reference_aead_100_bytes", repeated(lambda: aead.encrypt(bytes(12), CIPHERTEXT, None), count)
        ),
        _figure("reference_cbor_send", repeated(lambda: cbor2.loads(plaintext), count)),
        _figure("relay_hears_send", hearing(SEND, count)),
        _figure("relay_hears_ack", hearing(ACK, count)),
        _figure("relay_says_deliver", saying(DELIVER, count)),
        _figure("relay_says_accepted", saying(ACCEPTED, count)),
        _figure("relay_ik_handshake", shaking_hands(max(10, count // 20))),
        *codec_figures(count),
        *memory_figures(max(10, count // 4)),
    ]


if __name__ == "__main__":
    print_figures(measure(int(sys.argv[1])))
