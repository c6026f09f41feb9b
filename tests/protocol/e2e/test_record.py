"""Records of sessions: which one sends, which can be read, and two devices under loss and disorder."""

import dataclasses

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol.e2e import (
    BadCiphertextError,
    BadStateError,
    DuplicateMessageError,
    IdentityKeyPair,
    MisuseError,
    NoSessionError,
    PrekeyGoneError,
    SessionRecord,
    UntrustedIdentityError,
)
from protocol.e2e.message import PrekeyMessage, decode
from protocol.e2e.record import MAX_SESSIONS
from tests.protocol.e2e.pair import ALICE, BOB, Device, acquainted, seeded_entropy, strangers


def assert_they_can_talk(alice: Device, bob: Device) -> None:
    for _ in range(2):
        assert bob.decrypt(alice.encrypt("to bob")) == "to bob"
        assert alice.decrypt(bob.encrypt("to alice")) == "to alice"


def test_strangers_cannot_write_before_one_has_fetched_a_bundle() -> None:
    alice, _ = strangers()
    assert not alice.record.can_encrypt
    with pytest.raises(NoSessionError):
        alice.encrypt("hello")


def test_a_ratchet_message_without_a_session_is_called_that() -> None:
    alice, bob = acquainted()
    ciphertext = alice.encrypt("hello")
    bob.record = SessionRecord(BOB, ALICE, bob.entropy)
    with pytest.raises(NoSessionError):
        bob.decrypt(ciphertext)


def test_only_the_first_of_several_prekey_messages_makes_a_session() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    ciphertexts = [alice.encrypt(str(n)) for n in range(3)]
    opened = [bob.open(ciphertext) for ciphertext in ciphertexts]
    assert [text for text, _ in opened] == ["0", "1", "2"]
    assert [first is not None for _, first in opened] == [True, False, False]
    assert_they_can_talk(alice, bob)


def test_a_device_proof_travels_until_the_session_is_answered() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    text, first = bob.open(alice.record.encrypt(b"hello", b"proof"))
    assert text == "hello"
    assert first is not None
    assert first.device_proof == b"proof"
    second = decode(alice.record.encrypt(b"again", b"newer proof"))
    assert isinstance(second, PrekeyMessage)
    assert second.device_proof == b"newer proof"
    alice.decrypt(bob.encrypt("hello yourself"))
    assert b"proof" not in alice.record.encrypt(b"running", b"proof")


def test_a_proof_that_cannot_travel_leaves_the_session_as_it_was() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    before = alice.record.serialise()
    with pytest.raises(MisuseError):
        alice.record.encrypt(b"hello", b"")
    assert alice.record.serialise() == before


def test_the_first_prekey_messages_may_arrive_in_any_order() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    ciphertexts = [alice.encrypt(str(n)) for n in range(3)]
    assert [bob.decrypt(ciphertexts[place]) for place in (2, 0, 1)] == ["2", "0", "1"]
    assert_they_can_talk(alice, bob)


def test_a_first_message_that_comes_twice_is_a_duplicate() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    ciphertext = alice.encrypt("hello")
    bob.decrypt(ciphertext)
    with pytest.raises(DuplicateMessageError):
        bob.decrypt(ciphertext)
    assert_they_can_talk(alice, bob)


def test_a_first_message_for_a_used_prekey_is_refused() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    ciphertext = alice.encrypt("hello")
    bob.decrypt(ciphertext)
    bob.record = SessionRecord(BOB, ALICE, bob.entropy)
    with pytest.raises(PrekeyGoneError):
        bob.decrypt(ciphertext)


def test_both_sides_may_begin_at_once_and_read_each_other() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    bob.initiate(alice)
    to_bob, to_alice = alice.encrypt("from alice"), bob.encrypt("from bob")
    assert bob.decrypt(to_bob) == "from alice"
    assert alice.decrypt(to_alice) == "from bob"
    assert_they_can_talk(alice, bob)


def test_after_beginning_at_once_one_answer_is_enough_to_agree_on_a_session() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    bob.initiate(alice)
    to_bob, to_alice = alice.encrypt("from alice"), bob.encrypt("from bob")
    bob.decrypt(to_bob)
    alice.decrypt(to_alice)
    assert alice.record.sending_session != bob.record.sending_session
    bob.decrypt(alice.encrypt("an answer"))
    assert alice.record.sending_session == bob.record.sending_session


def test_messages_that_are_under_way_while_the_session_changes_are_read() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    bob.initiate(alice)
    to_bob = [alice.encrypt(f"alice {n}") for n in range(3)]
    to_alice = [bob.encrypt(f"bob {n}") for n in range(3)]
    bob.decrypt(to_bob[0])
    alice.decrypt(to_alice[0])
    answer = alice.encrypt("answer")
    assert [bob.decrypt(ciphertext) for ciphertext in (*to_bob[1:], answer)] == [
        "alice 1",
        "alice 2",
        "answer",
    ]
    assert [alice.decrypt(ciphertext) for ciphertext in to_alice[1:]] == ["bob 1", "bob 2"]


def test_who_lost_all_sessions_begins_anew_and_both_go_on() -> None:
    alice, bob = acquainted()
    lost = bob.encrypt("to the old state")
    alice.record = SessionRecord(ALICE, BOB, alice.entropy)
    with pytest.raises(NoSessionError):
        alice.decrypt(lost)
    alice.initiate(bob)
    assert bob.decrypt(alice.encrypt("I am back")) == "I am back"
    assert_they_can_talk(alice, bob)


def test_older_sessions_can_be_read_up_to_the_limit() -> None:
    alice, bob = acquainted()
    old = [alice.encrypt("session 0")]
    for number in range(1, MAX_SESSIONS + 1):
        alice.initiate(bob)
        bob.decrypt(alice.encrypt("new session"))
        old.append(alice.encrypt(f"session {number}"))
    for number in range(MAX_SESSIONS, 0, -1):
        assert bob.decrypt(old[number]) == f"session {number}"
    with pytest.raises(BadCiphertextError):
        bob.decrypt(old[0])


def test_another_identity_key_for_a_known_device_is_refused_and_changes_nothing() -> None:
    alice, bob = acquainted()
    impostor = Device(ALICE, BOB, seed=3)
    impostor.initiate(bob)
    before = bob.record.serialise()
    with pytest.raises(UntrustedIdentityError):
        bob.decrypt(impostor.encrypt("it is me"))
    assert bob.record.serialise() == before
    assert_they_can_talk(alice, bob)


@pytest.mark.parametrize("running", [True, False])
def test_damaged_ciphertexts_change_nothing(running: bool) -> None:
    alice, bob = acquainted()
    if not running:
        alice.initiate(bob)
    ciphertext = alice.encrypt("genuine")
    before = bob.record.serialise()
    for place in range(0, len(ciphertext), 3):
        damaged = bytearray(ciphertext)
        damaged[place] ^= 0x40
        with pytest.raises((BadCiphertextError, PrekeyGoneError, UntrustedIdentityError)):
            bob.decrypt(bytes(damaged))
    assert bob.record.serialise() == before
    assert bob.decrypt(ciphertext) == "genuine"
    assert_they_can_talk(alice, bob)


def test_a_damaged_first_message_uses_up_no_prekey() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    ciphertext = alice.encrypt("hello")
    with pytest.raises(BadCiphertextError):
        bob.decrypt(ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]))
    assert bob.decrypt(ciphertext) == "hello"


def test_a_replayed_opening_with_a_relays_own_inner_message_does_not_open() -> None:
    alice, bob = strangers()
    alice.initiate(bob)
    first = decode(alice.encrypt("hello"))
    assert isinstance(first, PrekeyMessage)
    bob.decrypt(first.encode())
    forged = dataclasses.replace(first, message=dataclasses.replace(first.message, n=7))
    with pytest.raises(BadCiphertextError):
        bob.decrypt(forged.encode())


def test_a_record_of_a_later_version_is_refused() -> None:
    with pytest.raises(BadStateError, match="version 2"):
        SessionRecord.deserialise(bytes.fromhex("820280"), ALICE, BOB, seeded_entropy(1))
    for damaged in (b"", b"\x80", b"\x82\x01\x81\x80", b"\xff"):
        with pytest.raises(BadStateError):
            SessionRecord.deserialise(damaged, ALICE, BOB, seeded_entropy(1))


def test_neither_repr_nor_errors_show_keys_or_plaintext() -> None:
    alice, bob = acquainted()
    ciphertext = alice.encrypt("secret words")
    bob.decrypt(ciphertext)
    with pytest.raises(DuplicateMessageError) as caught:
        bob.decrypt(ciphertext)
    shown = repr(alice.record) + repr(bob.record) + repr(caught.value) + str(caught.value.__cause__)
    assert shown.count("<SessionRecord with") == 2
    assert "secret" not in shown
    assert "ratchet_pub" not in shown, "the package's own exception prints the header"
    assert IdentityKeyPair.__name__ not in shown


class TwoDevices(RuleBasedStateMachine):
    """Both write when they like; the network loses, repeats and reorders; states go through storage.

    Checked: what was written is what is read, at most once; and nothing ever gets stuck for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.devices = strangers()
        self.written = self.begun = 0
        self.under_way: list[tuple[int, str, bytes]] = []  # (to whom, text, ciphertext)
        self.read: dict[str, int] = {}

    @rule(side=st.integers(0, 1))
    def write(self, side: int) -> None:
        writer, reader = self.devices[side], self.devices[1 - side]
        if not writer.record.can_encrypt:
            writer.initiate(reader)
        text = f"message {self.written}"
        self.written += 1
        self.under_way.append((1 - side, text, writer.encrypt(text)))

    @rule(side=st.integers(0, 1))
    @precondition(lambda self: self.begun < MAX_SESSIONS - 2)
    def begin_anew(self, side: int) -> None:
        # Bounded, because more than MAX_SESSIONS forget the oldest one; two are begun by writing.
        self.begun += 1
        self.devices[side].initiate(self.devices[1 - side])

    @rule(data=st.data(), keep=st.booleans())
    @precondition(lambda self: self.under_way)
    def deliver(self, data: st.DataObject, keep: bool) -> None:
        place = data.draw(st.integers(0, len(self.under_way) - 1))
        to, text, ciphertext = self.under_way[place]
        if not keep:
            del self.under_way[place]
        try:
            assert self.devices[to].decrypt(ciphertext) == text
        except (DuplicateMessageError, BadCiphertextError, PrekeyGoneError):
            assert text in self.read, "only what was read before may fail"
        else:
            assert text not in self.read, "nothing is read twice"
            self.read[text] = to

    @rule(data=st.data())
    @precondition(lambda self: self.under_way)
    def lose(self, data: st.DataObject) -> None:
        del self.under_way[data.draw(st.integers(0, len(self.under_way) - 1))]

    @rule(side=st.integers(0, 1))
    def restart(self, side: int) -> None:
        self.devices[side].restart()

    @invariant()
    def records_stay_small(self) -> None:
        for device in self.devices:
            assert len(device.record.serialise()) < 20_000

    def teardown(self) -> None:
        """After everything that happened, a message and its answer still get through."""
        for side in (0, 1):
            if not self.devices[side].record.can_encrypt:
                self.devices[side].initiate(self.devices[1 - side])
        assert_they_can_talk(*self.devices)


TestTwoDevices = TwoDevices.TestCase
TestTwoDevices.settings = settings(
    max_examples=25, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
)
