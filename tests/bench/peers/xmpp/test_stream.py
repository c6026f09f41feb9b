"""A stream is cut into the same elements, however the network has cut it."""

import pytest

from bench.peers.xmpp.errors import StreamError
from bench.peers.xmpp.stream import MAX_ELEMENT_BYTES, Element, StreamDecoder, attribute

HEADER = (
    b"<?xml version='1.0'?><stream:stream id='1' from='bench.example' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
FEATURES = (
    b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
    b"</mechanisms></stream:features>"
)
MESSAGE = b"<message from='a@b/c' id='7' type='chat'><body>Y2M=</body><x/></message>"
WORD = b"<a h='3' xmlns='urn:xmpp:sm:3'/>"
PRESENCE = b"<presence from='a@b/c'/>"
END = b"</stream:stream>"
STREAM = HEADER + FEATURES + b" \n" + MESSAGE + WORD + PRESENCE + MESSAGE + END

NAMES = [b"stream:stream", b"stream:features", b"message", b"a", b"presence", b"message", b"/stream:stream"]


def test_a_stream_that_came_at_once_is_cut_into_its_elements() -> None:
    elements = StreamDecoder().receive(STREAM)
    assert [each.name for each in elements] == NAMES
    assert elements[2] == Element(b"message", MESSAGE)
    assert elements[3] == Element(b"a", WORD)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_a_stream_that_came_in_pieces_is_cut_in_the_same_way(size: int) -> None:
    decoder = StreamDecoder()
    elements = [
        element
        for first in range(0, len(STREAM), size)
        for element in decoder.receive(STREAM[first : first + size])
    ]
    assert elements == StreamDecoder().receive(STREAM)


def test_an_element_is_given_when_its_last_byte_has_come_and_not_before() -> None:
    decoder = StreamDecoder()
    assert decoder.receive(MESSAGE[:-1]) == []
    assert decoder.receive(MESSAGE[-1:] + WORD[:5]) == [Element(b"message", MESSAGE)]
    assert decoder.receive(WORD[5:]) == [Element(b"a", WORD)]


def test_an_end_tag_of_a_longer_name_does_not_end_an_element() -> None:
    text = b"<a><about>x</about></a>"
    assert StreamDecoder().receive(text) == [Element(b"a", text)]


def test_attributes_are_those_of_the_outermost_tag_in_either_quotes() -> None:
    element = Element(b"message", b"<message id=\"7\" from='a'><received id='9' to='b'/></message>")
    assert element.attribute(b"id") == b"7"
    assert element.attribute(b"from") == b"a"
    assert element.attribute(b"to") is None
    assert attribute(b"<x wid='1' id='2'/>", b"id") == b"2"


@pytest.mark.parametrize("text", [b"< a/>", b"<>"])
def test_what_is_no_xml_is_refused(text: bytes) -> None:
    with pytest.raises(StreamError, match="without a name"):
        StreamDecoder().receive(text)


def test_an_element_that_never_ends_is_refused() -> None:
    decoder = StreamDecoder()
    decoder.receive(b"<message>")
    with pytest.raises(StreamError, match="more than"):
        decoder.receive(b"x" * MAX_ELEMENT_BYTES)
