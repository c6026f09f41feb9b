"""Brings group messages that are on their way into their members' queues, before users change environments.

How far a group has come in an environment (`arrived`, payloads.py) is said of all its members there together.
Were members moved while something is on its way, some would get it twice and others never. So before a move
nothing may be on its way. No node runs meanwhile; a settling that is killed is begun again, and finds in
`arrived` what it did.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.ids import DeviceAddress, GroupId, MemberAddress, UserId
from storage import accounts, groups, mailboxes, payloads
from storage.environment import Environment
from storage.groups import GroupItem, Membership
from storage.layout import Layout
from storage.mailboxes import DeviceCursor, GroupMessage
from storage.offline import open_writer
from storage.tables import Op

ITEMS_AT_ONCE = 64
"""Items in one transaction, with a row for each device of each member."""


def settle_groups(environments: Sequence[Environment], layout: Layout) -> int:
    """Let everything that is on its way arrive; durable when this returns.

    Args:
        environments: all of `layout`, open and swept.
        layout: the layout that holds.

    Returns:
        How many items that were.

    Raises:
        JournalError: it could not be written.
        CorruptRecordError: a row is damaged.
    """
    settled = 0
    for environment in environments:
        with environment.read() as reader:
            waiting = list(groups.groups_with_items(reader))
        for group in waiting:
            settled += _settle(environment, group, environments, layout)
    return settled


def _settle(own: Environment, group: GroupId, environments: Sequence[Environment], layout: Layout) -> int:
    with own.read() as reader:
        members = groups.load_members(reader, group)
    count = 0
    while True:
        with own.read() as reader:
            items = groups.read_items(reader, group, 0, ITEMS_AT_ONCE)
        if not items:
            return count
        for target in environments:
            here = {user: member for user, member in members.items() if layout.owner(user) == target.number}
            _arrive(target, group, items, here)
        with open_writer(own) as write:
            write([groups.remove_items(group, items[-1].gseq)])
        count += len(items)


def _arrive(
    target: Environment, group: GroupId, items: Sequence[GroupItem], members: dict[UserId, Membership]
) -> None:
    with target.read() as reader:
        arrived = payloads.load_arrived(reader, group)
        devices = {
            user: [DeviceAddress(user, device) for device, _ in accounts.list_devices(reader, user)]
            for user in members
        }
        cursors = {
            device: mailboxes.load_device_queue_state(reader, device)
            for addresses in devices.values()
            for device in addresses
        }
    new = [item for item in items if item.gseq > arrived]
    if not new or not members:
        return
    ops: list[Op] = []
    touched: dict[DeviceAddress, DeviceCursor] = {}
    for item in new:
        ops.append(payloads.put_payload(group, item.gseq, item.payload))
        message = message_of(group, item)
        for user, member in members.items():
            for device in devices[user] if member.hears(item.gseq) else ():
                if item.is_entry or device != item.sender:
                    cursors[device], put = mailboxes.append_one_of_several(device, cursors[device], message)
                    touched[device] = cursors[device]
                    ops.append(put)
    ops += [mailboxes.put_cursor(device, cursor) for device, cursor in touched.items()]
    ops.append(payloads.put_arrived(group, new[-1].gseq))
    with open_writer(target) as write:
        write(ops)


def message_of(group: GroupId, item: GroupItem) -> GroupMessage:
    """An item as it waits in queues."""
    sender = MemberAddress(group, *item.sender)
    return GroupMessage(
        sender, item.gseq, item.number, item.accepted_at, item.expires_at, item.is_entry, item.payload
    )
