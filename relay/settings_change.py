"""What a change of an account's settings does to its rows, and what it is answered with.

Pure but for reading the store: the mailbox calls it, submits what it returns, and answers when that is
durable. Not here: who may see what because of it (visibility.py), blocked messages (blocklist.py).
"""

from dataclasses import dataclass

from protocol import Audience, ChangeSettings, ErrorCode, Privacy, Settings, UserId
from protocol.limits import MAX_BLOCKED_USERS
from relay.blocklist import Blocklist
from relay.config import MAX_CONTACTS
from relay.errors import RefusalError
from relay.expired import Notices
from relay.senders import Senders
from storage import Op, Reader, settings


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcome of a change."""

    ops: list[Op]
    answer: Settings
    notices: Notices
    """What senders who are not blocked any more are to be told has expired."""


def change_settings(
    reader: Reader, blocklist: Blocklist, senders: Senders, user: UserId, change: ChangeSettings, now: float
) -> Changed:
    """Change the settings of `user`; the blocklist is changed in place.

    Raises:
        RefusalError: `list-full`, and nothing has changed.
        CorruptRecordError: a row is damaged.
    """
    privacy = change.privacy or settings.load_privacy(reader, user)
    contacts, contact_ops = _change_contacts(reader, user, privacy, change)
    if blocklist.size_after(change.block, change.unblock) > MAX_BLOCKED_USERS:
        raise RefusalError(ErrorCode.LIST_FULL)
    notices, ops = blocklist.unblock(change.unblock, senders)
    ops += blocklist.block(change.block, now)
    ops += contact_ops
    if change.privacy is not None:
        ops.append(settings.put_privacy(user, privacy))
    answer = Settings(change.request, privacy, blocklist.users(), contacts)
    return Changed(ops, answer, notices)


def _change_contacts(
    reader: Reader, user: UserId, privacy: Privacy, change: ChangeSettings
) -> tuple[int, list[Op]]:
    """How many contacts there are then, and what makes it so. Who needs no contacts has none here."""
    if Audience.CONTACTS not in privacy:
        return 0, [settings.forget_contacts(user)] if settings.count_contacts(reader, user) else []
    # Each once: whoever is named twice is not two, and would make room for one too many.
    removed, added = dict.fromkeys(change.remove_contacts), dict.fromkeys(change.add_contacts)
    gone = [other for other in removed if settings.is_contact(reader, user, other)]
    new = [other for other in added if not settings.is_contact(reader, user, other)]
    count = settings.count_contacts(reader, user) - len(gone) + len(new)
    if count > MAX_CONTACTS:
        raise RefusalError(ErrorCode.LIST_FULL)
    ops = [settings.remove_contact(user, other) for other in gone]
    return count, ops + [settings.add_contact(user, other) for other in new]
