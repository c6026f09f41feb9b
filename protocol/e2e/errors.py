"""What can go wrong end to end, and whose fault it is.

- ``EndToEndError``: base; ``name`` is the kebab-case word that a history or a log may show
    - ``MisuseError``: our own code broke a rule (a key of the wrong length, a text too long, ...)
    - ``BadBundleError``: the relay or the peer published keys that are no keys, or a signature that is wrong
    - ``UntrustedDevicesError``: a device list that the account's primary device has not signed
    - ``UntrustedDeviceError``: a device writes to us for which its account's primary does not vouch
        - ``DowngradedBundleError``: keys that lack what the device is known to publish: no silent downgrade
    - ``BadLinkingError``: what came while two devices were being linked is not what belongs there
        - ``WrongLinkCodeError``: the other side does not know the link's secret
    - ``UntrustedIdentityError``: a device answers with another identity key than the one known for it
    - ``BadCiphertextError``: the bytes are not a ciphertext for this session: forged, damaged, or too old
        - ``UnsupportedVersionError``: a format of a later version
        - ``DowngradedMessageError``: an agreement without a KEM prekey where there was one
        - ``ForkedLogError``: its sender knows another history of the group's members than this phone
        - ``TooManySkippedError``: opening it would mean deriving more keys than the limit
    - ``DuplicateMessageError``: it has been opened before; its key is gone, by design
    - ``NoSessionError``: a ratchet message came from a device with which there is no session
    - ``PrekeyGoneError``: it was made for a prekey that has been used up or rotated away
        - ``PrekeyUnknownError``: for one that this device, as it knows itself, has never made
    - ``BadContentError``: it was opened, but what is inside is not content; the sender's fault
    - ``BadProfileError``: a piece of a profile that does not open with this key, or holds no profile
    - ``BadGroupInfoError``: a group's name and picture that do not open with its key, or are none
    - ``BadLinkError``: a text that is no invitation to a group
    - ``BadLogError``: entries of a group's log that cannot follow each other; the relay's fault
    - ``BadScanCodeError``: a text that is no QR code of a security code, or somebody else's
    - ``BadStateError``: a stored session state cannot be read; the disk's fault, or a later version's

No error carries a key, a plaintext or a ciphertext, and none has a cause that does.
"""


class EndToEndError(Exception):
    """Base of everything foreseeable that the end-to-end layer raises."""

    name = "end-to-end-error"


class MisuseError(EndToEndError):
    """Our own code broke a rule of this package."""

    name = "misuse"


class BadBundleError(EndToEndError):
    """Published keys that are no keys, or a signature that is wrong; the relay's or the peer's fault."""

    name = "bad-bundle"


class UntrustedDevicesError(EndToEndError):
    """Devices that the account's primary has not vouched for; the relay's fault, or somebody's in between."""

    name = "untrusted-devices"


class UntrustedDeviceError(EndToEndError):
    """A device writes to us for which its account's primary does not vouch."""

    name = "untrusted-device"


class DowngradedBundleError(BadBundleError):
    """Keys without the KEM prekey that the device publishes; the relay took it out, or plays an old one."""

    name = "downgraded-keys"


class BadLinkingError(EndToEndError):
    """What came while two devices were being linked is not what the protocol has there."""

    name = "bad-linking"


class WrongLinkCodeError(BadLinkingError):
    """The other side of a link does not know its secret: a code mistyped, or somebody in between."""

    name = "wrong-link-code"


class UntrustedIdentityError(EndToEndError):
    """A known device answers with another identity key; device numbers are never reused, so somebody lies."""

    name = "untrusted-identity"


class BadCiphertextError(EndToEndError):
    """Bytes that are not a ciphertext for this session: forged, damaged, or too old to tell."""

    name = "bad-ciphertext"


class UnsupportedVersionError(BadCiphertextError):
    """A ciphertext in the format of another version."""

    name = "unsupported-ciphertext"

    def __init__(self, version: int) -> None:
        super().__init__(f"ciphertext of version {version}")
        self.version = version


class DowngradedMessageError(BadCiphertextError):
    """A session opened without a KEM prekey, with a signed prekey that is never given out without one."""

    name = "downgraded-message"


class ForkedLogError(BadCiphertextError):
    """A group message whose sender knows another history of its members; the relay tells two."""

    name = "forked-log"


class TooManySkippedError(BadCiphertextError):
    """Opening it would mean deriving more message keys than the limit; nothing was derived or kept."""

    name = "too-many-skipped"


class DuplicateMessageError(EndToEndError):
    """A ciphertext that has been opened before."""

    name = "duplicate-message"


class NoSessionError(EndToEndError):
    """A ratchet message from a device with which there is no session."""

    name = "no-session"


class PrekeyGoneError(EndToEndError):
    """A first message for a prekey that has been used up or rotated away."""

    name = "prekey-gone"


class PrekeyUnknownError(PrekeyGoneError):
    """For a prekey whose number was never given out: this device has been put back to a copy."""


class BadContentError(EndToEndError):
    """Opened, but what is inside is not content; the sender's fault."""

    name = "bad-content"


class BadProfileError(EndToEndError):
    """A piece of a profile that was sealed with another key or for another place, or holds no profile."""

    name = "bad-profile"


class BadScanCodeError(EndToEndError):
    """A text that is no QR code of a security code, or that of somebody else."""

    name = "bad-scan-code"


class BadStateError(EndToEndError):
    """A stored session state that cannot be read."""

    name = "bad-state"


class BadGroupInfoError(EndToEndError):
    """A group's name, description and picture that do not open with its key, or are none."""

    name = "bad-group-info"


class BadLinkError(EndToEndError):
    """A text that is no invitation to a group."""

    name = "bad-link"


class BadLogError(EndToEndError):
    """Entries of a group's log that cannot follow each other: some are missing, or it has two histories."""

    name = "bad-group-log"
