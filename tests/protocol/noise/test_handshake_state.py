"""The handshake: cacophony's vectors, out of turn, and everything that may be done to a message."""

import copy
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import DecryptionError, InvalidKeyError, NoiseError, NoiseStateError
from protocol.limits import MAX_FRAME_BYTES
from protocol.noise import HandshakeState, KeyPair
from protocol.noise.patterns import PATTERNS
from tests.protocol import noise_vectors
from tests.protocol.noise_vectors import Outcome, Result

VECTOR_FILE = Path(__file__).parents[1] / "vectors" / "noise-cacophony-25519-aesgcm-sha256.json"
VECTORS = noise_vectors.load(VECTOR_FILE)
XX = "Noise_XX_25519_AESGCM_SHA256"
IK = "Noise_IK_25519_AESGCM_SHA256"
INITIATOR = KeyPair.from_private_bytes(bytes(range(32)))
RESPONDER = KeyPair.from_private_bytes(bytes(range(32, 64)))


def entropy_of(byte: int) -> Callable[[int], bytes]:
    return lambda size: bytes([byte]) * size


def pair(name: str, prologues: tuple[bytes, bytes] = (b"", b"")) -> tuple[HandshakeState, HandshakeState]:
    pattern = PATTERNS[name.split("_")[1]]
    initiator = HandshakeState(
        name,
        initiator=True,
        entropy=entropy_of(1),
        static=INITIATOR,
        remote_static=RESPONDER.public if pattern.responder_pre else None,
        prologue=prologues[0],
    )
    responder = HandshakeState(
        name,
        initiator=False,
        entropy=entropy_of(2),
        static=RESPONDER,
        remote_static=INITIATOR.public if pattern.initiator_pre else None,
        prologue=prologues[1],
    )
    return initiator, responder


def shake(initiator: HandshakeState, responder: HandshakeState) -> list[bytes]:
    messages = []
    while not initiator.is_finished:
        speaker, listener = (initiator, responder) if initiator.is_our_turn else (responder, initiator)
        messages.append(speaker.write_message(b"payload"))
        assert listener.read_message(messages[-1]) == b"payload"
    return messages


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["protocol_name"])
def test_the_vector_comes_out_byte_for_byte(vector: Mapping[str, Any]) -> None:
    assert noise_vectors.run(vector) == Outcome(vector["protocol_name"], Result.PASSED)


def test_the_harness_notices_a_changed_byte_anywhere_in_a_vector() -> None:
    for place in range(len(VECTORS[0]["messages"])):
        for name in ("ciphertext", "payload"):
            vector = copy.deepcopy(dict(VECTORS[0]))
            text = vector["messages"][place][name]
            vector["messages"][place][name] = ("0" if text[0] != "0" else "1") + text[1:]
            assert noise_vectors.run(vector).result is Result.FAILED


def test_the_harness_names_what_it_skips_and_fails_on_what_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = dict(VECTORS[0])
    with_psk = {**good, "protocol_name": "Noise_NNpsk0_25519_AESGCM_SHA256", "init_psks": ["00" * 32]}
    other_suite = {**good, "protocol_name": "Noise_NN_448_ChaChaPoly_BLAKE2b"}
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps({"vectors": [good, with_psk, other_suite]}))
    assert noise_vectors.main([str(file)]) == 0
    printed = capsys.readouterr().out
    assert "skipped Noise_NNpsk0_25519_AESGCM_SHA256: pre-shared keys" in printed
    assert "1 passed, 0 failed, 2 skipped" in printed
    file.write_text(json.dumps({"vectors": [{**good, "handshake_hash": "00"}]}))
    assert noise_vectors.main([str(file)]) == 1
    file.write_text("[]")
    assert noise_vectors.main([str(file)]) == 2


@pytest.mark.parametrize("pattern", list(PATTERNS))
def test_every_pattern_ends_with_the_same_channel_on_both_sides(pattern: str) -> None:
    sides = pair(f"Noise_{pattern}_25519_AESGCM_SHA256")
    shake(*sides)
    initiator, responder = (side.finish() for side in sides)
    assert initiator.handshake_hash == responder.handshake_hash
    assert responder.decrypt(initiator.encrypt(b"there")) == b"there"
    if not PATTERNS[pattern].is_one_way:
        assert initiator.decrypt(responder.encrypt(b"back")) == b"back"


def test_each_side_learns_the_others_static_key() -> None:
    sides = pair(XX)
    shake(*sides)
    assert sides[0].finish().remote_static == RESPONDER.public
    assert sides[1].finish().remote_static == INITIATOR.public


def test_randomness_comes_from_the_entropy_that_is_given_and_nowhere_else() -> None:
    assert shake(*pair(XX)) == shake(*pair(XX))


def test_a_responder_with_another_key_cannot_read_ik() -> None:
    initiator, _ = pair(IK)
    stranger = HandshakeState(IK, initiator=False, entropy=entropy_of(3), static=INITIATOR)
    with pytest.raises(DecryptionError):
        stranger.read_message(initiator.write_message())


@pytest.mark.parametrize("name", [XX, IK])
def test_sides_with_different_prologues_do_not_agree(name: str) -> None:
    with pytest.raises(DecryptionError):
        shake(*pair(name, (b"one", b"two")))


@pytest.mark.parametrize("name", [XX, IK])
def test_a_bit_flipped_anywhere_ends_the_handshake(name: str) -> None:
    messages = shake(*pair(name))
    for place, message in enumerate(messages):
        for byte in range(0, len(message), 7):
            broken = bytearray(message)
            broken[byte] ^= 1
            sides = pair(name)
            with pytest.raises(NoiseError):
                play_with(sides, messages, place, bytes(broken))


def play_with(
    sides: tuple[HandshakeState, HandshakeState], messages: list[bytes], place: int, instead: bytes
) -> None:
    """Play with one message replaced; a change to an ephemeral in clear shows in the next message only."""
    for turn in range(len(messages)):
        speaker, listener = sides if turn % 2 == 0 else sides[::-1]
        message = speaker.write_message(b"payload")
        listener.read_message(instead if turn == place else message)
    first, second = sides[0].finish(), sides[1].finish()
    second.decrypt(first.encrypt(b""))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 47, 48, 95])
def test_a_truncated_message_ends_the_handshake(size: int) -> None:
    initiator, responder = pair(IK)
    with pytest.raises(NoiseError):
        responder.read_message(initiator.write_message()[:size])


def test_a_failed_handshake_stays_failed() -> None:
    initiator, responder = pair(XX)
    message = initiator.write_message()
    with pytest.raises(DecryptionError):
        responder.read_message(message[:31])
    with pytest.raises(NoiseStateError):
        responder.read_message(message)
    assert not responder.is_our_turn
    assert not responder.is_finished


def test_a_key_of_small_order_is_refused() -> None:
    _, responder = pair(IK)
    with pytest.raises(InvalidKeyError, match="small order"):
        responder.read_message(bytes(32) + bytes(64))


def test_a_key_of_small_order_is_refused_when_it_is_used_for_writing() -> None:
    _, responder = pair("Noise_NN_25519_AESGCM_SHA256")
    responder.read_message(bytes(32))
    with pytest.raises(InvalidKeyError):
        responder.write_message()
    with pytest.raises(NoiseStateError):
        responder.write_message()


def test_messages_out_of_turn_are_our_own_mistake() -> None:
    initiator, responder = pair(XX)
    with pytest.raises(NoiseStateError, match="turn"):
        responder.write_message()
    with pytest.raises(NoiseStateError, match="turn"):
        initiator.read_message(b"")
    with pytest.raises(NoiseStateError, match="not finished"):
        initiator.finish()


def test_missing_and_superfluous_keys_are_named_at_once() -> None:
    with pytest.raises(NoiseStateError, match="static key of our own"):
        HandshakeState(XX, initiator=True, entropy=os.urandom)
    with pytest.raises(NoiseStateError, match="missing"):
        HandshakeState(IK, initiator=True, entropy=os.urandom, static=INITIATOR)
    with pytest.raises(NoiseStateError, match="not known yet"):
        HandshakeState(XX, initiator=True, entropy=os.urandom, static=INITIATOR, remote_static=bytes(32))
    with pytest.raises(InvalidKeyError):
        HandshakeState(IK, initiator=True, entropy=os.urandom, static=INITIATOR, remote_static=bytes(31))


def test_a_handshake_message_is_limited_to_65_535_bytes() -> None:
    initiator, responder = pair(XX)
    with pytest.raises(NoiseStateError, match="65568 bytes"):
        initiator.write_message(bytes(MAX_FRAME_BYTES + 1))
    with pytest.raises(DecryptionError, match="longer"):
        responder.read_message(bytes(MAX_FRAME_BYTES + 1))


@given(message=st.binary(max_size=300), name=st.sampled_from([XX, IK]))
def test_of_any_first_message_only_noise_errors_come_out(message: bytes, name: str) -> None:
    _, responder = pair(name)
    try:
        responder.read_message(message)
    except (DecryptionError, InvalidKeyError):
        assert not responder.is_finished
