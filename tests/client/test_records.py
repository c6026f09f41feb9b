from client.records import MessageState, OutgoingSend, Part, ReceivedMessage
from protocol.e2e import Text, Unknown
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId

SENDER = DeviceAddress(UserId(1), DeviceId(2))


def received(content: Text | Unknown) -> ReceivedMessage:
    return ReceivedMessage(Seq(1), SENDER, MessageNumber(1), "00" * 8, content, None, False)


def test_ticks_are_in_the_order_in_which_they_rise() -> None:
    ticks = [MessageState.PENDING, MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ]
    assert ticks == sorted(ticks)
    assert ticks == list(MessageState)[:4]


def test_states_keep_the_numbers_that_are_stored() -> None:
    assert [int(state) for state in MessageState] == [0, 1, 2, 3, 8, 9, 16, 17]


def test_only_a_text_has_text() -> None:
    assert received(Text(bytes(8), 0, "hello")).text == "hello"
    assert received(Unknown(bytes(8), 0, 9, b"...")).text is None


def test_no_repr_shows_what_was_written_or_sealed() -> None:
    send = OutgoingSend("00" * 8, UserId(1), MessageNumber(1), (Part(DeviceId(1), b"sealed"),))
    assert "secret" not in repr(received(Text(bytes(8), 0, "secret")))
    assert "sealed" not in repr(send)
