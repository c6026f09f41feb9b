"""What a device may ask the relay for about devices: its list, its leaving, and the linking of new ones.

Functions and no actor, as in requests.py, whose table these are a part of. Whoever lives at this worker is
asked of its mailbox; links are at the desk (links_desk.py), wherever that is.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from actors import ActorDeadError, CallTimeoutError
from protocol import (
    AccountLeft,
    AnswerLink,
    CancelLink,
    ClaimLink,
    CompleteLink,
    ConfirmLink,
    DeviceAddress,
    DevicesPublished,
    ErrorCode,
    LeaveAccount,
    LinkClaimed,
    LinkOpened,
    LinkState,
    LinkStep,
    OpenLink,
    PollLink,
    PublishDevices,
    Registered,
    SignedDeviceList,
    SignedPrekey,
    Stanza,
)
from relay import devices
from relay.asker import Asker
from relay.devices import DeviceChange
from relay.errors import RefusalError
from relay.links import LINK_SECONDS, NO_ADDRESS, Who
from relay.links_desk import LinkDeskHandle
from relay.rate_limits import address_of
from relay.registration import Application
from storage import JournalError

log = logging.getLogger("roost.relay")


async def _publish(asker: Asker, request: PublishDevices) -> DevicesPublished:
    device = _device(asker)
    asker.worker.limits.check_change(device.user, trio.current_time())
    signed = SignedDeviceList(request.encoded, request.signature)
    mailbox = await asker.mailboxes.get(device.user)
    change = await mailbox.change_devices(partial(devices.publish, asker=device, signed=signed))
    await _forget(asker, change)
    return DevicesPublished(request.request)


async def _leave(asker: Asker, request: LeaveAccount) -> AccountLeft:
    device = _device(asker)
    mailbox = await asker.mailboxes.get(device.user)
    change = await mailbox.change_devices(partial(devices.leave, device=device), spare=device.device)
    await _forget(asker, change)
    return AccountLeft(request.request)


async def _forget(asker: Asker, change: DeviceChange) -> None:
    """The directory forgets the keys of those removed; if it cannot now, they lead to devices that are gone.

    That is what logged out means to the relay, so nothing depends on it.
    """
    for device in change.removed:
        log.info("device_removed", extra={"device": f"{_device(asker).user:016x}.{device}"})
    if not change.static_keys:
        return
    try:
        await LinkDeskHandle(asker.worker).forget_keys(change.static_keys)
    except (RefusalError, JournalError, ActorDeadError, CallTimeoutError) as error:
        log.info("static_keys_left", extra={"reason": type(error).__name__})


async def _open_link(asker: Asker, request: OpenLink) -> LinkOpened:
    if asker.device is not None:
        raise RefusalError(ErrorCode.ALREADY_REGISTERED)
    address = address_of(asker.remote) or NO_ADDRESS
    link, nameplate = await LinkDeskHandle(asker.worker).open(asker.static_key, address)
    return LinkOpened(request.request, link, nameplate, LINK_SECONDS)


async def _claim_link(asker: Asker, request: ClaimLink) -> LinkClaimed:
    device = _device(asker)
    asker.worker.limits.check_change(device.user, trio.current_time())
    with asker.worker.reader_of(device.user) as reader:
        number = devices.next_device(reader, device)
    link = await LinkDeskHandle(asker.worker).claim(request.link, device, number, request.message)
    return LinkClaimed(request.request, link, number)


async def _answer_link(asker: Asker, request: AnswerLink) -> LinkState:
    desk = LinkDeskHandle(asker.worker)
    return _state(request.request, await desk.answer(request.link, asker.static_key, request.message))


async def _confirm_link(asker: Asker, request: ConfirmLink) -> LinkState:
    """The list is looked at here already, so that the primary hears what is wrong, and not the companion."""
    device = _device(asker)
    signed = SignedDeviceList(request.encoded, request.signature)
    with asker.worker.reader_of(device.user) as reader:
        devices.check_addition(reader, device, signed)
    desk = LinkDeskHandle(asker.worker)
    state = await desk.confirm(request.link, device, request.static_key, signed, request.message)
    return _state(request.request, state)


async def _poll_link(asker: Asker, request: PollLink) -> LinkState:
    desk = LinkDeskHandle(asker.worker)
    return _state(request.request, await desk.poll(request.link, _who(asker)))


async def _cancel_link(asker: Asker, request: CancelLink) -> LinkState:
    await LinkDeskHandle(asker.worker).cancel(request.link, _who(asker))
    return _state(request.request, (LinkStep.OPEN, b""))


async def _complete_link(asker: Asker, request: CompleteLink) -> Registered:
    if asker.device is not None:
        raise RefusalError(ErrorCode.ALREADY_REGISTERED)
    keys = Application(
        phone="",
        code="",
        static_key=asker.static_key,
        identity_key=request.identity_key,
        signed_prekey=SignedPrekey(request.signed_prekey_id, request.signed_prekey, request.signature),
        prekeys=request.prekeys,
        last_resort=request.last_resort,
        takes_over=False,
        pin=None,
    )
    address = await LinkDeskHandle(asker.worker).complete(request.link, keys)
    return Registered(request.request, address.user, address.device)


def _device(asker: Asker) -> DeviceAddress:
    assert asker.device is not None  # the protocol lets no stranger say these
    return asker.device


def _who(asker: Asker) -> Who:
    return asker.static_key if asker.device is None else asker.device


def _state(request: int, state: tuple[LinkStep, bytes]) -> LinkState:
    step, message = state
    return LinkState(request, int(step), message)


# {request: who answers it}
ANSWERS: dict[type, Callable[[Asker, Any], Awaitable[Stanza]]] = {
    PublishDevices: _publish,
    LeaveAccount: _leave,
    OpenLink: _open_link,
    ClaimLink: _claim_link,
    AnswerLink: _answer_link,
    ConfirmLink: _confirm_link,
    PollLink: _poll_link,
    CancelLink: _cancel_link,
    CompleteLink: _complete_link,
}
