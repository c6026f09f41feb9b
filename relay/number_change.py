"""Gives an account another number: decisions and steps; the registration desk carries them out one at a time.

A change concerns rows of two owners, the directory's and the user's, and there are no transactions across
owners. What the user's own row says is true; a row of the directory is only where to look. So:

    1. the new number leads to the user, who does not have it yet: it is nobody's, as before;
    2. the user's row has the new number, by one commit of its owner: THE change;
    3. the old number leads to nobody, and the code is used up.

Whoever dies before the second has the old number, and after it the new one; in both cases the row that is
left over leads to a user who has another number, which means nobody. The person, who has had no answer, asks
again: with the old number the code is still good, and with the new one there is nothing left to do.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from protocol import DeviceAddress, ErrorCode, UserId
from relay import devices
from relay.bus import messages as m
from relay.config import COMMIT_SECONDS
from relay.devices import DeviceChange
from relay.errors import RefusalError
from relay.mailboxes import Mailboxes
from relay.phones import mask_phone
from relay.worker import Worker
from storage import Reader, accounts, codes
from storage.tables import Family, of_family

log = logging.getLogger("roost.relay")

ASK_SECONDS = 2 * COMMIT_SECONDS
"""How long the user's worker may take: a broken disk ends it before that."""


def holder_of(worker: Worker, phone: str) -> UserId | None:
    """Who has a number, by their own row."""
    with worker.store.read_directory() as reader:
        user = accounts.find_user_by_phone(reader, phone)
    if user is None:
        return None
    with worker.store.read_of(user) as reader:
        return user if accounts.has_number(reader, user, phone) else None


async def change_number(
    worker: Worker,
    mailboxes: Mailboxes,
    device: DeviceAddress,
    phone: str,
    prove: Callable[[], Awaitable[None]],
) -> None:
    """Give the account of a device another number; only in the worker of the directory, one at a time.

    Args:
        worker: that worker.
        mailboxes: its mailboxes.
        device: the account's primary.
        phone: the number that it is to have.
        prove: raises RefusalError unless somebody has shown the code of that number.

    Raises:
        RefusalError: `account-exists`, as `prove`, or as `set_number`.
        JournalError, ActorDeadError, CallTimeoutError: as `set_number`.
    """
    with worker.store.read_of(device.user) as reader:
        before = check_may_change(reader, device)
    if before == phone:
        return  # it was done, and the answer was lost
    await prove()
    if holder_of(worker, phone) is not None:
        raise RefusalError(ErrorCode.ACCOUNT_EXISTS)
    await worker.journal.commit([accounts.lead_phone(phone, device.user)])
    peer = worker.bus.peer_of(device.user)
    if peer is None:
        await set_number(mailboxes, device, phone)
    else:
        await peer.ask(m.SetNumber(device.user, device.device, phone), ASK_SECONDS)
    await worker.journal.commit([accounts.release_phone(before), *codes.remove_code(phone)])
    log.info("number_changed", extra={"from": mask_phone(before), "phone": mask_phone(phone)})


async def set_number(mailboxes: Mailboxes, device: DeviceAddress, phone: str) -> None:
    """The second step, at the user's owner; returns when it is durable.

    Raises:
        RefusalError: `not-primary`, `unknown-user`, or that the mailbox is busy with another change.
        JournalError: it is not durable.
        ChildStartError, ActorDeadError, CallTimeoutError: the mailbox has crashed or is slow: nobody knows.
    """
    mailbox = await mailboxes.get(device.user)
    await mailbox.change_devices(partial(_renumbered, device=device, phone=phone))


def check_may_change(reader: Reader, device: DeviceAddress) -> str:
    """The present number of an account whose primary device this is.

    Raises:
        RefusalError: `not-primary`, `unknown-user`.
    """
    record = accounts.load_user(reader, device.user)
    if record is None:
        raise RefusalError(ErrorCode.UNKNOWN_USER)
    devices.insist_on_primary(reader, device)
    return record.phone


def _renumbered(reader: Reader, device: DeviceAddress, phone: str) -> DeviceChange:
    check_may_change(reader, device)
    record = accounts.load_user(reader, device.user)
    assert record is not None  # it was looked at
    ops = accounts.put_user(device.user, replace(record, phone=phone))
    return DeviceChange(of_family(ops, Family.USER))
