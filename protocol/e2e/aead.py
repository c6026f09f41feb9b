"""How one message is sealed under its one message key: AES-256-CTR, then HMAC-SHA-256 cut to 8 bytes.

Each message key is used exactly once, so encryption key, MAC key and counter block all come out of HKDF and
nothing but the MAC is sent along. Signal seals with AES-256-CBC and the same 8-byte MAC; counter mode saves
the padding, up to 16 bytes. Eight bytes are enough here: a forger has no oracle but the device itself, sees
nothing of the answer, and needs 2^63 deliveries on average for one message. AES-GCM cut to 8 bytes would
not do: its short tags lose strength with every forgery and with length, HMAC's do not.
"""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from doubleratchet.aead import AEAD, AuthenticationFailedException

MAC_BYTES = 8
MESSAGE_KEY_INFO = b"Roost 1 message key"


class MessageAead(AEAD):
    """The sealing that the Double Ratchet is given. Its methods never suspend."""

    @staticmethod
    async def encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
        """Seal ``plaintext``: the ciphertext, as long as the plaintext, then the MAC."""
        cipher, mac_key = _open_key(key)
        encryptor = cipher.encryptor()
        ciphertext = encryptor.update(plaintext) + encryptor.finalize()
        return ciphertext + _mac(mac_key, associated_data, ciphertext)

    @staticmethod
    async def decrypt(ciphertext: bytes, key: bytes, associated_data: bytes) -> bytes:
        """Open what ``encrypt`` sealed.

        Raises:
            AuthenticationFailedException: the MAC is wrong or missing; nothing was decrypted.
        """
        cipher, mac_key = _open_key(key)
        body, mac = ciphertext[:-MAC_BYTES], ciphertext[-MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(mac_key, associated_data, body)):
            raise AuthenticationFailedException("wrong MAC")
        decryptor = cipher.decryptor()
        return decryptor.update(body) + decryptor.finalize()


def _open_key(message_key: bytes) -> tuple[Cipher[CTR], bytes]:
    """Encryption (key and first counter block) and MAC key of a message key, as Signal's 80 bytes."""
    material = HKDF(SHA256(), 80, bytes(32), MESSAGE_KEY_INFO).derive(message_key)
    return Cipher(AES(material[:32]), CTR(material[64:])), material[32:64]


def _mac(key: bytes, associated_data: bytes, ciphertext: bytes) -> bytes:
    # The length in front makes the split between the two parts part of what is authenticated.
    length = len(associated_data).to_bytes(4, "big")
    return hmac.digest(key, length + associated_data + ciphertext, "sha256")[:MAC_BYTES]
