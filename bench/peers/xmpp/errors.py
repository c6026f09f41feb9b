"""What an XMPP server may do that ends a connection of the load.

XmppError
├── StreamError    the stream itself has failed, or was none
└── RefusedError   the server does not let us do something
"""

from bench.errors import WireError


class XmppError(WireError):
    """An XMPP server refuses us, or speaks otherwise than it should."""


class StreamError(XmppError):
    """What came is no XMPP stream, or a stream that the server has ended."""


class RefusedError(XmppError):
    """A stanza or a login was answered with an error."""
