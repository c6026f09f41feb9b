"""Makes a device the only one of its account: the first step of a registration, at the user's owner.

Functions and no actor: what must happen one after the other is seen to by the registration desk, which deals
with one application at a time, and by the user's mailbox, which is the only writer of a known user's rows.

Not here: the directory, in which the device is entered when this is durable (registration.py says why in this
order).
"""

from dataclasses import dataclass

from protocol import DeviceAddress, KemPrekey, Prekey, UserId
from relay import prekeys
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from storage import Op, accounts, device_lists
from storage.accounts import DeviceRecord, UserRecord
from storage.tables import Family, of_family


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What is to become an account's only device."""

    user: UserId
    """Of this worker; whether there is such an account already, the store says."""
    phone: str
    record: DeviceRecord
    one_time: tuple[Prekey, ...]
    last_resort: KemPrekey | None


async def create_device(worker: Worker, mailboxes: Mailboxes, device: NewDevice) -> DeviceAddress:
    """Store the device under the next number of its account, which is made if need be, in one transaction.

    Returns:
        Its address, when it is durable.

    Raises:
        JournalError: it is not durable.
        ChildStartError, ActorDeadError, CallTimeoutError: the mailbox has crashed or is slow: nobody knows.
    """
    user = device.user
    with worker.environment.read() as reader:
        known = accounts.load_user(reader, user)
        before = accounts.list_devices(reader, user)
    ops: list[Op] = []
    for number, old in before:
        gone = DeviceAddress(user, number)
        ops += accounts.remove_device(gone, old) + prekeys.forget(gone)
    record = known or UserRecord(device.phone, device.record.created_at)
    address, _, added = accounts.add_device(user, record, device.record)
    ops += added
    ops += prekeys.keep_first(address, device.one_time, device.last_resort)
    ops.append(device_lists.remove_device_list(user))  # its primary is gone, and with it who could sign
    ops = of_family(ops, Family.USER)
    if known is None:  # a new user has no mailbox yet; that of a known one must know of its device at once
        await worker.journal.commit(ops)
    else:
        mailbox = await mailboxes.get(user)
        await mailbox.replace_devices(address.device, ops)
    return address
