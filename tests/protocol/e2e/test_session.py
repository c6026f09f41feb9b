import dataclasses

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e import BadBundleError, BadCiphertextError, BadStateError, Session, Text
from protocol.e2e import content as contents
from protocol.e2e.message import PrekeyMessage, RatchetMessage, decode
from protocol.ids import DeviceAddress, DeviceId, UserId
from tests.protocol.e2e.pair import ALICE, BOB, Device, seeded_entropy, strangers

HELLO = contents.encode(Text(bytes(8), 30_000_000, "hello"))


def initiate(alice: Device, bob: Device, *, one_time: bool = True) -> Session:
    return Session.initiate(
        alice.identity, ALICE, BOB, bob.bundle(one_time=one_time), alice.entropy, alice.encapsulate
    )


def respond(bob: Device, ciphertext: bytes, peer: DeviceAddress = ALICE) -> tuple[Session, bytes]:
    first = decode(ciphertext)
    assert isinstance(first, PrekeyMessage)
    prekeys = bob.find_prekeys(
        first.signed_prekey_id, first.prekey_id, first.kem.prekey_id if first.kem else None
    )
    return Session.respond(bob.identity, BOB, peer, first, prekeys, bob.entropy)


def inner(ciphertext: bytes) -> RatchetMessage:
    message = decode(ciphertext)
    return message.message if isinstance(message, PrekeyMessage) else message


def running(*, kem: bool = False) -> tuple[Session, Session]:
    alice, bob = strangers(kem=kem)
    ours = initiate(alice, bob)
    theirs, _ = respond(bob, ours.encrypt(b"hello"))
    ours.decrypt(inner(theirs.encrypt(b"hello yourself")))
    return ours, theirs


@pytest.mark.parametrize("kem", [True, False])
@pytest.mark.parametrize("one_time", [True, False])
def test_the_first_message_opens_a_session(one_time: bool, kem: bool) -> None:
    alice, bob = strangers(kem=kem)
    ours = initiate(alice, bob, one_time=one_time)
    theirs, plaintext = respond(bob, ours.encrypt(b"hello"))
    assert plaintext == b"hello"
    assert theirs.name == ours.name


def test_prekey_messages_are_sent_until_an_answer_has_come() -> None:
    alice, bob = strangers()
    ours = initiate(alice, bob)
    theirs, _ = respond(bob, ours.encrypt(b"one"))
    assert isinstance(decode(ours.encrypt(b"two")), PrekeyMessage)
    ours.decrypt(inner(theirs.encrypt(b"answer")))
    assert isinstance(decode(ours.encrypt(b"three")), RatchetMessage)


def test_the_responder_needs_no_prekey_messages() -> None:
    _, theirs = running()
    assert isinstance(decode(theirs.encrypt(b"answer")), RatchetMessage)


@pytest.mark.parametrize("kem", [True, False])
def test_a_hello_in_a_running_session_takes_65_bytes(kem: bool) -> None:
    ours, theirs = running(kem=kem)
    assert len(ours.encrypt(HELLO)) == 65
    assert len(theirs.encrypt(HELLO)) == 65


def test_a_first_hello_takes_at_most_140_bytes_even_with_large_prekey_ids() -> None:
    alice, bob = strangers()
    assert len(initiate(alice, bob).encrypt(HELLO)) == 131
    bundle = bob.bundle()
    assert bundle.prekey is not None
    late = dataclasses.replace(bundle, prekey=dataclasses.replace(bundle.prekey, id=2**32 - 1))
    assert (
        len(
            Session.initiate(alice.identity, ALICE, BOB, late, alice.entropy, alice.encapsulate).encrypt(
                HELLO
            )
        )
        == 135
    )


def test_a_first_hello_of_pqxdh_takes_1220_bytes() -> None:
    alice, bob = strangers(kem=True)
    assert len(initiate(alice, bob).encrypt(HELLO)) == 131 + 1 + 1088


def test_an_unanswered_session_of_pqxdh_opens_after_a_trip_through_its_stored_form() -> None:
    alice, bob = strangers(kem=True)
    ours = Session.deserialise(initiate(alice, bob).serialise(), alice.entropy)
    assert respond(bob, ours.encrypt(b"hello"))[1] == b"hello"


def test_an_answered_session_of_pqxdh_keeps_nothing_of_the_kem_but_a_hash() -> None:
    classic, post_quantum = running(), running(kem=True)
    for before, after in zip(classic, post_quantum, strict=True):
        assert len(after.serialise()) - len(before.serialise()) <= 32 + 2


def test_a_session_stored_before_there_was_pqxdh_goes_on() -> None:
    alice, bob = strangers()
    state = initiate(alice, bob).to_state()
    version_1 = [1, *state[1:3], state[3][:3], *state[4:]]
    old = Session.deserialise(cbor2.dumps(version_1), alice.entropy)
    assert respond(bob, old.encrypt(b"hello"))[1] == b"hello"


def test_a_first_message_whose_kem_ciphertext_was_changed_does_not_open() -> None:
    alice, bob = strangers(kem=True)
    ciphertext = bytearray(initiate(alice, bob).encrypt(b"hello"))
    ciphertext[500] ^= 1
    with pytest.raises(BadCiphertextError):
        respond(bob, bytes(ciphertext))


@pytest.mark.parametrize(
    "claimed", [DeviceAddress(ALICE.user, DeviceId(2)), DeviceAddress(UserId(5), ALICE.device)]
)
def test_a_message_that_is_attributed_to_somebody_else_does_not_open(claimed: DeviceAddress) -> None:
    alice, bob = strangers()
    with pytest.raises(BadCiphertextError):
        respond(bob, initiate(alice, bob).encrypt(b"hello"), peer=claimed)


def test_a_first_message_with_another_identity_key_does_not_open() -> None:
    alice, bob = strangers()
    first = decode(initiate(alice, bob).encrypt(b"hello"))
    assert isinstance(first, PrekeyMessage)
    stolen = dataclasses.replace(first, identity_key=bob.identity.public)
    with pytest.raises(BadCiphertextError):
        respond(bob, stolen.encode())


def test_a_low_order_signed_prekey_begins_no_session_even_if_it_is_signed() -> None:
    alice, bob = strangers()
    weak = dataclasses.replace(bob.signed_prekey, public=bytes(32))
    bundle = dataclasses.replace(bob.bundle(), signed_prekey=weak.signed_by(bob.identity))
    with pytest.raises(BadBundleError):
        Session.initiate(alice.identity, ALICE, BOB, bundle, alice.entropy, alice.encapsulate)


def test_a_session_goes_on_after_each_trip_through_its_stored_form() -> None:
    ours, theirs = running()
    skipped = ours.encrypt(b"skipped")
    for number in range(4):
        ours = Session.deserialise(ours.serialise(), seeded_entropy(number))
        theirs = Session.deserialise(theirs.serialise(), seeded_entropy(number + 50))
        assert theirs.decrypt(inner(ours.encrypt(b"ping"))) == b"ping"
        assert ours.decrypt(inner(theirs.encrypt(b"pong"))) == b"pong"
    assert Session.deserialise(theirs.serialise(), seeded_entropy(9)).decrypt(inner(skipped)) == b"skipped"


def test_an_unanswered_session_is_still_unanswered_from_its_stored_form() -> None:
    alice, bob = strangers()
    ours = Session.deserialise(initiate(alice, bob).serialise(), alice.entropy)
    sealed = ours.encrypt(b"hello")
    assert isinstance(decode(sealed), PrekeyMessage)
    assert respond(bob, sealed)[1] == b"hello"


def test_the_stored_form_is_compact() -> None:
    ours, theirs = running()
    assert len(ours.serialise()) < 400
    assert len(theirs.serialise()) < 400


def test_a_state_of_a_later_version_is_refused() -> None:
    state = running()[0].to_state()
    with pytest.raises(BadStateError, match="version 3"):
        Session.deserialise(cbor2.dumps([3, *state[1:]]), seeded_entropy(1))


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_no_state(data: bytes) -> None:
    with pytest.raises(BadStateError):
        Session.deserialise(data, seeded_entropy(1))


STATE = running()[0].serialise()


@given(st.integers(0, len(STATE) - 1), st.integers(1, 255))
def test_a_damaged_state_raises_nothing_but_bad_state(place: int, difference: int) -> None:
    damaged = bytearray(STATE)
    damaged[place] ^= difference
    try:
        Session.deserialise(bytes(damaged), seeded_entropy(1))
    except BadStateError:
        pass


def test_the_repr_shows_the_name_and_no_state() -> None:
    ours, _ = running()
    assert repr(ours) == f"<Session {ours.name[:4].hex()} running>"
