"""The requests about one's own account, and their answers: settings, profile, PIN, the end."""

from dataclasses import dataclass, field

from protocol.ids import UserId
from protocol.stanzas.values import CodeRoute, ExportedRow, Privacy


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Change what is kept of this account's privacy; one that changes nothing asks how it stands."""

    request: int
    privacy: Privacy | None
    """None: as it is."""
    block: tuple[UserId, ...]
    unblock: tuple[UserId, ...]
    add_contacts: tuple[UserId, ...]
    """Who `contacts` means. Forgotten by the relay as soon as no setting says `contacts`."""
    remove_contacts: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is kept of this account's privacy, after the change."""

    request: int
    privacy: Privacy
    blocked: tuple[UserId, ...]
    contacts: int
    """How many contacts the relay has been told."""


@dataclass(frozen=True, slots=True)
class StoreProfile:
    """Keep a piece of this account's encrypted profile; piece 0, which is sent last, puts it in place."""

    request: int
    version: int
    """Random, the same for all pieces of one profile. 0: the profile is to be taken away."""
    piece: int
    """0: name and about; 1 and up: the picture."""
    data: bytes


@dataclass(frozen=True, slots=True)
class ProfileStored:
    """The piece is stored, or everything is gone."""

    request: int


@dataclass(frozen=True, slots=True)
class FetchProfile:
    """Let me have a piece of a user's encrypted profile."""

    request: int
    user: UserId
    piece: int
    known_version: int
    """What the client has already; 0: nothing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A piece of a profile, encrypted by its owner; the key travels end to end."""

    request: int
    version: int
    """0: there is none, or none for this client."""
    data: bytes
    """Empty if the version is the known one, or 0."""


@dataclass(frozen=True, slots=True)
class SetPin:
    """Have this PIN asked for when the number is registered anew."""

    request: int
    pin: str = field(repr=False)
    """Six digits. Empty: no PIN any more."""


@dataclass(frozen=True, slots=True)
class PinSet:
    """So it is from now on."""

    request: int


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Remove everything that there is of this account, for ever."""

    request: int
    phone: str
    """The account's number: nobody deletes one by mistake."""


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """It is gone, and so is this device; the connection ends."""

    request: int


@dataclass(frozen=True, slots=True)
class FetchAccount:
    """Let me have everything that is kept of this account, a page at a time."""

    request: int
    begin: bytes
    """Empty for the first page; then what the page before said."""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of it; it may be empty and not the last."""

    request: int
    rows: tuple[ExportedRow, ...]
    next: bytes
    """With what to ask for the next page; empty: this was the last."""


@dataclass(frozen=True, slots=True)
class RequestNumberCode:
    """Send a verification code to the number that this account is to have; answered with CodeSent."""

    request: int
    phone: str
    via: CodeRoute


@dataclass(frozen=True, slots=True)
class ChangeNumber:
    """Let this account have another number, which the code proves; the old one is anybody's from then on."""

    request: int
    phone: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NumberChanged:
    """So it is, durably."""

    request: int
