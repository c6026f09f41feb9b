"""The two ends together and alone: handshakes, replays, faults, and what a peer hears of them."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import (
    Ack,
    Alert,
    ClientConnection,
    Confirmed,
    Connected,
    DeviceId,
    Error,
    ErrorCode,
    FrameTooLargeError,
    HandshakeDone,
    HandshakeFailedError,
    Hello,
    KeyPair,
    MalformedError,
    NotAllowedError,
    Pong,
    PreambleError,
    Register,
    Registered,
    RelayConnection,
    RelayHello,
    RemoteProtocolError,
    Seq,
    Stanza,
    State,
    TestCrash,
    UndecryptableError,
    UnknownStanzaError,
    UnsupportedVersionError,
    UserId,
)
from protocol.errors import InvalidKeyError
from protocol.frames import encode_frame
from tests.helpers.connection_pair import (
    DEVICE_KEY,
    RELAY_KEY,
    ConnectionPair,
    byte_by_byte,
    client_connection,
    counting_entropy,
    hear,
    online_pair,
    relay_connection,
    stranger_pair,
    welcome,
    whole,
)

Pieces = Callable[[bytes], Iterable[bytes]]
HELLO = Hello(resume_seq=Seq(42), client_name="roost/0.1")
PIECES = pytest.mark.parametrize("pieces", [whole, byte_by_byte])
PATTERNS = pytest.mark.parametrize("xx", [True, False], ids=["XX", "IK"])


# --- The handshake ---


@PIECES
@PATTERNS
def test_both_ends_learn_who_the_other_is(pieces: Pieces, xx: bool) -> None:
    pair = ConnectionPair(xx=xx, hello=HELLO, pieces=pieces)
    at_relay, at_client = pair.take_events()
    assert at_relay == [
        HandshakeDone(DEVICE_KEY.public, HELLO),
        Confirmed(DEVICE_KEY.public, HELLO, known=True),
    ]
    assert at_client == [Connected(RELAY_KEY.public, RelayHello()), *([] if xx else [Pong()])]
    assert (pair.relay.state, pair.client.state) == (State.ONLINE, State.AWAIT_WELCOME)
    assert pair.relay.handshake_hash == pair.client.handshake_hash is not None


@PATTERNS
def test_an_unknown_key_is_a_stranger(xx: bool) -> None:
    pair = ConnectionPair(xx=xx, known=False)
    at_relay, _ = pair.take_events()
    assert at_relay[-1] == Confirmed(DEVICE_KEY.public, Hello(client_name="test"), known=False)
    assert pair.relay.state is State.STRANGER


def test_a_recorded_first_message_of_ik_confirms_nothing() -> None:
    recorded = client_connection().data_to_send()
    asked: list[bytes] = []

    def knows(key: bytes) -> bool:
        asked.append(key)
        return True

    relay = RelayConnection(RELAY_KEY, counting_entropy(), knows=knows)
    assert relay.receive_data(recorded) == [HandshakeDone(DEVICE_KEY.public, Hello(client_name="test"))]
    assert relay.state is State.UNCONFIRMED
    with pytest.raises(UndecryptableError):
        relay.receive_data(encode_frame(bytes(17)))  # he cannot go on
    assert asked == []  # and has not even cost a look-up


def test_xx_confirms_at_once_since_its_third_message_is_fresh() -> None:
    pair = ConnectionPair(xx=True)
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    assert [type(event) for event in pair.relay.receive_data(pair.client.data_to_send())] == [
        HandshakeDone,
        Confirmed,
    ]


def test_stanzas_right_behind_the_third_message_of_xx_are_heard() -> None:
    pair = ConnectionPair(xx=True)
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    pair.client.send(Ack(Seq(1)))
    assert hear(pair.relay, pair.client.data_to_send())[-1] == Ack(Seq(1))


def confirmed_pair(*, xx: bool, behind: Stanza) -> ConnectionPair:
    """A pair whose relay has just heard the proof of who is there, with a stanza right behind it."""
    pair = ConnectionPair(xx=xx)
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    pair.client.send(behind)
    assert isinstance(pair.relay.receive_data(pair.client.data_to_send())[-1], Confirmed)
    return pair


@PATTERNS
def test_nothing_behind_confirmed_is_read_until_the_program_says_so(xx: bool) -> None:
    pair = confirmed_pair(xx=xx, behind=Ack(Seq(1)))
    assert pair.relay.confirmed == Confirmed(DEVICE_KEY.public, Hello(client_name="test"), known=True)
    pair.client.send(Ack(Seq(2)))
    assert pair.relay.receive_data(pair.client.data_to_send()) == []
    assert pair.relay.proceed() == [Ack(Seq(1)), Ack(Seq(2))]
    assert pair.relay.proceed() == []


@PATTERNS
def test_a_relay_may_refuse_the_device_with_what_it_said_unread(xx: bool) -> None:
    pair = confirmed_pair(xx=xx, behind=Ack(Seq(1)))
    pair.relay.close(ErrorCode.LOGGED_OUT)
    assert pair.relay.proceed() == []
    assert pair.client.receive_data(pair.relay.data_to_send()) == [Error(ErrorCode.LOGGED_OUT)]


def test_a_fault_behind_confirmed_is_raised_by_proceed_and_closes() -> None:
    pair = confirmed_pair(xx=True, behind=Ack(Seq(1)))
    pair.relay.receive_data(encode_frame(bytes(20)))
    with pytest.raises(UndecryptableError) as caught:
        pair.relay.proceed()
    assert caught.value.events == (Ack(Seq(1)),)
    assert pair.relay.state is State.CLOSED


def test_randomness_comes_from_the_entropy_and_nowhere_else() -> None:
    assert client_connection().data_to_send() == client_connection().data_to_send()


def test_a_relay_key_that_is_no_key_is_our_own_mistake() -> None:
    with pytest.raises(InvalidKeyError):
        ClientConnection(DEVICE_KEY, bytes(31), HELLO, counting_entropy())


# --- What the relay tells apart, and what the peer hears ---


def alert(code: ErrorCode) -> bytes:
    return b"\x00\x00\x01" + bytes([code])


def deliver(relay: RelayConnection, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        relay.receive_data(piece)


def refused(data: bytes, error: type[RemoteProtocolError]) -> bytes:
    """Let a relay hear the data whole, byte by byte, and with more behind it; return what it answers."""
    answers = []
    for pieces in (whole(data), byte_by_byte(data), whole(data + b"and more")):
        relay = relay_connection()
        with pytest.raises(error):
            deliver(relay, pieces)
        assert relay.state is State.CLOSED
        assert relay.receive_data(b"anything") == []  # ignored from now on
        answers.append(relay.data_to_send())
        assert relay.data_to_send() == b""
    assert answers == answers[:1] * 3
    return answers[0]


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", bytes(64), b"\xff" * 64]
)
def test_garbage_instead_of_the_preamble_gets_an_alert(data: bytes) -> None:
    assert refused(data, PreambleError) == alert(ErrorCode.MALFORMED)


@pytest.mark.parametrize("preamble", [b"RO\x02\x00", b"RO\x01\x07"])
def test_an_unsupported_version_or_pattern_gets_an_alert(preamble: bytes) -> None:
    assert refused(preamble, UnsupportedVersionError) == alert(ErrorCode.UNSUPPORTED_VERSION)


def test_a_frame_over_the_limit_is_refused_at_its_header() -> None:
    assert refused(b"RO\x01\x01" + b"\x01\x00\x00", FrameTooLargeError) == alert(ErrorCode.FRAME_TOO_LARGE)


def test_a_client_that_expects_another_relay_key_gets_an_alert() -> None:
    other = KeyPair.from_private_bytes(b"\x05" * 32)
    client = ClientConnection(DEVICE_KEY, other.public, HELLO, counting_entropy())
    assert refused(client.data_to_send(), HandshakeFailedError) == alert(ErrorCode.HANDSHAKE_FAILED)


@pytest.mark.parametrize("message", [b"", b"x", bytes(31), bytes(32), bytes(200), b"\x09" * 300])
def test_a_broken_first_message_of_ik_gets_an_alert(message: bytes) -> None:
    data = b"RO\x01\x01" + encode_frame(message)
    assert refused(data, HandshakeFailedError) == alert(ErrorCode.HANDSHAKE_FAILED)


def test_a_changed_preamble_makes_the_handshake_fail() -> None:
    xx = client_connection(xx=True).data_to_send()
    data = b"RO\x01\x01" + xx[4:]  # somebody on the way wants the other pattern
    assert refused(data, HandshakeFailedError) == alert(ErrorCode.HANDSHAKE_FAILED)


def test_a_hello_that_is_none_gets_an_alert_before_the_relay_has_paid_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("protocol.connection.encode_hello", lambda hello: b"\x80")
    assert refused(client_connection().data_to_send(), MalformedError) == alert(ErrorCode.MALFORMED)


def test_the_client_takes_an_alert_as_a_hint_and_closes() -> None:
    client = client_connection()
    assert client.receive_data(alert(ErrorCode.OVERLOADED)) == [Alert(ErrorCode.OVERLOADED)]
    assert client.state is State.CLOSED


def test_a_relay_that_refuses_the_third_message_of_xx_is_understood() -> None:
    client, relay = client_connection(xx=True), relay_connection()
    relay.receive_data(client.data_to_send())
    assert isinstance(client.receive_data(relay.data_to_send())[0], Connected)
    relay.close(ErrorCode.HANDSHAKE_TIMEOUT)
    assert client.receive_data(relay.data_to_send()) == [Alert(ErrorCode.HANDSHAKE_TIMEOUT)]
    assert client.is_closed


def test_once_a_relay_has_spoken_encrypted_nothing_in_clear_is_believed() -> None:
    pair = online_pair()
    with pytest.raises(UndecryptableError):
        pair.client.receive_data(alert(ErrorCode.OVERLOADED))


def test_the_client_does_not_believe_a_relay_with_another_key() -> None:
    liar = RelayConnection(DEVICE_KEY, counting_entropy(), knows=lambda key: True)
    client = ClientConnection(DEVICE_KEY, DEVICE_KEY.public, HELLO, counting_entropy())
    honest = client_connection()
    liar.receive_data(client.data_to_send())
    with pytest.raises(HandshakeFailedError):
        honest.receive_data(liar.data_to_send())
    assert honest.state is State.CLOSED


# --- Frames after the handshake ---


def frames_from_client(count: int) -> tuple[ConnectionPair, list[bytes]]:
    pair = online_pair()
    frames = []
    for seq in range(1, count + 1):
        pair.client.send(Ack(Seq(seq)))
        frames.append(pair.client.data_to_send())
    return pair, frames


def heard_error(pair: ConnectionPair) -> Error:
    """The last word of the relay, as the client decrypts it."""
    last = pair.client.receive_data(pair.relay.data_to_send())[-1]
    assert isinstance(last, Error)
    return last


def test_a_replayed_frame_closes_the_connection() -> None:
    pair, (frame,) = frames_from_client(1)
    assert pair.relay.receive_data(frame) == [Ack(Seq(1))]
    with pytest.raises(UndecryptableError):
        pair.relay.receive_data(frame)
    assert heard_error(pair) == Error(ErrorCode.MALFORMED)
    assert pair.client.state is State.CLOSED


def test_reordered_frames_close_the_connection() -> None:
    pair, (first, second) = frames_from_client(2)
    with pytest.raises(UndecryptableError):
        pair.relay.receive_data(second + first)


def test_a_lost_frame_closes_the_connection() -> None:
    pair, frames = frames_from_client(3)
    with pytest.raises(UndecryptableError) as caught:
        pair.relay.receive_data(frames[0] + frames[2])
    assert caught.value.events == (Ack(Seq(1)),)  # what came before the fault is not lost


def test_a_truncated_frame_is_waited_for() -> None:
    pair, (frame,) = frames_from_client(1)
    assert pair.relay.receive_data(frame[:-1]) == []
    assert pair.relay.receive_data(frame[-1:]) == [Ack(Seq(1))]


@pytest.mark.parametrize("body", [b"", b"\x00", bytes(15), bytes(16), bytes(100)])
def test_a_frame_that_nobody_encrypted_closes_the_connection(body: bytes) -> None:
    pair = online_pair()
    with pytest.raises(UndecryptableError):
        pair.relay.receive_data(encode_frame(body))


def test_every_flipped_bit_of_a_frame_is_noticed() -> None:
    _, (frame,) = frames_from_client(1)
    for place in range(3, len(frame)):
        pair, _ = frames_from_client(1)
        broken = bytearray(frame)
        broken[place] ^= 0x80
        with pytest.raises(UndecryptableError):
            pair.relay.receive_data(bytes(broken))


def say(pair: ConnectionPair, plaintext: bytes) -> None:
    """Let the client say bytes that its own code would never say; the relay hears them."""
    assert pair.client._transport is not None
    frame = encode_frame(pair.client._transport.encrypt(plaintext))
    pair.relay.receive_data(frame)


def test_a_malformed_stanza_is_answered_and_closes() -> None:
    pair = online_pair()
    with pytest.raises(MalformedError):
        say(pair, b"\x82\x02\x60")
    assert heard_error(pair) == Error(ErrorCode.MALFORMED)


def test_an_unknown_stanza_is_answered_with_its_number_and_closes() -> None:
    pair = online_pair()
    with pytest.raises(UnknownStanzaError):
        say(pair, b"\x82\x17\x01")
    assert heard_error(pair) == Error(ErrorCode.UNKNOWN_STANZA, 23)


def test_a_stanza_of_the_other_side_is_not_allowed() -> None:
    pair = online_pair()
    with pytest.raises(NotAllowedError):
        say(pair, b"\x84\x09\x01\x00\x01")  # Deliver
    assert heard_error(pair) == Error(ErrorCode.NOT_ALLOWED_HERE)


def test_an_empty_frame_says_nothing_and_is_fine() -> None:
    pair = online_pair()
    say(pair, b"")
    assert pair.relay.state is State.ONLINE


def test_the_test_stanza_is_unknown_unless_the_relay_has_test_hooks() -> None:
    pair = online_pair()
    pair.client.send(TestCrash("mailbox"))
    with pytest.raises(UnknownStanzaError) as caught:
        pair.run()
    assert caught.value.stanza_type == 44
    pair = ConnectionPair(test_hooks=True)
    pair.run()
    pair.client.send(TestCrash("mailbox"))
    at_relay, _ = pair.take_events()
    assert at_relay[-1] == TestCrash("mailbox")


# --- Strangers ---


def test_registering_makes_a_stranger_an_ordinary_device() -> None:
    pair = stranger_pair()
    key = bytes(32)
    pair.client.send(Register(1, "+4917012345678", "123456", key, 1, key, bytes(64), ()))
    pair.run()
    pair.relay.send(Registered(1, UserId(7), DeviceId(1)))
    pair.run()
    assert (pair.relay.state, pair.client.state) == (State.ONLINE, State.ONLINE)
    pair.relay.send(welcome())
    pair.client.send(Ack(Seq(1)))
    at_relay, at_client = pair.take_events()
    assert at_relay[-1] == Ack(Seq(1))
    assert at_client[-1] == welcome()


def test_a_stranger_who_acts_like_a_user_is_stopped() -> None:
    pair = ConnectionPair(known=False)
    pair.run()
    pair.client.send(Ack(Seq(1)))  # the client may think so until the Welcome
    with pytest.raises(NotAllowedError):
        pair.run()


# --- Closing ---


def test_before_the_handshake_a_relay_refuses_in_clear() -> None:
    relay = relay_connection()
    relay.close(ErrorCode.HANDSHAKE_TIMEOUT)
    assert relay.data_to_send() == alert(ErrorCode.HANDSHAKE_TIMEOUT)
    assert relay.state is State.CLOSED


def test_afterwards_it_says_why_encrypted() -> None:
    pair = online_pair()
    pair.relay.close(ErrorCode.REPLACED)
    pair.run()
    assert pair.at_client == [Error(ErrorCode.REPLACED)]
    assert pair.client.state is State.CLOSED
    assert pair.client.data_to_send() == b""


def test_a_client_closes_without_a_word_before_the_handshake_is_done() -> None:
    client = client_connection()
    client.data_to_send()
    client.close(ErrorCode.HANDSHAKE_TIMEOUT)
    assert client.data_to_send() == b""


def test_closing_twice_says_it_once() -> None:
    relay = relay_connection()
    relay.close(ErrorCode.OVERLOADED)
    relay.close(ErrorCode.INTERNAL)
    assert relay.data_to_send() == alert(ErrorCode.OVERLOADED)


# --- Anything at all ---


@given(data=st.lists(st.binary(max_size=80), max_size=4))
def test_of_any_bytes_to_a_fresh_relay_only_documented_errors_come_out(data: list[bytes]) -> None:
    relay = relay_connection()
    try:
        for piece in data:
            relay.receive_data(piece)
    except RemoteProtocolError:
        assert relay.state is State.CLOSED


@given(pattern=st.integers(0, 1), bodies=st.lists(st.binary(max_size=150), max_size=3))
@settings(max_examples=50)
def test_of_any_handshake_messages_only_documented_errors_come_out(pattern: int, bodies: list[bytes]) -> None:
    ends: list[RelayConnection | ClientConnection] = [relay_connection(), client_connection(xx=pattern == 0)]
    for end in ends:
        start = bytes([82, 79, 1, pattern]) if isinstance(end, RelayConnection) else b""
        try:
            end.receive_data(start + b"".join(encode_frame(body) for body in bodies))
        except RemoteProtocolError:
            assert end.state is State.CLOSED


@given(plaintext=st.binary(max_size=120))
@settings(max_examples=50)
def test_of_any_decrypted_bytes_only_documented_errors_come_out(plaintext: bytes) -> None:
    pair = online_pair()
    try:
        say(pair, plaintext)
    except RemoteProtocolError as error:
        code = error.code
    else:
        return
    assert heard_error(pair).code == code
