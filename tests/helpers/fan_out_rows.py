"""What groups have brought to devices that are online, and nobody has acknowledged yet: for tests of it.

It is borne by a fan-out row on each worker's disk until it is settled: acknowledged, or in rows of its own.
"""

from collections.abc import Sequence
from dataclasses import replace

import trio

from protocol import GroupSeq, KeyPair
from storage import accounts, fanouts, mailboxes, payloads
from storage.fanouts import Fanout
from tests.helpers.device import Device
from tests.helpers.group_village import Village
from tests.helpers.several_workers import Resident, commit

SETTLED_SECONDS = 3.0
"""After which devices that have not acknowledged have rows of their own, and fan-out rows are gone."""

COUNT = 6
"""Messages enough for some to be acknowledged and some not."""


def borne(village: Village) -> list[Fanout]:
    """The fan-out rows on all disks."""
    found: list[Fanout] = []
    for store in village.node.stores:
        with store.own.read() as reader:
            found += fanouts.all_fanouts(reader)
    return found


def rows_of(village: Village, who: Resident) -> list[int]:
    """The gseqs of what has a row of its own for a device."""
    with village.node.stores[who.owner].own.read() as reader:
        return [each.number for _, each in mailboxes.read_range(reader, who.address, 0, 99)]


def payloads_of(village: Village) -> list[GroupSeq]:
    """The gseqs of what is kept on all disks for rows to refer to."""
    found: list[GroupSeq] = []
    for store in village.node.stores:
        with store.own.read() as reader:
            found += [gseq for _, gseq in payloads.payloads_after(reader, None, 99)]
    return found


def say(village: Village, device: Device, numbers: Sequence[int]) -> None:
    """Send the group a message for each number, which is its text."""
    for number in numbers:
        village.club.send(device, number, b"%d" % number)


def said(numbers: Sequence[int]) -> list[bytes]:
    """What `say` has written."""
    return [b"%d" % number for number in numbers]


async def replaced(village: Village, who: Resident) -> Resident:
    """A new device in the place of all that somebody has."""
    with village.node.stores[who.owner].own.read() as reader:
        account, old = accounts.load_user(reader, who.address.user), accounts.load_device(reader, who.address)
    assert account is not None
    assert old is not None
    keys = KeyPair.generate(village.node.entropy)
    record = replace(old, static_key=keys.public)
    address, _, added = accounts.add_device(who.address.user, account, record)
    gone = accounts.remove_device(who.address, old)
    await village.mailbox_of(who).replace_devices(address.device, [*gone, *added])
    return Resident(village.node, who.number, keys, address)


def linked(village: Village, who: Resident) -> Resident:
    """One more device of somebody whose mailbox is not in memory yet."""
    own = village.node.stores[who.owner].own
    with own.read() as reader:
        account, first = (
            accounts.load_user(reader, who.address.user),
            accounts.load_device(reader, who.address),
        )
    assert account is not None
    assert first is not None
    keys = KeyPair.generate(village.node.entropy)
    address, _, ops = accounts.add_device(who.address.user, account, replace(first, static_key=keys.public))
    commit(own, ops)
    return Resident(village.node, who.number, keys, address)


async def founded(village: Village, *members: Resident) -> list[Device]:
    """The group is there, and nothing of its founding is borne any more."""
    devices = await village.found(*members)
    await trio.sleep(SETTLED_SECONDS)
    assert borne(village) == []
    return devices
