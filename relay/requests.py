"""What a device may ask the relay for: one function for each request, and the table of them.

Functions and no actor: a request is dealt with in the turn of the connection that heard it, so that answers
come in the order of the questions. What must be asked of somebody (a mailbox, the registration desk) is asked
through their handles.

Not here: what a refusal or a crash of those who are asked becomes on the wire (connection.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from protocol import (
    AccountDeleted,
    Bundles,
    ChangeSettings,
    ChatProgress,
    CodeSent,
    DeleteAccount,
    DeviceAddress,
    Done,
    ErrorCode,
    FetchBundles,
    FetchProfile,
    FetchProgress,
    Found,
    Lookup,
    PinSet,
    Profile,
    ProfileStored,
    Progresses,
    Register,
    Registered,
    RequestCode,
    SetPin,
    Settings,
    Stanza,
    StoreProfile,
    UploadPrekeys,
    UserId,
)
from relay import account_requests, devices_requests
from relay.asker import Asker
from relay.config import NEW_ACCOUNT_SECONDS
from relay.errors import RefusalError
from relay.group import requests as group_requests
from relay.pin_guard import PinGuardHandle
from relay.rate_limits import LookupAsker
from relay.registration import RegistrationHandle
from relay.worker import Worker
from storage import accounts, profiles
from storage.profiles import Piece
from storage.progress import load_progress


async def answer(asker: Asker, request: Any) -> Stanza:
    """What a request of `ANSWERS` is answered with.

    Raises:
        RefusalError: it is refused by name.
        JournalError: it is not durable.
        ChildStartError, ActorDeadError, CallTimeoutError: whoever was asked has crashed or is slow.
    """
    return await ANSWERS[type(request)](asker, request)


async def _request_code(asker: Asker, request: RequestCode) -> CodeSent:
    registration_desk = _registration_for(asker)
    asker.worker.limits.check_code(asker.remote, trio.current_time())
    resend, expires = await registration_desk.send_code(request.phone, request.via)
    return CodeSent(request.request, resend, expires)


async def _register(asker: Asker, request: Register) -> Registered:
    device = await _registration_for(asker).register(request, asker.static_key)
    return Registered(request.request, device.user, device.device)


def _registration_for(asker: Asker) -> RegistrationHandle:
    if asker.device is not None:
        raise RefusalError(ErrorCode.ALREADY_REGISTERED)
    return RegistrationHandle(asker.worker)


async def _upload_prekeys(asker: Asker, request: UploadPrekeys) -> Done:
    assert asker.device is not None  # the protocol lets no stranger upload
    mailbox = await asker.mailboxes.get(asker.device.user)
    count = await mailbox.store_prekeys(asker.device.device, request)
    return Done(request.request, count.one_time, count.kem)


async def _fetch_bundles(asker: Asker, request: FetchBundles) -> Bundles:
    assert asker.device is not None  # nor this
    if request.devices != ():  # a device list alone uses nothing up
        asker.worker.limits.check_prekeys(asker.device.user, request.user, trio.current_time())
    mailbox = await asker.mailboxes.recipient(request.user)
    devices = await mailbox.take_bundles(request.devices)
    return Bundles(request.request, devices.bundles, devices.device_list, devices.present)


async def _look_up_phones(asker: Asker, request: Lookup) -> Found:
    assert asker.device is not None  # nor this
    worker, user = asker.worker, asker.device.user
    who = LookupAsker(user, asker.remote, _is_new(worker, user), bool(request.in_bulk))
    worker.limits.check_lookup(who, len(request.phones), trio.current_time())
    return Found(request.request, worker.discovery.find(user, request.phones))


def _is_new(worker: Worker, user: UserId) -> bool:
    with worker.environment.read() as reader:
        record = accounts.load_user(reader, user)
    return record is None or worker.clock.now() < record.created_at + NEW_ACCOUNT_SECONDS


async def _fetch_progress(asker: Asker, request: FetchProgress) -> Progresses:
    """What is durable; what becomes durable from here on is pushed, because this device is present."""
    assert asker.device is not None  # nor fetch this
    chats = [_progress_of(asker.worker, user, asker.device) for user in request.users]
    outgoing = asker.worker.presence.of_device(asker.device)
    if outgoing is not None:
        asker.worker.abroad.remember(outgoing, request.users)
    groups = None if request.groups is None else group_requests.ticks_of(asker, request.groups)
    return Progresses(request.request, tuple(chats), groups)


def _progress_of(worker: Worker, user: UserId, sender: DeviceAddress) -> ChatProgress:
    with worker.store.read_of(user) as reader:
        row = load_progress(reader, user, sender)
    return ChatProgress(user, row.accepted, row.delivered, row.read, row.expired)


async def _change_settings(asker: Asker, request: ChangeSettings) -> Settings:
    """Who is watching is told of it at once: what was hidden must not stay in sight until the next change.

    And so is this device of those whom it watches: who shows nothing sees nothing.
    """
    assert asker.device is not None  # nor this
    asker.worker.limits.check_change(asker.device.user, trio.current_time())
    mailbox = await asker.mailboxes.get(asker.device.user)
    settings = await mailbox.change_settings(request)
    asker.worker.board.settings_changed(asker.device.user)
    if _changes_anything(request):
        asker.worker.watching.ask_again(asker.device)
    return settings


def _changes_anything(change: ChangeSettings) -> bool:
    lists = (change.block, change.unblock, change.add_contacts, change.remove_contacts)
    return change.privacy is not None or any(lists)


async def _store_profile(asker: Asker, request: StoreProfile) -> ProfileStored:
    assert asker.device is not None  # nor this
    user = asker.device.user
    asker.worker.limits.check_change(user, trio.current_time())
    mailbox = await asker.mailboxes.get(user)
    if request.version:
        with asker.worker.reader_of(user) as reader:
            piece = Piece(request.version, request.data)
            ops = profiles.put_piece(reader, user, request.piece, piece)
    else:
        ops = [profiles.remove_profile(user)]
    await mailbox.keep(ops)
    return ProfileStored(request.request)


async def _fetch_profile(asker: Asker, request: FetchProfile) -> Profile:
    """Hidden, blocked, without a profile, without an account: one answer, and the same work for it."""
    assert asker.device is not None  # nor this
    worker = asker.worker
    worker.limits.check_profile(asker.device.user, trio.current_time())
    with worker.reader_of(request.user) as reader:
        piece = profiles.load_piece(reader, request.user, request.piece)
    if not worker.visibility.profile(request.user, asker.device.user) or piece is None:
        return Profile(request.request, 0, b"")
    is_known = piece.version == request.known_version
    return Profile(request.request, piece.version, b"" if is_known else piece.data)


async def _set_pin(asker: Asker, request: SetPin) -> PinSet:
    assert asker.device is not None  # nor this
    asker.worker.limits.check_change(asker.device.user, trio.current_time())
    await PinGuardHandle(asker.worker).change(asker.device.user, request.pin or None)
    return PinSet(request.request)


async def _delete_account(asker: Asker, request: DeleteAccount) -> AccountDeleted:
    assert asker.device is not None  # nor this
    if request.phone != asker.worker.phone_of(asker.device.user):
        raise RefusalError(ErrorCode.INVALID_NUMBER)
    await RegistrationHandle(asker.worker).delete_account(asker.device)
    return AccountDeleted(request.request)


# {request: who answers it}
ANSWERS: dict[type, Callable[[Asker, Any], Awaitable[Stanza]]] = {
    FetchProgress: _fetch_progress,
    **group_requests.ANSWERS,
    FetchProfile: _fetch_profile,
    ChangeSettings: _change_settings,
    StoreProfile: _store_profile,
    FetchBundles: _fetch_bundles,
    UploadPrekeys: _upload_prekeys,
    Lookup: _look_up_phones,
    RequestCode: _request_code,
    Register: _register,
    SetPin: _set_pin,
    DeleteAccount: _delete_account,
    **account_requests.ANSWERS,
    **devices_requests.ANSWERS,
}
