"""What can be wrong with the bytes of an MQTT peer.

MqttError
├── MalformedPacketError   they are no packet, or none that this codec knows
└── PacketTooLargeError    a packet announces more bytes than we take
"""


class MqttError(Exception):
    """The peer does not speak our MQTT; the connection is of no use any more."""


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
