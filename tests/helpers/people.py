"""What a test says to change an account's settings, in a line."""

from protocol import ChangeSettings, Privacy, Settings, StoreProfile, UserId
from protocol.stanzas import ProfileStored
from tests.helpers.device import Device


def change(
    privacy: Privacy | None = None,
    *,
    block: tuple[UserId, ...] = (),
    unblock: tuple[UserId, ...] = (),
    add_contacts: tuple[UserId, ...] = (),
    remove_contacts: tuple[UserId, ...] = (),
    request: int = 1,
) -> ChangeSettings:
    """A change of these things and no others."""
    return ChangeSettings(request, privacy, block, unblock, add_contacts, remove_contacts)


async def settle(device: Device, changing: ChangeSettings) -> Settings:
    """Have it changed; how things stand then."""
    device.say(changing)
    return await device.expect(Settings)


async def store_profile(device: Device, version: int, *pieces: bytes) -> None:
    """Store a profile as a phone does: the picture first, piece 0 last."""
    for number, data in [*enumerate(pieces[1:], start=1), *enumerate(pieces[:1])]:
        device.say(StoreProfile(1, version, number, data))
        await device.expect(ProfileStored)
