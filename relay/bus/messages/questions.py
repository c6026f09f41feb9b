"""What workers ask one another, and the answers.

A question is a message with a field `ask` at its end, which the bus fills in and the answer repeats at its
beginning. Any question may be answered with `NotDone`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import DeviceAddress, DeviceBundle, DeviceId, KemPrekey, Prekey, SignedDeviceList, UserId


@dataclass(slots=True)
class TakeBundles:
    """Somebody wants to write to a user of yours. Answered with Bundles."""

    user: UserId
    devices: Sequence[DeviceId] | None = None
    """Which; None: all."""
    ask: int = 0


@dataclass(slots=True)
class Bundles:
    """One bundle for each device asked for, the list that vouches for them, and all that there are."""

    ask: int
    bundles: Sequence[DeviceBundle]
    device_list: SignedDeviceList | None
    present: Sequence[DeviceId]


@dataclass(slots=True)
class CreateDevice:
    """Make this the only device of a user of yours, who may be new. Answered with DeviceCreated."""

    user: UserId
    phone: str
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    last_resort: KemPrekey | None
    created_at: int
    ask: int = 0


@dataclass(slots=True)
class DeviceCreated:
    """It is durable, under this number."""

    ask: int
    device: DeviceId


@dataclass(slots=True)
class IssueCode:
    """Make a verification code for this number. To worker 0. Answered with CodeIssued."""

    phone: str
    ask: int = 0


@dataclass(slots=True)
class CodeIssued:
    """The code, for whoever asked to have it brought to the phone."""

    ask: int
    code: str


@dataclass(slots=True)
class WithdrawCode:
    """It could not be brought there. To worker 0. Answered with CodeWithdrawn."""

    phone: str
    ask: int = 0


@dataclass(slots=True)
class CodeWithdrawn:
    """Another one may be had at once."""

    ask: int


@dataclass(slots=True)
class Redeem:
    """Somebody has the code of this number. To worker 0. Answered with Redeemed."""

    phone: str
    code: str
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    last_resort: KemPrekey | None
    takes_over: int
    pin: str | None
    ask: int = 0


@dataclass(slots=True)
class Redeemed:
    """The device's address; account and directory are durable."""

    ask: int
    device: DeviceAddress


@dataclass(slots=True)
class ProvePin:
    """May whoever has proved the number have the account of a user of yours? Answered with PinProved."""

    user: UserId
    pin: str | None
    ask: int = 0


@dataclass(slots=True)
class PinProved:
    """1: as it is; 0: its PIN is out of the way, and the number starts anew."""

    ask: int
    is_proved: int


@dataclass(slots=True)
class RemoveAccount:
    """Remove all rows of a user of yours. Answered with AccountRemoved."""

    user: UserId
    spare: DeviceId
    """The connection of this device stays; 0: none."""
    ask: int = 0


@dataclass(slots=True)
class AccountRemoved:
    """They are durably gone."""

    ask: int


@dataclass(slots=True)
class DeleteAccount:
    """The user of this device leaves for good. To worker 0. Answered with AccountDeleted."""

    device: DeviceAddress
    ask: int = 0


@dataclass(slots=True)
class AccountDeleted:
    """Account and directory know nothing of them any more."""

    ask: int


@dataclass(slots=True)
class ChangeNumber:
    """Give the account of this device the number that the code proves. To worker 0; see NumberChanged."""

    device: DeviceAddress
    phone: str
    code: str
    ask: int = 0


@dataclass(slots=True)
class NumberChanged:
    """Account and directory say so."""

    ask: int


@dataclass(slots=True)
class SetNumber:
    """Write another number into the account of a user of yours. Answered with NumberSet."""

    user: UserId
    by: DeviceId
    """The device that asks for it."""
    phone: str
    ask: int = 0


@dataclass(slots=True)
class NumberSet:
    """It is durable: the number is changed."""

    ask: int


@dataclass(slots=True)
class NotDone:
    """The answer to any question that was refused, or could not be dealt with."""

    ask: int
    code: int
    """An ErrorCode."""
    detail: int | tuple[int, ...] | None
