"""MQTT 3.1.1 as far as a messenger needs it, sans-IO: packets, their bytes, and back."""

from bench.peers.mqtt.decoder import MAX_PACKET_BYTES, PacketDecoder
from bench.peers.mqtt.errors import MalformedPacketError, MqttError, PacketTooLargeError, RefusedError
from bench.peers.mqtt.packets import (
    NUMBER_BYTES,
    ConnAck,
    Connect,
    Disconnect,
    NumberedPublish,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)

__all__ = [
    "MAX_PACKET_BYTES",
    "NUMBER_BYTES",
    "ConnAck",
    "Connect",
    "Disconnect",
    "MalformedPacketError",
    "MqttError",
    "NumberedPublish",
    "Packet",
    "PacketDecoder",
    "PacketTooLargeError",
    "PingReq",
    "PingResp",
    "PubAck",
    "Publish",
    "RefusedError",
    "SubAck",
    "Subscribe",
]
