"""End to end: what only the two phones see. Keys, sessions, ciphertexts, content. Pure and synchronous.

X3DH and the Double Ratchet come from the maintained packages ``X3DH``, ``DoubleRatchet`` and ``XEdDSA``;
``docs/security.md`` describes format and choices. The relay may not import this package.
"""

from protocol.e2e.bundle import Bundle
from protocol.e2e.content_kinds import (
    Change,
    ChatTimer,
    Contact,
    Content,
    Deletion,
    Edit,
    KeepHere,
    Location,
    Message,
    MessageRef,
    Opened,
    Reaction,
    Rule,
    Text,
    Unknown,
)
from protocol.e2e.content_marks import NO_MARKS, Marks
from protocol.e2e.device_list import sign_device_list, verify_device_list
from protocol.e2e.errors import (
    BadBundleError,
    BadCiphertextError,
    BadContentError,
    BadProfileError,
    BadStateError,
    DowngradedBundleError,
    DowngradedMessageError,
    DuplicateMessageError,
    EndToEndError,
    MisuseError,
    NoSessionError,
    PrekeyGoneError,
    PrekeyUnknownError,
    TooManySkippedError,
    UnsupportedVersionError,
    UntrustedDevicesError,
    UntrustedIdentityError,
)
from protocol.e2e.kem import Encapsulate, KemPrekey, PublicKemPrekey
from protocol.e2e.keys import (
    Entropy,
    IdentityKeyPair,
    Prekey,
    PublicPrekey,
    PublicSignedPrekey,
    verify_signed_prekey,
)
from protocol.e2e.profile import Profile, ProfileDetails
from protocol.e2e.record import SessionRecord
from protocol.e2e.safety_number import safety_number
from protocol.e2e.session import Session

__all__ = [
    "NO_MARKS",
    "BadBundleError",
    "BadCiphertextError",
    "BadContentError",
    "BadProfileError",
    "BadStateError",
    "Bundle",
    "Change",
    "ChatTimer",
    "Contact",
    "Content",
    "Deletion",
    "DowngradedBundleError",
    "DowngradedMessageError",
    "DuplicateMessageError",
    "Edit",
    "Encapsulate",
    "EndToEndError",
    "Entropy",
    "IdentityKeyPair",
    "KeepHere",
    "KemPrekey",
    "Location",
    "Marks",
    "Message",
    "MessageRef",
    "MisuseError",
    "NoSessionError",
    "Opened",
    "Prekey",
    "PrekeyGoneError",
    "PrekeyUnknownError",
    "Profile",
    "ProfileDetails",
    "PublicKemPrekey",
    "PublicPrekey",
    "PublicSignedPrekey",
    "Reaction",
    "Rule",
    "Session",
    "SessionRecord",
    "Text",
    "TooManySkippedError",
    "Unknown",
    "UnsupportedVersionError",
    "UntrustedDevicesError",
    "UntrustedIdentityError",
    "safety_number",
    "sign_device_list",
    "verify_device_list",
    "verify_signed_prekey",
]
