"""End to end: what only the two phones see. Keys, sessions, ciphertexts, content. Pure and synchronous.

X3DH and the Double Ratchet come from the maintained packages ``X3DH``, ``DoubleRatchet`` and ``XEdDSA``;
``docs/security.md`` describes format and choices. The relay may not import this package.
"""

from protocol.e2e.content_kinds import (
    Change,
    Contact,
    Content,
    Deletion,
    Edit,
    Location,
    Message,
    MessageRef,
    Reaction,
    Text,
    Unknown,
)
from protocol.e2e.device_list import sign_device_list, verify_device_list
from protocol.e2e.errors import (
    BadBundleError,
    BadCiphertextError,
    BadContentError,
    BadProfileError,
    BadStateError,
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
from protocol.e2e.keys import (
    Bundle,
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
    "BadBundleError",
    "BadCiphertextError",
    "BadContentError",
    "BadProfileError",
    "BadStateError",
    "Bundle",
    "Change",
    "Contact",
    "Content",
    "Deletion",
    "DuplicateMessageError",
    "Edit",
    "EndToEndError",
    "Entropy",
    "IdentityKeyPair",
    "Location",
    "Message",
    "MessageRef",
    "MisuseError",
    "NoSessionError",
    "Prekey",
    "PrekeyGoneError",
    "PrekeyUnknownError",
    "Profile",
    "ProfileDetails",
    "PublicPrekey",
    "PublicSignedPrekey",
    "Reaction",
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
