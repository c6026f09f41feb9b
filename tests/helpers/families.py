"""Device lists for tests of the relay, which looks at everything in them but the signature."""

from protocol import DeviceId, DeviceList, ListedDevice, SignedDeviceList, UserId

SIGNATURE = b"g" * 64
PRIMARY_KEY = b"i" * 32
"""The identity key that `RunningNode.add_user` and `stage.registration` give to a device."""


def signed_list(user: UserId, number: int, *devices: tuple[int, bytes]) -> SignedDeviceList:
    """A list of these devices, the primary first."""
    listed = tuple(ListedDevice(DeviceId(device), key) for device, key in devices)
    return SignedDeviceList(DeviceList(user, number, 0, listed).encode(), SIGNATURE)


def key_of(letter: str) -> bytes:
    """An identity key."""
    return letter.encode() * 32
