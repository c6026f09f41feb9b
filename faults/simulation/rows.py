"""What comes onto the node's disks, looked at as it comes.

- D1, at the moment a ✓ comes: the message is on a disk.
- D4: no message is stored twice for a device.
- D5, at the moment a ✓✓ comes: a device has the message.
- D6: a waiting message leaves the disk only when its device has stored it.
- D10: a message comes to all devices of its recipient at once, or to none.
"""

import struct
from collections.abc import Callable, Sequence

from client.records import MessageState
from faults.simulation.people import Device
from protocol.ids import DeviceAddress, DeviceId, UserId
from storage import Op
from storage.mailboxes import LAST_SEQ, MESSAGE_CODEC, QueuedMessage
from storage.tables import DEVICES, QUEUE, DeleteRange, Put

DevicesOf = Callable[[UserId], Sequence[DeviceId]]
"""The devices that an account has, by the disk of its worker."""

CursorOf = Callable[[DeviceAddress], int | None]
"""Up to which of its messages a device has stored them; None if nobody can say now."""

_OWNER = struct.Struct(">QH")  # what the key of a waiting message begins with
_ROW = struct.Struct(">QHQ")


class Rows:
    """What has ever been on a disk of the node."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._stored: dict[tuple[DeviceAddress, UserId], int] = {}
        """{(from, to): the highest number}"""
        self._once: dict[tuple[DeviceAddress, DeviceAddress, int], None] = {}

    def look(self, batches: Sequence[Sequence[Op]], devices_of: DevicesOf, cursor_of: CursorOf) -> None:
        """At a commit; ``devices_of`` reads the disk as it is now."""
        changing = _whose_devices_change(batches)
        for ops in batches:
            copies: dict[tuple[DeviceAddress, UserId, int], list[DeviceId]] = {}
            for op in ops:
                if isinstance(op, Put) and op.table == QUEUE:
                    self._note(op, copies)
                elif isinstance(op, DeleteRange) and op.table == QUEUE:
                    self._check_deletion(op, cursor_of)
            for (sender, user, number), devices in copies.items():
                if user not in changing:
                    self._check_devices(sender, user, number, devices, devices_of(user))

    def _note(self, op: Put, copies: dict[tuple[DeviceAddress, UserId, int], list[DeviceId]]) -> None:
        message = MESSAGE_CODEC.unpack(op.key, op.value)
        if not isinstance(message, QueuedMessage):
            return
        owner = DeviceAddress(*_OWNER.unpack_from(op.key))
        once = (owner, message.sender, int(message.number))
        if once in self._once:
            self.problems.append(f"D4: number {message.number} of {message.sender} was stored twice")
        self._once[once] = None
        pair = (message.sender, owner.user)
        self._stored[pair] = max(self._stored.get(pair, 0), int(message.number))
        copies.setdefault((message.sender, owner.user, int(message.number)), []).append(owner.device)

    def _check_deletion(self, op: DeleteRange, cursor_of: CursorOf) -> None:
        user, device, last = _ROW.unpack(op.last)
        if last == LAST_SEQ:
            return  # the device is removed
        cursor = cursor_of(DeviceAddress(user, device))
        if cursor is not None and cursor < last:
            self.problems.append(
                f"D6: {user:x}.{device} has stored up to {cursor}, and what waits is deleted up to {last}"
            )

    def _check_devices(
        self,
        sender: DeviceAddress,
        user: UserId,
        number: int,
        stored: Sequence[DeviceId],
        present: Sequence[DeviceId],
    ) -> None:
        """D10; what goes to the writer's own account leaves out the device that wrote it."""
        meant = [device for device in present if DeviceAddress(user, device) != sender]
        if sorted(stored) != sorted(meant):
            self.problems.append(
                f"D10: number {number} of {sender} was stored for {list(stored)} of {user:x}, not for {meant}"
            )

    def find_false_tick(self, device: Device, message_id: str, state: MessageState) -> str | None:
        """What is wrong with a tick at the moment it comes."""
        phone = device.phone
        entry = phone.entry(message_id) if phone is not None else None
        if phone is None or entry is None or entry.group is not None:
            return None
        if state is MessageState.DELIVERED:
            return _find_false_delivery(device, message_id)
        if state is not MessageState.ACCEPTED:
            return None
        if entry.number is None or entry.user is None:
            return None
        stored = self._stored.get((phone.account.address, entry.user), 0)
        if stored >= entry.number:
            return None
        return f"D1: {entry.text!r} was ticked and is on no disk ({entry.number}, {stored} stored)"


def _whose_devices_change(batches: Sequence[Sequence[Op]]) -> dict[UserId, None]:
    """Users whose devices come or go in a commit: nobody can say which list was before a message."""
    changing: dict[UserId, None] = {}
    for ops in batches:
        for op in ops:
            if op.table == DEVICES:
                key = op.first if isinstance(op, DeleteRange) else op.key
                changing[UserId(int.from_bytes(key[:8]))] = None
    return changing


def _find_false_delivery(device: Device, message_id: str) -> str | None:
    """D5, at the moment a ✓✓ comes: a device of the recipient has the message; looked at if all are on."""
    written = next((each for each in device.written if each.message_id == message_id), None)
    if written is None or written.to is None or written.to.is_moving:
        return None
    phones = [each.phone for each in written.to.devices]
    if None in phones:
        return None
    if any(phone is not None and phone.entry(message_id) is not None for phone in phones):
        return None
    return f"D5: {written.text!r} has ✓✓ and no device of {written.to.name} has it"
