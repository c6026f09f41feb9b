"""Bans of numbers in a running node: kept in the directory, and felt at the next login or at once.

Functions and no actor: a ban is one row, and the latest word about a number stands. Only the worker that
writes the directory is told of bans (ban_office.py does it); every worker looks at the rows when somebody
logs in.

What a ban does: whoever has proved the number is told so and gets no account; devices of the account that
there is do not get in. Its rows stay, and what others send to it is kept as for somebody who is away, so that
an end of the ban ends it all.
"""

import logging
from typing import Any

from protocol import DeviceAddress, ErrorCode, UserId
from relay.control import Orders
from relay.errors import WrongNumberError
from relay.number_change import holder_of
from relay.phones import check_phone, mask_phone
from relay.worker import Worker
from storage import JournalError, accounts, bans
from storage.bans import BanRecord
from storage.tables import BANS

log = logging.getLogger("roost.relay")


def orders(worker: Worker) -> Orders:
    """What the worker that writes the directory can be told over its control socket."""

    async def ban(facts: Any) -> Any:
        return await _carried_out(ban_number(worker, check_phone(facts["phone"]), str(facts["reason"])))

    async def unban(facts: Any) -> Any:
        return await _carried_out(unban_number(worker, check_phone(facts["phone"])))

    return {"ban": ban, "unban": unban}


async def _carried_out(work: Any) -> dict[str, Any]:
    try:
        return {"devices": await work}
    except (JournalError, WrongNumberError) as error:
        return {"error": str(error)}


async def ban_number(worker: Worker, phone: str, reason: str) -> int:
    """Ban a number; returns how many devices its account has, which are logged out wherever they are.

    Raises:
        JournalError: it is not durable, and nobody is logged out.
    """
    await worker.journal.commit([bans.put_ban(phone, BanRecord(int(worker.clock.now()), reason))])
    log.info("number_banned", extra={"phone": mask_phone(phone)})
    devices = devices_of(worker, phone)
    for device in devices:
        correspondent = worker.correspondent(device)
        if correspondent is not None:
            correspondent.close(ErrorCode.BANNED)
    return len(devices)


async def unban_number(worker: Worker, phone: str) -> int:
    """End the ban of a number; returns how many devices of its account may log in again.

    Raises:
        JournalError: it is not durable.
    """
    await worker.journal.commit([bans.remove_ban(phone)])
    log.info("number_unbanned", extra={"phone": mask_phone(phone)})
    return len(devices_of(worker, phone))


def devices_of(worker: Worker, phone: str) -> list[DeviceAddress]:
    """The devices of whoever has a number."""
    user = holder_of(worker, phone)
    if user is None:
        return []
    with worker.store.read_of(user) as reader:
        return [DeviceAddress(user, number) for number, _ in accounts.list_devices(reader, user)]


def is_user_banned(worker: Worker, user: UserId) -> bool:
    """Whether the number of a user of this worker is banned."""
    with worker.store.read_directory() as reader:
        if not reader.count(BANS):
            return False  # as nearly always: it is asked at every login
        phone = worker.phone_of(user)
        return phone is not None and bans.is_banned(reader, phone)
