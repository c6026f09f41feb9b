"""Devices that are logged in and do not read, while a group that they are in says more and more.

One message to a group comes to all of them, so that a hundred are behind by a megabyte each after a handful.
Those of one kind acknowledge nothing; the relay gives them a window, and keeps the rest on its disk. Those
of the other acknowledge what they have not read, and so get everything.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count as count_up
from typing import Final

import trio

from bench.load.founding import APPEND, MAX_EPOCH, SEND_GROUP, founding_entries
from faults.real.intruder import Ended, Intruder, hang_up_all
from faults.real.mob_order import Order, Tally
from protocol import (
    DeviceAddress,
    DeviceId,
    ErrorCode,
    GroupAddress,
    GroupId,
    KeyPair,
    Seq,
    UserId,
    address_to_bytes,
    code_name,
    stanzas,
)
from protocol.hello import Hello
from protocol.schema import SPEC_OF_CLASS

RECEIVE_BUFFER: Final = 4_096
"""What the kernel takes for those who do not read: as little as it does."""

MESSAGE_BYTES: Final = 60_000
LIFE_SECONDS: Final = 20
"""How long the relay keeps what nobody will ever fetch."""

BLIND_ACK_SECONDS: Final = 0.2
FAR_AHEAD: Final = 2**40
"""Above every seq that there is, and rising: the relay takes it for the last that it has delivered."""

_ACK: Final = SPEC_OF_CLASS[stanzas.Ack].number
_ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
_REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
_BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
_APPENDED: Final = SPEC_OF_CLASS[stanzas.EntriesAppended].number
_FAILED: Final = SPEC_OF_CLASS[stanzas.Failed].number

Person = tuple[KeyPair, DeviceAddress]


async def deaf(order: Order, tally: Tally) -> None:
    """Nobody reads, nobody acknowledges. `size` is how many messages the group gets."""
    await _be_deaf(order, tally, acknowledging=False)


async def blind(order: Order, tally: Tally) -> None:
    """Nobody reads, and everybody acknowledges everything."""
    await _be_deaf(order, tally, acknowledging=True)


async def _be_deaf(order: Order, tally: Tally, *, acknowledging: bool) -> None:
    people = [
        (KeyPair.from_private_bytes(bytes.fromhex(key)), DeviceAddress(UserId(user), DeviceId(device)))
        for key, user, device in order.accounts
    ]
    writer, *readers = people
    devices: list[Intruder] = []
    try:
        for keys, _ in readers:
            devices.append(await _come(order, keys, RECEIVE_BUFFER))
            tally.note("deaf")
        async with trio.open_nursery() as nursery:
            if acknowledging:
                for device in devices:
                    nursery.start_soon(_acknowledge_blindly, device, tally)
            await _write_to_all(order, writer, people, tally)
            await trio.sleep_forever()  # they stay as long as was ordered
    finally:
        hang_up_all(devices)


async def _come(order: Order, keys: KeyPair, receive_buffer: int | None = None) -> Intruder:
    """Log in and read nothing, not even the Welcome: behind it may be more than we want to take."""
    intruder = await Intruder.at(order.door, receive_buffer=receive_buffer)
    await intruder.shake_hands(keys, order.door.key, Hello(resume_seq=Seq(0)))
    await intruder.say(0)
    return intruder


async def _acknowledge_blindly(device: Intruder, tally: Tally) -> None:
    try:
        for seq in count_up(FAR_AHEAD):
            await device.say((_ACK, seq))
            await trio.sleep(BLIND_ACK_SECONDS)
    except Ended:
        tally.note("closed while acknowledging")


async def _write_to_all(order: Order, writer: Person, people: Sequence[Person], tally: Tally) -> None:
    """Found a group of them all, and say something large to it as often as ordered."""
    keys, address = writer
    intruder = await Intruder.log_in(order.door, keys)
    group = GroupId(int.from_bytes(os.urandom(8)) >> 1 | 1)
    try:
        entries = tuple(founding_entries(group, address, [each.user for _, each in people]))
        await intruder.say((_BIND, 0, address_to_bytes(GroupAddress(group))), (APPEND, 1, group, entries))
        answer = await intruder.hear_first(_APPENDED, _FAILED)
        if answer[0] == _FAILED:
            raise Ended(answer[2])
        number = 1
        while number <= order.size:
            if await _write(intruder, number, tally):
                number += 1
        await trio.sleep_forever()
    finally:
        intruder.hang_up()


async def _write(intruder: Intruder, number: int, tally: Tally) -> bool:
    """Say one thing to the group; False if we were told to wait, and have."""
    began = trio.current_time()
    await intruder.say((SEND_GROUP, 0, number, MAX_EPOCH, b"x" * MESSAGE_BYTES, LIFE_SECONDS))
    answer = await intruder.hear_first(_ACCEPTED, _REFUSED)
    if answer[0] == _ACCEPTED:
        tally.note("accepted", began)
        return True
    tally.note(code_name(answer[3]))
    if answer[3] != ErrorCode.WAIT:
        raise Ended(answer[3])
    await trio.sleep(answer[4])
    return False
