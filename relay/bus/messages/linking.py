"""What workers ask one another about links and devices: the desk in worker 0, and the owner of a user.

As all questions (questions.py): a field `ask` at the end, which the answer repeats at its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocol import DeviceAddress, KemPrekey, Prekey, UserId


@dataclass(slots=True)
class OpenLink:
    """A stranger with this key wants to be linked. To worker 0. Answered with LinkOpened."""

    companion: bytes
    address: str
    """Where it is connected from."""
    ask: int = 0


@dataclass(slots=True)
class LinkOpened:
    """The link is open."""

    ask: int
    link: bytes
    nameplate: str


@dataclass(slots=True)
class ClaimLink:
    """A primary of ours wants the companion behind a link. To worker 0. Answered with LinkClaimed."""

    device: DeviceAddress
    link: bytes | str
    number: int
    """Of the account's next device."""
    message: bytes = field(repr=False)
    ask: int = 0


@dataclass(slots=True)
class LinkClaimed:
    """It is the primary's."""

    ask: int
    link: bytes


@dataclass(slots=True)
class AnswerLink:
    """A companion answers. To worker 0. Answered with LinkStands, as the next two."""

    link: bytes
    companion: bytes
    message: bytes = field(repr=False)
    ask: int = 0


@dataclass(slots=True)
class ConfirmLink:
    """A primary of ours has signed the companion in."""

    device: DeviceAddress
    link: bytes
    static_key: bytes
    encoded: bytes
    signature: bytes
    message: bytes = field(repr=False)
    ask: int = 0


@dataclass(slots=True)
class PollLink:
    """How far is it? One of the two sides asks."""

    link: bytes
    primary: DeviceAddress | None
    companion: bytes | None
    is_cancelled: int
    """1: whoever asks wants it to end."""
    ask: int = 0


@dataclass(slots=True)
class LinkStands:
    """So far, and what there is for whoever asks."""

    ask: int
    step: int
    message: bytes = field(repr=False)


@dataclass(slots=True)
class CompleteLink:
    """A companion becomes a device. To worker 0. Answered with Redeemed."""

    link: bytes
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    last_resort: KemPrekey | None
    ask: int = 0


@dataclass(slots=True)
class AddDevice:
    """Take this device into the account of a user of yours. Answered with DeviceCreated."""

    user: UserId
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    last_resort: KemPrekey | None
    created_at: int
    list_encoded: bytes
    list_signature: bytes
    ask: int = 0


@dataclass(slots=True)
class ForgetKeys:
    """Devices with these static keys were removed. To worker 0. Answered with KeysForgotten."""

    keys: Sequence[bytes]
    ask: int = 0


@dataclass(slots=True)
class KeysForgotten:
    """The directory does not have them any more."""

    ask: int
