"""What a mob can do: one function for each kind, which goes on until it is cancelled or all is done.

Not here: what must hold meanwhile (floods.py, slow_readers.py), which nobody in the mob judges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count as count_up
from random import Random
from typing import Any, Final

import trio

from faults.real.deaf import blind, deaf
from faults.real.garbage import throw_garbage
from faults.real.intruder import PING, WELCOME, Ended, Intruder, first_words, new_keys
from faults.real.mob_order import Order, Tally, source_of
from protocol import (
    DeviceAddress,
    DeviceId,
    ErrorCode,
    KeyPair,
    UserId,
    address_to_bytes,
    code_name,
    stanzas,
)
from protocol.codec import WireItem
from protocol.hello import Hello, encode_hello
from protocol.schema import SPEC_OF_CLASS

CONNECTING_AT_ONCE: Final = 64
"""Who connects at the same time; those who are connected are not counted."""

TRICKLE_SECONDS: Final = 1.0
BATCH: Final = 100
SMALL_BYTES: Final = 100
"""Messages below it go a hundred in a frame, others one."""
LARGE_BATCH: Final = 10
STANZAS_A_FRAME: Final = 1_000

LEFT: Final = "left"
"""The outcome of whoever was still there at the end."""

_ACK: Final = SPEC_OF_CLASS[stanzas.Ack].number
_ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
_READ: Final = SPEC_OF_CLASS[stanzas.Read].number
_TYPING: Final = SPEC_OF_CLASS[stanzas.Typing].number
_PAUSED: Final = SPEC_OF_CLASS[stanzas.Paused].number
_SUBSCRIBE: Final = SPEC_OF_CLASS[stanzas.Subscribe].number
_UNSUBSCRIBE: Final = SPEC_OF_CLASS[stanzas.Unsubscribe].number
_AVAILABLE: Final = SPEC_OF_CLASS[stanzas.Available].number
_UNAVAILABLE: Final = SPEC_OF_CLASS[stanzas.Unavailable].number
_SEND: Final = SPEC_OF_CLASS[stanzas.Send].number
_DELIVER: Final = SPEC_OF_CLASS[stanzas.Deliver].number
_REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
_BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
_FAILED: Final = SPEC_OF_CLASS[stanzas.Failed].number
_REQUEST_CODE: Final = SPEC_OF_CLASS[stanzas.RequestCode].number
_CODE_SENT: Final = SPEC_OF_CLASS[stanzas.CodeSent].number
_FETCH_PROGRESS: Final = SPEC_OF_CLASS[stanzas.FetchProgress].number
_PROGRESSES: Final = SPEC_OF_CLASS[stanzas.Progresses].number

Stay = Callable[[Intruder], Awaitable[Ended]]
"""What somebody does who stays until the relay ends it."""


# ---- those who come and stay ----


async def _stay_all(order: Order, tally: Tally, stay: Stay) -> None:
    """Have `count` connect as fast as they can, and stay until they are ended."""
    places = trio.CapacityLimiter(CONNECTING_AT_ONCE)

    async def one(index: int) -> None:
        outcome = LEFT
        began = trio.current_time()
        intruder = None
        try:
            async with places:
                began = trio.current_time()
                intruder = await Intruder.at(order.door, source=source_of(index))
            outcome = str(await stay(intruder))
        except (Ended, OSError) as error:
            outcome = str(error) if isinstance(error, Ended) else type(error).__name__
        finally:
            tally.note(outcome, began)
            if intruder is not None:
                intruder.hang_up()

    async with trio.open_nursery() as nursery:
        for index in range(order.count):
            nursery.start_soon(one, index)


async def silence(order: Order, tally: Tally) -> None:
    """Connect, and say nothing."""
    await _stay_all(order, tally, Intruder.end)


async def trickle(order: Order, tally: Tally) -> None:
    """Connect, and say a byte of the handshake a second."""
    opening, _ = first_words(new_keys(), None, b"")

    async def drip(intruder: Intruder) -> Ended:
        for byte in opening:
            await intruder.throw(bytes((byte,)))
            with trio.move_on_after(TRICKLE_SECONDS):
                return await intruder.end()
        return await intruder.end()

    await _stay_all(order, tally, drip)


async def strangers(order: Order, tally: Tally) -> None:
    """Shake hands with keys that nobody knows, and stay."""
    keys = new_keys()

    async def be_stranger(intruder: Intruder) -> Ended:
        await intruder.shake_hands(keys, order.door.key)
        await intruder.say(PING)
        return await intruder.end()

    await _stay_all(order, tally, be_stranger)


# ---- those who come again and again ----


async def _again(order: Order, tally: Tally, act: Callable[[Intruder, Random], Awaitable[str]]) -> None:
    """Have `count` at a time connect, act, hang up, and come again."""

    async def one(index: int) -> None:
        random = Random(order.seed * 1_000 + index)
        while True:
            began = trio.current_time()
            try:
                intruder = await Intruder.at(order.door, source=source_of(index))
            except OSError as error:
                tally.note_end(error, began)
                continue
            try:
                tally.note(await act(intruder, random), began)
            except Ended as ended:
                tally.note_end(ended, began)
            finally:
                intruder.hang_up()

    async with trio.open_nursery() as nursery:
        for index in range(order.count):
            nursery.start_soon(one, index)


async def half_handshakes(order: Order, tally: Tally) -> None:
    """Begin XX, have the relay answer, and leave: a key pair and two multiplications for nothing."""
    opening, _ = first_words(new_keys(), None, b"")

    async def begin(intruder: Intruder, _random: Random) -> str:
        await intruder.throw(opening)
        return await intruder.hear_answer()

    await _again(order, tally, begin)


async def replayed_handshakes(order: Order, tally: Tally) -> None:
    """Play the same first message of IK again and again: four multiplications, and none for us."""
    opening, _ = first_words(new_keys(), order.door.key, encode_hello(Hello()))

    async def replay(intruder: Intruder, _random: Random) -> str:
        await intruder.throw(opening)
        return await intruder.hear_answer()

    await _again(order, tally, replay)


async def whole_handshakes(order: Order, tally: Tally) -> None:
    """Shake hands to the end as a stranger, and leave."""
    keys = new_keys()

    async def shake(intruder: Intruder, _random: Random) -> str:
        await intruder.shake_hands(keys, order.door.key)
        await intruder.say(PING)
        await intruder.hear_first(WELCOME)
        return "welcomed"

    await _again(order, tally, shake)


async def logins(order: Order, tally: Tally) -> None:
    """Log one account in again and again."""
    (keys, _, _), *_ = _people(order)

    async def log_in(intruder: Intruder, _random: Random) -> str:
        await intruder.shake_hands(keys, order.door.key)
        await intruder.say(PING)
        await intruder.hear_first(WELCOME)
        return "welcomed"

    await _again(order, tally, log_in)


async def garbage(order: Order, tally: Tally) -> None:
    """Throw things at every state of the connection."""
    people = _people(order)

    async def throw(intruder: Intruder, random: Random) -> str:
        keys = people[0][0] if people else new_keys()
        return await throw_garbage(intruder, keys, order.door.key, random)

    await _again(order, tally, throw)


# ---- those who are let in, and are too much ----


async def messages(order: Order, tally: Tally) -> None:
    """Write from one account to another as fast as the relay answers, whatever it says of waiting."""
    (keys, _, _), (their_keys, their_user, _), *_ = _people(order)
    reader = await Intruder.log_in(order.door, their_keys)
    writer = await Intruder.log_in(order.door, keys)
    body = b"x" * max(1, order.size)
    count = BATCH if len(body) < SMALL_BYTES else LARGE_BATCH
    with reader, writer:
        await writer.say(
            (_BIND, 0, address_to_bytes(UserId(their_user))), (_FETCH_PROGRESS, 1, (their_user,))
        )
        first = (await writer.hear_first(_PROGRESSES))[2][0][1] + 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_acknowledge, reader)
            while True:
                began = trio.current_time()
                await _say_batch(writer, first, body, count)
                first = await _hear_batch(writer, first, count, tally)
                tally.note("batches", began)


async def _say_batch(writer: Intruder, first: int, body: bytes, count: int) -> None:
    """Small ones in one frame, large ones in one each."""
    a_frame = count if len(body) < SMALL_BYTES else 1
    for n in range(first, first + count, a_frame):
        await writer.say(*[(_SEND, 0, number, body) for number in range(n, n + a_frame)])


async def _hear_batch(writer: Intruder, first: int, count: int, tally: Tally) -> int:
    """Wait until a batch is answered; the first number of the next."""
    last, refused = first + count - 1, set[int]()
    accepted = first - 1
    while accepted + len(refused) < last:
        heard = await writer.hear_first(_ACCEPTED, _REFUSED)
        if heard[0] == _ACCEPTED:
            tally.note("accepted", count=max(0, heard[2] - accepted))
            accepted = max(accepted, heard[2])
        else:
            refused.add(heard[2])
            tally.note(code_name(heard[3]))
            if heard[3] not in (ErrorCode.WAIT, ErrorCode.OUT_OF_ORDER, ErrorCode.MAILBOX_FULL):
                return accepted + 1
    return accepted + 1


async def _acknowledge(reader: Intruder) -> None:
    while True:
        _, seq, *_ = await reader.hear_first(_DELIVER)
        await reader.say((_ACK, seq))


async def small_talk(order: Order, tally: Tally) -> None:
    """Say short things that nobody answers, as fast as the relay reads; a friend hears what comes of it."""
    (keys, _, _), (their_keys, their_user, their_device), *_ = _people(order)
    reader = await Intruder.log_in(order.door, their_keys)
    writer = await Intruder.log_in(order.door, keys)
    device = DeviceAddress(UserId(their_user), DeviceId(their_device))
    user_bytes = address_to_bytes(UserId(their_user))
    await writer.say((_BIND, 0, user_bytes), (_BIND, 2, address_to_bytes(device)))
    words: list[WireItem] = [
        (_TYPING, 0), (_PAUSED, 0), (_READ, 2, 1), (_ACK, 1), (_SUBSCRIBE, 0), (_UNSUBSCRIBE, 0),
        (_BIND, 0, user_bytes), _AVAILABLE, _UNAVAILABLE, PING,
    ]  # fmt: skip
    random = order.random
    with reader, writer:
        await _talk(writer, reader, words, random, tally)


async def _talk(
    writer: Intruder, reader: Intruder, words: Sequence[WireItem], random: Random, tally: Tally
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_hear_all, reader, tally)
        nursery.start_soon(_hear_all, writer, tally)
        while True:
            await writer.say(*[random.choice(words)] * STANZAS_A_FRAME)
            tally.note("said", count=STANZAS_A_FRAME)


async def _hear_all(intruder: Intruder, tally: Tally) -> None:
    while True:
        await intruder.hear()
        tally.note("heard")


async def codes(order: Order, tally: Tally) -> None:
    """Have verification codes sent to number after number, as a stranger."""
    numbers = count_up()

    async def ask(index: int) -> None:
        with await Intruder.at(order.door, source=source_of(index)) as intruder:
            await intruder.shake_hands(new_keys(), order.door.key)
            await intruder.say(PING)
            while True:
                phone = f"+4915772{order.seed % 1_000:03d}{next(numbers) % 1_000:03d}"
                await intruder.say((_REQUEST_CODE, 1, phone, "sms"))
                answer = await intruder.hear_first(_CODE_SENT, _FAILED)
                tally.note("code sent" if answer[0] == _CODE_SENT else code_name(answer[2]))

    async with trio.open_nursery() as nursery:
        for index in range(order.count):
            nursery.start_soon(ask, index)


def _people(order: Order) -> list[tuple[KeyPair, int, int]]:
    """Keys, user and device of each account."""
    return [(KeyPair.from_private_bytes(bytes.fromhex(key)), u, d) for key, u, d in order.accounts]


ACTS: Mapping[str, Callable[[Order, Tally], Awaitable[Any]]] = {
    act.__name__: act
    for act in (
        blind,
        codes,
        deaf,
        garbage,
        half_handshakes,
        logins,
        messages,
        replayed_handshakes,
        silence,
        small_talk,
        strangers,
        trickle,
        whole_handshakes,
    )
}
