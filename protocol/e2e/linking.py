"""How a new device and the primary of an account come to trust each other through a relay that they do not.

Two objects, one for each side, sans-IO: they take and give the messages that the relay carries for them.

    CompanionLinking.invite(link, nameplate)   the new device shows ``text`` (as a QR code too) and ``code``
    PrimaryLinking(text or code).claim         -> to the companion: how, and one half of the exchange
    CompanionLinking.answer(claim)             -> to the primary: the other half, and its keys, sealed
    PrimaryLinking.open_answer(link, answer)   the companion's keys, which are the ones that it has
    PrimaryLinking.seal_grant(grant)           -> to the companion: the account, sealed
    CompanionLinking.open_grant(message)       the account, which is the one of whoever knew the code

What protects it: a secret that does not go through the relay. By **text** it is 32 random bytes, carried by a
camera or a clipboard; whoever has not seen the text can neither read nor make a message. By **code** it is
five characters (24 million) and SPAKE2 (by the package ``spake2``, as in magic-wormhole): whoever stands in
between has one guess, and a wrong one ends the link, visibly. The relay has a link claimed
once, but is not trusted with that: a device answers one claim for each link, and makes a new secret after it.

Nothing here says what a list of devices means: the companion checks the one in the grant, and the primary
signs it (device_list.py).
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from spake2 import SPAKE2_A, SPAKE2_B

from protocol.device_list import SignedDeviceList
from protocol.e2e.device_list import verify_device_list
from protocol.e2e.errors import BadLinkingError, MisuseError, UntrustedDevicesError, WrongLinkCodeError
from protocol.e2e.keys import KEY_BYTES, Entropy
from protocol.ids import DeviceId, UserId
from protocol.limits import LINK_BYTES, MAX_DEVICE_ID, MAX_LINK_MESSAGE_BYTES, MAX_UINT63, NAMEPLATE_CHARS

FORMAT: Final = 1
TEXT_PREFIX: Final = "roost-link:"

SECRET_CHARS: Final = 5
"""Of the code, behind the nameplate: 30^5 are 24 million, of which an attacker tries one."""

ALPHABET: Final = "0123456789BCDFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32 without its vowels: nothing looks like something else, and no words come out."""

MAX_NAME_CHARS: Final = 64
MAX_URL_CHARS: Final = 512
NONCE_BYTES: Final = 12

_BY_TEXT: Final = 0
_BY_CODE: Final = 1

_INFO: Final = {_BY_TEXT: b"Roost 1 link by text\x00", _BY_CODE: b"Roost 1 link by code\x00"}
_PRIMARY: Final = b"Roost 1 link primary\x00"
_COMPANION: Final = b"Roost 1 link companion\x00"

# What people type for what they see, as Crockford has it.
_LOOKS_LIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


@dataclass(frozen=True, slots=True)
class Companion:
    """A new device, as it says it is."""

    identity_key: bytes
    static_key: bytes
    """Its Noise key, by which the relay knows it."""
    name: str
    """What it calls itself: for people."""


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """Somebody whom the account knows: with whom the companion does not have to begin at nothing."""

    user: UserId
    phone: str | None
    primary_device: DeviceId
    """0: their devices are not known."""
    primary_key: bytes | None
    list_number: int


@dataclass(frozen=True, slots=True)
class GrantedProfile:
    """The account's profile as others may see it, with the key that they are given; not the picture."""

    key: bytes = field(repr=False)
    generation: int
    version: int
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What the primary gives a companion: the account."""

    user: UserId
    device: DeviceId
    """The number of the companion."""
    phone: str
    relay_key: bytes
    """The relay's Noise key, as the primary has it pinned."""
    device_list: SignedDeviceList
    """With the companion in it; valid at the relay from the moment when the link is completed."""
    profile: GrantedProfile | None = None
    peers: tuple[KnownPeer, ...] = ()


class CompanionLinking:
    """The new device's side of one link."""

    def __init__(self, companion: Companion, relay_url: str, entropy: Entropy) -> None:
        self._companion = companion
        self._relay_url = relay_url
        self._entropy = entropy
        self._secret = entropy(KEY_BYTES)
        self._code_secret = _random_code(entropy)
        self._link = b""
        self._nameplate = ""
        self._key: bytes | None = None

    def invite(self, link: bytes, nameplate: str) -> None:
        """The relay has opened a link with this name and nameplate."""
        self._link, self._nameplate = link, nameplate

    @property
    def text(self) -> str:
        """What the primary scans or pastes."""
        fields = [
            FORMAT,
            self._relay_url,
            self._link,
            self._companion.identity_key,
            self._companion.static_key,
            self._secret,
        ]
        return TEXT_PREFIX + base64.urlsafe_b64encode(cbor2.dumps(fields)).decode().rstrip("=")

    @property
    def code(self) -> str:
        """What a person types instead: ``NNN-SSSSS``."""
        return f"{self._nameplate}-{self._code_secret}"

    def answer(self, claim: bytes) -> bytes:
        """Somebody has claimed the link: who we are, for whoever knows its secret.

        Once for each link: another claim would be another guess at the code.

        Raises:
            BadLinkingError: what came is no claim.
            MisuseError: this link was answered before.
        """
        if self._key is not None:
            raise MisuseError("a link is answered once")
        match _loads(claim):
            case [int(format_), int(how), bytes(half)] if (format_, how) == (FORMAT, _BY_TEXT):
                mine = b""
                self._key = _derive(self._secret + half, _BY_TEXT, self._link)
            case [int(format_), int(how), bytes(half)] if (format_, how) == (FORMAT, _BY_CODE):
                exchange = SPAKE2_B(self._code_secret.encode(), _PRIMARY, _COMPANION, entropy_f=self._entropy)
                mine = exchange.start()
                self._key = _derive(_finish(exchange, half), _BY_CODE, self._link)
            case _:
                raise BadLinkingError("a claim in a format that is not known here")
        companion = self._companion
        plaintext = cbor2.dumps([companion.identity_key, companion.static_key, companion.name])
        return cbor2.dumps([mine, _seal(self._key, _COMPANION, plaintext, self._entropy)])

    def open_grant(self, message: bytes, relay_key: bytes) -> Grant:
        """The primary has confirmed: what it gives us.

        Args:
            message: what came.
            relay_key: the Noise key of the relay that we are connected to.

        Raises:
            WrongLinkCodeError: it does not come from somebody who knows the secret.
            BadLinkingError: it is no grant, or one for somebody else, or for another relay.
        """
        if self._key is None:
            raise BadLinkingError("a grant before any claim")
        grant = grant_from_bytes(_open(self._key, _PRIMARY, message))
        check_grant(grant, self._companion.identity_key, relay_key)
        return grant


class PrimaryLinking:
    """The primary's side of one link."""

    def __init__(self, invitation: str, entropy: Entropy) -> None:
        """Read what the companion shows.

        Raises:
            BadLinkingError: it is neither a text nor a code; the message says what is wrong with it.
        """
        self._entropy = entropy
        self._key: bytes | None = None
        self._seen: Companion | None = None
        self.relay_url: str | None = None
        """The relay of the companion; a code does not say."""
        if invitation.strip().lower().startswith(TEXT_PREFIX):
            self._begin_by_text(invitation.strip())
        else:
            self._begin_by_code(invitation)

    def _begin_by_text(self, text: str) -> None:
        match _loads(_unbase64(text[len(TEXT_PREFIX) :])):
            case [int(format_), str(url), bytes(link), bytes(identity), bytes(static), bytes(secret), *_] if (
                format_ == FORMAT
                and len(url) <= MAX_URL_CHARS
                and len(link) == LINK_BYTES
                and len(identity) == len(static) == len(secret) == KEY_BYTES
            ):
                nonce = self._entropy(KEY_BYTES)
                self.link: bytes | str = link
                self.relay_url = url
                self._seen = Companion(identity, static, "")
                self.claim = cbor2.dumps([FORMAT, _BY_TEXT, nonce])
                self._agree: Callable[[bytes], bytes] = lambda _half: secret + nonce
                self._how = _BY_TEXT
            case _:
                raise BadLinkingError("this link text is cut off, or of a later version")

    def _begin_by_code(self, code: str) -> None:
        bare = code.upper().replace("-", "").replace(" ", "").strip().translate(_LOOKS_LIKE)
        if len(bare) != NAMEPLATE_CHARS + SECRET_CHARS or any(each not in ALPHABET for each in bare):
            raise BadLinkingError("this is no link code: it has 8 characters, as in 7K2-M4XQ9")
        exchange = SPAKE2_A(bare[NAMEPLATE_CHARS:].encode(), _PRIMARY, _COMPANION, entropy_f=self._entropy)
        self.link = bare[:NAMEPLATE_CHARS]
        self.claim = cbor2.dumps([FORMAT, _BY_CODE, exchange.start()])
        self._agree = lambda half: _finish(exchange, half)
        self._how = _BY_CODE

    def open_answer(self, link: bytes, answer: bytes) -> Companion:
        """The companion has answered: who it is, by its own word, and nobody has changed it on the way.

        Args:
            link: the name of the link, as the relay has it.
            answer: what came.

        Raises:
            WrongLinkCodeError: it does not come from somebody who knows the secret: the code was mistyped,
                or somebody stands in between.
            BadLinkingError: it is no answer, or not of the device whose text was scanned.
        """
        match _loads(answer):
            case [bytes(half), bytes(sealed), *_]:
                self._key = _derive(self._agree(half), self._how, link)
            case _:
                raise BadLinkingError("an answer in a format that is not known here")
        match _loads(_open(self._key, _COMPANION, sealed)):
            case [bytes(identity), bytes(static), str(name), *_] if (
                len(identity) == len(static) == KEY_BYTES and len(name) <= MAX_NAME_CHARS
            ):
                companion = Companion(identity, static, name)
            case _:
                raise BadLinkingError("an answer that names no device")
        seen = self._seen
        if seen is not None and (seen.identity_key, seen.static_key) != (identity, static):
            raise BadLinkingError("the device that answers is not the one that was scanned")
        return companion

    def seal_grant(self, grant: Grant) -> bytes:
        """What the companion is given, for nobody else to read.

        Peers for whom there is no room are left out; they are met again when there is something to say.

        Raises:
            MisuseError: the companion has not answered yet.
        """
        if self._key is None:
            raise MisuseError("a grant before the answer")
        return _seal(self._key, _PRIMARY, grant_to_bytes(grant), self._entropy)


def check_grant(grant: Grant, identity_key: bytes, relay_key: bytes) -> None:
    """Whether a grant is one for the device with this identity key, at the relay with this key.

    Raises:
        BadLinkingError: it is not, or its device list is not signed by its primary.
    """
    try:
        device_list = verify_device_list(grant.device_list, grant.user)
    except UntrustedDevicesError as error:
        raise BadLinkingError(str(error)) from None
    if device_list.key_of(grant.device) != identity_key or device_list.primary.device == grant.device:
        raise BadLinkingError("a device list without this device")
    if grant.relay_key != relay_key:
        raise BadLinkingError("the other device is at another relay, or somebody stands in between")


def grant_to_bytes(grant: Grant) -> bytes:
    """A grant as it is sealed, and as it is kept until the link is completed."""
    peers, profile = list(grant.peers), grant.profile
    while True:
        rows = [
            [peer.user, peer.phone, peer.primary_device, peer.primary_key, peer.list_number] for peer in peers
        ]
        encoded = cbor2.dumps(
            [
                FORMAT,
                grant.user,
                grant.device,
                grant.phone,
                grant.relay_key,
                list(grant.device_list),
                None if profile is None else _profile_row(profile),
                rows,
            ]
        )
        if len(encoded) <= MAX_LINK_MESSAGE_BYTES - 64 or not peers:
            return encoded
        del peers[len(peers) * 3 // 4 :]


def grant_from_bytes(data: bytes) -> Grant:
    """Read what ``grant_to_bytes`` wrote; trailing fields of a later version are skipped.

    Raises:
        BadLinkingError: it is no grant.
    """
    match _loads(data):
        case [
            int(format_),
            int(user),
            int(device),
            str(phone),
            bytes(relay_key),
            [bytes(encoded), bytes(signature)],
            profile,
            list(rows),
            *_,
        ] if format_ == FORMAT and 0 < user <= MAX_UINT63 and 0 < device <= MAX_DEVICE_ID:
            return Grant(
                UserId(user),
                DeviceId(device),
                phone,
                relay_key,
                SignedDeviceList(encoded, signature),
                _profile(profile),
                tuple(_peer(row) for row in rows),
            )
    raise BadLinkingError("a grant in a format that is not known here")


def _peer(row: object) -> KnownPeer:
    match row:
        case [int(user), (str() | None) as phone, int(device), (bytes() | None) as key, int(number), *_] if (
            0 < user <= MAX_UINT63
            and 0 <= device <= MAX_DEVICE_ID
            and (key is None or len(key) == KEY_BYTES)
            and 0 <= number <= MAX_UINT63
        ):
            return KnownPeer(UserId(user), phone, DeviceId(device), key, number)
    raise BadLinkingError("a grant with a peer that is none")


def _profile_row(profile: GrantedProfile) -> list[object]:
    return [profile.key, profile.generation, profile.version, profile.name, profile.about]


def _profile(row: object) -> GrantedProfile | None:
    match row:
        case None:
            return None
        case [bytes(key), int(generation), int(version), str(name), str(about), *_] if (
            0 <= generation <= MAX_UINT63 and 0 < version <= MAX_UINT63
        ):
            return GrantedProfile(key, generation, version, name, about)
    raise BadLinkingError("a grant with a profile that is none")


def _random_code(entropy: Entropy) -> str:
    """Uniform, because 2^64 is so much more than 30^5 that the rest does not show."""
    number = int.from_bytes(entropy(16))
    digits = ""
    for _ in range(SECRET_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits


def _finish(exchange: SPAKE2_A | SPAKE2_B, half: bytes) -> bytes:
    """The key of an exchange; ``spake2`` checks that the other half is a point of the right group."""
    try:
        key: bytes = exchange.finish(half)
    except Exception:  # its own errors, and whatever it raises on bytes that are no point
        raise BadLinkingError("half of a key exchange that is none") from None
    return key


def _derive(secret: bytes, how: int, link: bytes) -> bytes:
    return HKDF(SHA256(), 2 * KEY_BYTES, link, _INFO[how]).derive(secret)


def _seal(key: bytes, sender: bytes, plaintext: bytes, entropy: Entropy) -> bytes:
    nonce = entropy(NONCE_BYTES)
    return nonce + AESGCM(_half(key, sender)).encrypt(nonce, plaintext, sender)


def _open(key: bytes, sender: bytes, sealed: bytes) -> bytes:
    try:
        return AESGCM(_half(key, sender)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], sender)
    except (InvalidTag, ValueError):
        raise WrongLinkCodeError("the other side does not know the code") from None


def _half(key: bytes, sender: bytes) -> bytes:
    """Each direction has a key of its own: nothing can be sent back to whoever sealed it."""
    return key[:KEY_BYTES] if sender == _PRIMARY else key[KEY_BYTES:]


def _unbase64(text: str) -> bytes:
    bare = "".join(text.split()).rstrip("=")  # a terminal may have broken the line
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadLinkingError("this link text is cut off, or not copied whole") from None


def _loads(data: bytes) -> object:
    try:
        return cbor2.loads(data)
    except Exception:  # cbor2 raises what it likes on foreign bytes
        raise BadLinkingError("bytes that are not what a link carries") from None
