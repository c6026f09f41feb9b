"""Removes an account at the user's owner: every row that begins with the user, and the mailbox with them.

A function and no actor: the registration desk does one such thing at a time, and the mailbox is the only
writer of the rows. The directory is the desk's (registration.py).
"""

from protocol import DeviceId, ErrorCode, UserId
from relay.errors import RefusalError
from relay.mailboxes import Mailboxes


async def remove_account(mailboxes: Mailboxes, user: UserId, spare: DeviceId) -> None:
    """Remove a user of this worker. One that is not there is removed already.

    Args:
        mailboxes: those of this worker.
        user: whose account it is.
        spare: this device's connection is left to whoever answers on it; all others are closed.

    Raises:
        JournalError: nothing is removed.
        ChildStartError, ActorDeadError, CallTimeoutError: the mailbox has crashed or is slow: nobody knows.
    """
    try:
        mailbox = await mailboxes.get(user)
    except RefusalError as refusal:
        if refusal.code is not ErrorCode.UNKNOWN_USER:
            raise
        return
    await mailbox.remove_account(spare)
