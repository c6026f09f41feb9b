"""Adds a linked device to its account: the first step of completing a link, at the user's owner.

Functions and no actor, as in device_creation.py: the link desk deals with one link at a time, and the user's
mailbox is the only writer of the user's rows. The others of the account keep everything, their queues too.

Not here: who may be added (devices.py), the directory (links_desk.py).
"""

from functools import partial

from protocol import DeviceAddress
from relay import devices
from relay.bus import messages as m
from relay.devices import Newcomer
from relay.mailboxes import Mailboxes
from relay.worker import Worker


async def add_device(worker: Worker, mailboxes: Mailboxes, newcomer: Newcomer) -> DeviceAddress:
    """Add a device, wherever its user's owner is; returns its address when it is durable there.

    Raises:
        RefusalError: as `devices.add`; `restarting` if the other worker is not there.
        JournalError: it is not durable.
        ChildStartError, ActorDeadError, CallTimeoutError: the mailbox has crashed or is slow: nobody knows.
    """
    peer = worker.bus.peer_of(newcomer.user)
    if peer is None:
        return await add_device_here(mailboxes, newcomer)
    record = newcomer.record
    question = m.AddDevice(
        newcomer.user,
        record.static_key,
        record.identity_key,
        record.signed_prekey_id,
        record.signed_prekey,
        record.signed_prekey_signature,
        newcomer.one_time,
        newcomer.last_resort,
        record.created_at,
        *newcomer.device_list,
    )
    answer: m.DeviceCreated = await peer.ask(question)
    return DeviceAddress(newcomer.user, answer.device)


async def add_device_here(mailboxes: Mailboxes, newcomer: Newcomer) -> DeviceAddress:
    """The same for a user of this worker. Raises as `add_device`."""
    mailbox = await mailboxes.get(newcomer.user)
    change = await mailbox.change_devices(partial(devices.add, newcomer=newcomer))
    assert change.added is not None
    return DeviceAddress(newcomer.user, change.added)
