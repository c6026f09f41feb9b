"""Cuts an XMPP stream into its top-level elements, by two searches an element and without a parser.

It relies on what servers do when they write XML: `<` and `>` stand only where tags begin and end, and an
element has no child of its own name at the top level of a stream (a message in a message would be a carbon
or an archive, which the load does not ask for). It checks nothing else: the server is measured here.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bench.peers.xmpp.errors import StreamError

MAX_ELEMENT_BYTES: Final = 1_048_576
"""More than that without an end is no stanza that the load has asked for."""

HEADER: Final = b"stream:stream"
END: Final = b"/stream:stream"

_NAME: Final = re.compile(rb"/?[^\s/>]+")
_SLASH: Final = ord("/")


class Element(NamedTuple):
    """One element: a stanza, or a word of the stream itself."""

    name: bytes
    """Of its tag; `stream:stream` for the stream's header, `/stream:stream` for its end."""
    text: bytes
    """All of it, from `<` to `>`."""

    def attribute(self, name: bytes) -> bytes | None:
        """An attribute of the outermost tag, as it is written; None if it has none of that name."""
        return attribute(self.text, name)


def attribute(tag: bytes, name: bytes) -> bytes | None:
    """An attribute of the first tag of some XML, as it is written; None if it has none of that name."""
    end = tag.find(b">")
    for quote in (b"'", b'"'):
        at = tag.find(b" " + name + b"=" + quote, 0, end)
        if at >= 0:
            first = at + len(name) + 3
            return tag[first : tag.index(quote, first)]
    return None


class StreamDecoder:
    """Bytes in, elements out."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def receive(self, data: bytes) -> list[Element]:
        """Add what the network has brought, and take all elements that are whole.

        Raises:
            StreamError: this is no XML, or an element that never ends.
        """
        buffer = self._buffer + data if self._buffer else data
        found: list[Element] = []
        at = 0
        while (first := buffer.find(b"<", at)) >= 0 and (close := buffer.find(b">", first)) >= 0:
            match = _NAME.match(buffer, first + 1)
            if match is None:
                raise StreamError("a tag without a name")
            name = match[0]
            end = close + 1
            # Declarations, headers and empty elements have no end tag of their own.
            if buffer[close - 1] != _SLASH and name[:1] not in b"?/" and name != HEADER:
                end_tag = b"</" + name + b">"
                last = buffer.find(end_tag, end)
                if last < 0:
                    break
                end = last + len(end_tag)
            at = end
            if name[:1] != b"?":
                found.append(Element(name, buffer[first:end]))
        self._buffer = buffer[first:] if first >= 0 else b""
        if len(self._buffer) > MAX_ELEMENT_BYTES:
            raise StreamError(f"an element of more than {MAX_ELEMENT_BYTES} bytes")
        return found
