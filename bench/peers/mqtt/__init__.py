"""MQTT 3.1.1 as far as a messenger needs it, sans-IO: packets, their bytes, and back."""

from bench.peers.mqtt.decoder import MAX_PACKET_BYTES, PacketDecoder
from bench.peers.mqtt.errors import MalformedPacketError, MqttError, PacketTooLargeError, RefusedError
from bench.peers.mqtt.packets import (
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PingResp,
    PreparedPublish,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)

__all__ = [
    "MAX_PACKET_BYTES",
    "ConnAck",
    "Connect",
    "Disconnect",
    "MalformedPacketError",
    "MqttError",
    "Packet",
    "PacketDecoder",
    "PacketTooLargeError",
    "PingReq",
    "PingResp",
    "PreparedPublish",
    "PubAck",
    "Publish",
    "RefusedError",
    "SubAck",
    "Subscribe",
]
