"""Whom to believe about a user's devices: decisions on what the relay answers, and on who writes to us.

Pure: no store, no clock. ``client/peers.py`` keeps what comes out of it.

The identity of an account is its **primary** device: the one whose key signs the list of all. The relay hands
lists out and delivers messages; it can leave something out, and it can show what is old, but it can add
nobody. What it may say:

- a list with a valid signature (checked before it comes here), by the primary that is known, and not older
  than the one known;
- no list, for an account of a single device, as long as none was ever seen of this primary;
- a **new identity**: the number was registered anew. It is taken, and people see that the security code has
  changed. Device numbers only ever rise, so its primary's number is above all that are known: an identity of
  the past does not come back.

Anything else is a lie, or somebody's mistake that looks like one, and nothing is encrypted to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e.errors import UntrustedDeviceError, UntrustedDevicesError
from protocol.errors import BadDeviceListError

SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """What this phone has come to believe about the devices of a user."""

    primary: ListedDevice | None = None
    """None: nothing yet."""
    number: int = 0
    """Of the newest list seen; 0: this primary has signed none that came here."""
    devices: tuple[ListedDevice, ...] = ()
    """Those of the present identity that are believed in, the primary among them."""
    highest: int = 0
    """The highest device number ever known of the user, of earlier identities too; the primary's at least."""
    is_own: bool = False
    """It is this account: its identity does not change, whatever anybody says."""


@dataclass(frozen=True, slots=True)
class Believed:
    """What to believe from now on."""

    primary: ListedDevice
    number: int
    devices: tuple[ListedDevice, ...]
    """All that the primary vouches for, itself included."""
    is_new_identity: bool
    """Another identity than the one that was known: the security code has changed."""


def judge_answer(
    known: KnownDevices, named: Sequence[ListedDevice], listed: DeviceList | None, *, is_whole: bool
) -> Believed | None:
    """Judge the relay's answer to the question for a user's devices.

    Args:
        known: what is believed so far.
        named: the devices for which the relay gave keys, with their identity keys.
        listed: the list that it gave, with a valid signature.
        is_whole: it was asked for all devices, not for some.

    Returns:
        What to believe; None if that is as before, without a list.

    Raises:
        UntrustedDevicesError: what it says cannot be.
    """
    if listed is None:
        return _judge_without_list(known, named)
    for device in named:
        if listed.key_of(device.device) != device.identity_key:
            raise UntrustedDevicesError("a device that is not in the list")
    if is_whole and named and listed.primary.device not in [device.device for device in named]:
        raise UntrustedDevicesError("the primary, which cannot leave its account, is left out")
    return _judge_list(known, listed)


def judge_sender(known: KnownDevices, sender: ListedDevice, proof: DeviceList | None) -> Believed | None:
    """Judge a device that opens a session with us and was not met so far.

    The primary that is known shows no list, and needs none: it is in every one of them. A device that was
    linked a moment ago knows it from its own primary, and has not seen the list.

    Args:
        known: what is believed so far of its user.
        sender: the device, with the key that it has just proved to have.
        proof: the list that came with it, with a valid signature.

    Returns:
        What to believe; None if that is as before: it is the primary that is known.

    Raises:
        UntrustedDeviceError: nobody vouches for it.
    """
    if proof is None and sender == known.primary and not known.is_own:
        return None
    try:
        if proof is None:
            return _judge_single(known, sender)
        if proof.key_of(sender.device) != sender.identity_key:
            raise UntrustedDevicesError("a proof for somebody else")
        return _judge_list(known, proof)
    except UntrustedDevicesError as error:
        raise UntrustedDeviceError(str(error)) from None


def _judge_without_list(known: KnownDevices, named: Sequence[ListedDevice]) -> Believed | None:
    if not named:
        if known.number:
            raise UntrustedDevicesError("the list that there was is held back")
        return None
    if len(named) > 1:
        raise UntrustedDevicesError("several devices, and no list that vouches for them")
    return _judge_single(known, named[0])


def _judge_single(known: KnownDevices, device: ListedDevice) -> Believed:
    """A device for which no list speaks has to be its account's primary, and only device."""
    if known.number and device in known.devices:
        raise UntrustedDevicesError("the list that there was is held back")
    return _as(known, device, 0, (device,))


def _judge_list(known: KnownDevices, listed: DeviceList) -> Believed:
    if listed.primary == known.primary and listed.number < known.number:
        raise UntrustedDevicesError("a list that is older than the one known")
    return _as(known, listed.primary, listed.number, listed.devices)


def _as(
    known: KnownDevices, primary: ListedDevice, number: int, devices: tuple[ListedDevice, ...]
) -> Believed:
    is_new = known.primary is not None and primary != known.primary
    if is_new and (known.is_own or not _may_follow(known, primary, devices)):
        raise UntrustedDevicesError("an identity that cannot be this account's")
    return Believed(primary, number, devices, is_new)


def _may_follow(known: KnownDevices, primary: ListedDevice, devices: tuple[ListedDevice, ...]) -> bool:
    """Whether this can be the next identity of the account.

    The second way: what was known came without a list and was taken for the primary, and now a list says that
    it is one of several. Its proof had been taken away on the way here.
    """
    return primary.device > known.highest or (known.number == 0 and known.primary in devices)


# A list as a proof is `signature | list`: what stands first has a fixed length.


def proof_to_bytes(signed: SignedDeviceList) -> bytes:
    """A signed list as it travels with the first messages of a companion."""
    return signed.signature + signed.encoded


def proof_from_bytes(proof: bytes) -> SignedDeviceList:
    """Read it; its signature is still to be checked.

    Raises:
        BadDeviceListError: it is too short to be one.
    """
    if len(proof) <= SIGNATURE_BYTES:
        raise BadDeviceListError("a device proof without a list")
    return SignedDeviceList(proof[SIGNATURE_BYTES:], proof[:SIGNATURE_BYTES])
