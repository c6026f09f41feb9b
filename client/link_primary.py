"""The primary's side of a link: takes a new device into the account.

A function and no actor: a person waits for it. Whatever it is interrupted by, the account is left with a list
that is true: either the new device is in it, or a newer list says that it is not.
Not here: what the two sides say to each other (protocol/e2e/linking.py), the new device (linking.py).
"""

from collections.abc import Callable

import trio

from actors.ports import Entropy
from client.connection_handle import ConnectionHandle
from client.devices import OwnDevice, OwnDevices
from client.devices_sync import ask, publish, settle_devices
from client.errors import LinkCodeError, LinkingError, RelayRefusedError, RequestTimeoutError
from client.linking import cancel_link, wait_step
from client.relay_url import RelayUrl, parse_relay_url
from protocol.codes import ErrorCode
from protocol.device_list import ListedDevice
from protocol.e2e.errors import BadLinkingError, WrongLinkCodeError
from protocol.e2e.linking import Companion, PrimaryLinking
from protocol.ids import DeviceId
from protocol.stanzas import ClaimLink, ConfirmLink, LinkClaimed, LinkStep

SETTLE_SECONDS = 10.0
"""What putting the list right may take after something has gone wrong."""


async def link_device(
    devices: OwnDevices,
    connection: ConnectionHandle,
    invitation: str,
    entropy: Entropy,
    relay: RelayUrl,
    confirmed: Callable[[Companion], None] = lambda _companion: None,
) -> OwnDevice:
    """Take the device that shows this text or code into the account.

    Args:
        devices: those of this phone.
        connection: its line to the relay.
        invitation: what the new device shows.
        entropy: where the exchange takes its secrets from.
        relay: that of this phone.
        confirmed: told who it is, when it has proved to know the secret.

    Returns:
        The new device.

    Raises:
        LinkCodeError: what was given is neither text nor code.
        LinkingError: the code was wrong, the other device is elsewhere, or this is not the primary.
        RelayRefusedError: the relay said no: ``link-gone``, ``link-taken``, ``too-many-devices``, ...
        RequestTimeoutError: there is no connection, or no answer.
    """
    try:
        linking = PrimaryLinking(invitation, entropy)
    except BadLinkingError as error:
        raise LinkCodeError(f"{error}") from None
    if linking.relay_url is not None and parse_relay_url(linking.relay_url).key != relay.key:
        raise LinkingError("link-mismatch", "The other device is at another relay than this phone.")
    if not devices.is_primary():
        code = ErrorCode.NOT_PRIMARY
        raise LinkingError(code.wire_name, code.sentence)
    await settle_devices(devices, connection)
    claimed = await ask(connection, lambda request: ClaimLink(request, linking.link, linking.claim))
    assert isinstance(claimed, LinkClaimed)
    companion = await _meet(connection, linking, claimed.link)
    confirmed(companion)
    try:
        await _confirm(devices, connection, linking, claimed, companion)
    except BaseException:
        await cancel_link(connection, claimed.link)
        if not await _is_in_after_all(devices, connection, claimed.device):
            raise
    devices.linked(claimed.device, companion.name)
    return next(each for each in devices.all() if each.device == claimed.device)


async def _meet(connection: ConnectionHandle, linking: PrimaryLinking, link: bytes) -> Companion:
    """Wait for the answer of the new device."""
    try:
        answer = await wait_step(connection, link, LinkStep.ANSWERED)
        return linking.open_answer(link, answer)
    except WrongLinkCodeError as error:
        await cancel_link(connection, link)
        raise LinkingError(
            error.name, "The code is wrong, or somebody stands in between; the other device shows a new one."
        ) from None
    except BadLinkingError as error:
        await cancel_link(connection, link)
        raise LinkingError(error.name, f"The device was not linked: {error}.") from None
    except trio.Cancelled:
        await cancel_link(connection, link)
        raise


async def _confirm(
    devices: OwnDevices,
    connection: ConnectionHandle,
    linking: PrimaryLinking,
    claimed: LinkClaimed,
    companion: Companion,
) -> None:
    """Sign the device in, give it the account, and wait until the relay has made it a device."""
    known = devices.listed()
    assert known is not None  # it was settled
    signed = devices.sign([*known.devices[1:], ListedDevice(claimed.device, companion.identity_key)])
    message = linking.seal_grant(devices.grant(claimed.device, signed))
    await ask(
        connection,
        lambda request: ConfirmLink(request, claimed.link, companion.static_key, *signed, message),
    )
    await wait_step(connection, claimed.link, LinkStep.COMPLETED)
    devices.keep(signed)


async def _is_in_after_all(devices: OwnDevices, connection: ConnectionHandle, device: DeviceId) -> bool:
    """Put the list right: take the relay's, or sign one that is newer than what we gave away."""
    with trio.CancelScope(shield=True), trio.move_on_after(SETTLE_SECONDS):
        try:
            await publish(devices, connection)
        except (RelayRefusedError, RequestTimeoutError):
            pass  # with the next connection (devices_sync.py)
    listed = devices.listed()
    return listed is not None and listed.key_of(device) is not None
