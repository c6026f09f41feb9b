from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e import BadCiphertextError, MisuseError, UnsupportedVersionError
from protocol.e2e.message import (
    MAX_DEVICE_PROOF_BYTES,
    KemOpening,
    PrekeyMessage,
    RatchetMessage,
    decode,
    encode_varint,
)
from protocol.limits import MAX_CIPHERTEXT_BYTES

keys = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**32 - 1)
ids = st.integers(1, 2**32 - 1)
ratchet_messages = st.builds(RatchetMessage, keys, numbers, numbers, st.binary(min_size=8, max_size=99))
proofs = st.none() | st.binary(min_size=1, max_size=MAX_DEVICE_PROOF_BYTES)
kems = st.none() | st.builds(KemOpening, ids, st.binary(min_size=1088, max_size=1088))
prekey_messages = st.builds(PrekeyMessage, ids, st.none() | ids, keys, keys, ratchet_messages, proofs, kems)

RATCHET = RatchetMessage(b"R" * 32, 300, 0, b"sealed and 8 bytes")
PREKEY = PrekeyMessage(1, 200, b"I" * 32, b"E" * 32, RATCHET)
PROVED = replace(PREKEY, device_proof=b"proof")
OF_PQXDH = replace(PREKEY, kem=KemOpening(300, b"K" * 1088))


@given(ratchet_messages | prekey_messages)
def test_what_is_encoded_is_decoded(message: RatchetMessage | PrekeyMessage) -> None:
    assert decode(message.encode()) == message


def test_the_bytes_are_those_of_the_specification() -> None:
    body = b"R" * 32 + b"\xac\x02" + b"\x00" + b"sealed and 8 bytes"
    assert RATCHET.encode() == b"\x11" + body
    assert PREKEY.encode() == b"\x12" + b"\x01" + b"\xc8\x01" + b"I" * 32 + b"E" * 32 + body
    kem = b"\xac\x02" + b"K" * 1088
    assert OF_PQXDH.encode() == b"\x22" + PREKEY.encode()[1:4] + kem + PREKEY.encode()[4:]
    assert replace(OF_PQXDH, device_proof=b"proof").encode() == b"\x23\x05proof" + OF_PQXDH.encode()[1:]
    assert PROVED.encode() == b"\x13" + b"\x05proof" + PREKEY.encode()[1:]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_bad_ciphertext(data: bytes) -> None:
    try:
        message = decode(data)
    except BadCiphertextError:
        return
    assert message.encode() == data


@given(st.data())
def test_every_message_cut_short_is_refused(data: st.DataObject) -> None:
    encoded = data.draw(
        st.sampled_from([RATCHET.encode(), PREKEY.encode(), PROVED.encode(), OF_PQXDH.encode()])
    )
    # The last bytes are ciphertext, where one cut cannot be told from a shorter message.
    size = data.draw(st.integers(0, len(encoded) - len(RATCHET.sealed) + 7))
    with pytest.raises(BadCiphertextError):
        decode(encoded[:size])


@pytest.mark.parametrize("version", [0, 3, 15])
def test_another_version_says_which(version: int) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        decode(bytes([version << 4 | 1]) + RATCHET.body())
    assert caught.value.version == version


@pytest.mark.parametrize("kind", [0, 4, 15])
def test_another_kind_is_refused(kind: int) -> None:
    with pytest.raises(BadCiphertextError):
        decode(bytes([1 << 4 | kind]) + RATCHET.body())


@pytest.mark.parametrize("varint", [b"\x80\x00", b"\xff\xff\xff\xff\x1f", b"\x80" * 5 + b"\x01"])
def test_a_number_too_long_or_too_large_is_refused(varint: bytes) -> None:
    with pytest.raises(BadCiphertextError):
        decode(b"\x11" + b"R" * 32 + varint + b"\x00" + bytes(8))


def test_there_is_no_ratchet_message_of_version_2_and_no_kem_prekey_0() -> None:
    with pytest.raises(BadCiphertextError):
        decode(b"\x21" + RATCHET.body())
    with pytest.raises(BadCiphertextError):
        decode(replace(OF_PQXDH, kem=KemOpening(0, b"K" * 1088)).encode())


@pytest.mark.parametrize("proof", [b"", bytes(MAX_DEVICE_PROOF_BYTES + 1)])
def test_a_proof_of_no_length_or_too_much_is_neither_written_nor_read(proof: bytes) -> None:
    with pytest.raises(MisuseError):
        replace(PREKEY, device_proof=proof).encode()
    with pytest.raises(BadCiphertextError):
        decode(b"\x13" + encode_varint(len(proof)) + proof + PREKEY.encode()[1:])


def test_a_ciphertext_above_the_limit_is_refused() -> None:
    with pytest.raises(BadCiphertextError):
        decode(b"\x11" + bytes(MAX_CIPHERTEXT_BYTES))


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (2**32 - 1, "ffffffff0f")]
)
def test_varints_are_leb128(value: int, encoded: str) -> None:
    assert encode_varint(value).hex() == encoded


def test_no_repr_shows_what_is_sealed() -> None:
    assert "sealed and" not in repr(PREKEY)
