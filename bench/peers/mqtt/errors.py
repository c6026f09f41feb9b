"""What can be wrong with the bytes of an MQTT peer.

MqttError (a WireError of the bench)
├── MalformedPacketError   they are no packet, or none that this codec knows
├── PacketTooLargeError    a packet announces more bytes than we take
└── RefusedError           the broker does not want this client, or not let it have its topics
"""

from bench.errors import WireError


class MqttError(WireError):
    """The connection is of no use any more."""


class MalformedPacketError(MqttError):
    """The peer sent bytes that are no packet; the text says what is wrong with them."""


class PacketTooLargeError(MqttError):
    """The peer announced a packet that is larger than we take.

    Attributes:
        size: the bytes after its fixed header.
        limit: how many we take.
    """

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"a packet of {size} bytes, and {limit} is the limit")


class RefusedError(MqttError):
    """The broker has refused something.

    Attributes:
        what: what for.
        code: why, as the standard numbers it.
    """

    def __init__(self, what: str, code: int) -> None:
        self.what = what
        self.code = code
        super().__init__(f"the broker refused {what} (0x{code:02x})")
