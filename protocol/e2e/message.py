"""The ciphertext format: bytes to a ratchet message or a prekey message, and back.

    ratchet message  0x11 | ratchet key 32 | n varint | pn varint | ciphertext | MAC 8
    prekey message   0x12 | signed prekey id varint | one-time prekey id varint (0 = none)
                          | identity key 32 | ephemeral key 32
                          | ratchet key 32 | n varint | pn varint | ciphertext | MAC 8
    with a proof     0x13 | length varint | device proof | from here as a prekey message
    after PQXDH      0x22 or 0x23 | as 0x12 or 0x13 up to the one-time prekey id
                          | KEM prekey id varint | KEM ciphertext 1088 | from here as a prekey message

The first byte is version << 4 | kind. Version 2 is only what PQXDH adds to prekey messages; in a running
session there is no difference. Varints are unsigned LEB128 of at most 32 bits, in their shortest form,
so a message has exactly one encoding. Everything in front of the ciphertext is authenticated: the ratchet
header by the MAC, the keys and prekey ids because other ones give another secret, and the device proof by
its own signature, which is for its reader to check.
"""

from dataclasses import dataclass, field

from protocol.e2e.aead import MAC_BYTES
from protocol.e2e.errors import BadCiphertextError, MisuseError, UnsupportedVersionError
from protocol.e2e.keys import KEY_BYTES
from protocol.limits import KEM_CIPHERTEXT_BYTES, MAX_CIPHERTEXT_BYTES

FORMAT_VERSION = 1
PQ_FORMAT_VERSION = 2
RATCHET_KIND = 1
PREKEY_KIND = 2
PROVED_PREKEY_KIND = 3

MAX_DEVICE_PROOF_BYTES = 2_048
"""A signed device list of five devices has 300 bytes, the largest that the wire carries 1,100."""

_MAX_VARINT = 2**32 - 1


@dataclass(frozen=True, slots=True)
class RatchetMessage:
    """A message of a running session."""

    ratchet_key: bytes
    n: int
    """Its place in the sending chain, from 0."""
    pn: int
    """How long the sending chain before this one was."""
    sealed: bytes = field(repr=False)
    """Ciphertext and MAC."""

    def encode(self) -> bytes:
        """The bytes as they travel."""
        return bytes([FORMAT_VERSION << 4 | RATCHET_KIND]) + self.body()

    def header(self) -> bytes:
        """What the MAC covers beside the session's associated data and the ciphertext."""
        return ratchet_header(self.ratchet_key, self.n, self.pn)

    def body(self) -> bytes:
        """All but the first byte."""
        return self.header() + self.sealed


@dataclass(frozen=True, slots=True)
class KemOpening:
    """What PQXDH adds to a first message."""

    prekey_id: int
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrekeyMessage:
    """A message that opens a session, and carries all that the other side needs for it."""

    signed_prekey_id: int
    prekey_id: int | None
    identity_key: bytes
    ephemeral_key: bytes
    message: RatchetMessage
    device_proof: bytes | None = None
    """A companion's encoded SignedDeviceList: proof that it belongs to the account. Not looked at here."""

    kem: KemOpening | None = None
    """None: the session is opened by X3DH."""

    def encode(self) -> bytes:
        """The bytes as they travel."""
        ids = encode_varint(self.signed_prekey_id) + encode_varint(self.prekey_id or 0)
        kem = b"" if self.kem is None else encode_varint(self.kem.prekey_id) + self.kem.ciphertext
        keys = self.identity_key + self.ephemeral_key
        return self._front() + ids + kem + keys + self.message.body()

    def _front(self) -> bytes:
        version = FORMAT_VERSION if self.kem is None else PQ_FORMAT_VERSION
        proof = self.device_proof
        if proof is None:
            return bytes([version << 4 | PREKEY_KIND])
        insist_on_proof(proof)
        return bytes([version << 4 | PROVED_PREKEY_KIND]) + encode_varint(len(proof)) + proof


def insist_on_proof(proof: bytes) -> None:
    """Make sure that a device proof can travel.

    Raises:
        MisuseError: it is empty or too long.
    """
    if not 1 <= len(proof) <= MAX_DEVICE_PROOF_BYTES:
        raise MisuseError(f"a device proof of {len(proof)} bytes is not 1 to {MAX_DEVICE_PROOF_BYTES}")


def ratchet_header(ratchet_key: bytes, n: int, pn: int) -> bytes:
    """The header of a ratchet message."""
    return ratchet_key + encode_varint(n) + encode_varint(pn)


def decode(data: bytes) -> RatchetMessage | PrekeyMessage:
    """Read a ciphertext's outside.

    Raises:
        UnsupportedVersionError: another version's format.
        BadCiphertextError: not a ciphertext.
    """
    if not data or len(data) > MAX_CIPHERTEXT_BYTES:
        raise BadCiphertextError(f"{len(data)} bytes are not a ciphertext")
    version, kind = data[0] >> 4, data[0] & 0x0F
    if version not in (FORMAT_VERSION, PQ_FORMAT_VERSION):
        raise UnsupportedVersionError(version)
    reader = _Reader(data, 1)
    match version, kind:
        case 1, 1:  # RATCHET_KIND
            return _read_ratchet_message(reader)
        case _, 2 | 3:  # PREKEY_KIND, PROVED_PREKEY_KIND
            proof = _read_proof(reader) if kind == PROVED_PREKEY_KIND else None
            return _read_prekey_message(reader, proof, has_kem=version == PQ_FORMAT_VERSION)
        case _:
            raise BadCiphertextError(f"no such kind of ciphertext: {kind}, version {version}")


def encode_varint(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Reader:
    """Takes fields from the front of a byte string; running out is the sender's fault."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise BadCiphertextError("the ciphertext is cut short")
        field_bytes = self._data[self._position : end]
        self._position = end
        return field_bytes

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if value > _MAX_VARINT or shift > 35:
                raise BadCiphertextError("a number in the ciphertext is too large")
            if byte < 0x80:
                break
        if byte == 0 and shift > 7:
            raise BadCiphertextError("a number in the ciphertext is not in its shortest form")
        return value


def _read_ratchet_message(reader: _Reader) -> RatchetMessage:
    message = RatchetMessage(reader.take(KEY_BYTES), reader.varint(), reader.varint(), reader.rest())
    if len(message.sealed) < MAC_BYTES:
        raise BadCiphertextError("the ciphertext is cut short")
    return message


def _read_proof(reader: _Reader) -> bytes:
    size = reader.varint()
    if not 1 <= size <= MAX_DEVICE_PROOF_BYTES:
        raise BadCiphertextError(f"a device proof of {size} bytes is not 1 to {MAX_DEVICE_PROOF_BYTES}")
    return reader.take(size)


def _read_kem(reader: _Reader) -> KemOpening:
    prekey_id = reader.varint()
    if not prekey_id:
        raise BadCiphertextError("a KEM prekey has no number")
    return KemOpening(prekey_id, reader.take(KEM_CIPHERTEXT_BYTES))


def _read_prekey_message(reader: _Reader, device_proof: bytes | None, *, has_kem: bool) -> PrekeyMessage:
    signed_prekey_id, prekey_id = reader.varint(), reader.varint()
    kem = _read_kem(reader) if has_kem else None
    identity_key, ephemeral_key = reader.take(KEY_BYTES), reader.take(KEY_BYTES)
    return PrekeyMessage(
        signed_prekey_id,
        prekey_id or None,
        identity_key,
        ephemeral_key,
        _read_ratchet_message(reader),
        device_proof,
        kem,
    )
