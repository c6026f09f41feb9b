"""One's own devices in a chat: ``/devices`` shows them, ``/link`` takes a new one in."""

from collections.abc import Callable, Sequence

import trio

from actors.ports import system_entropy
from client.cli.choices import WAIT_SECONDS
from client.cli.rendering import safe_text
from client.devices import OwnDevice
from client.errors import ClientError
from client.phone import Phone


def device_lines(devices: Sequence[OwnDevice]) -> list[str]:
    """The devices of an account, one a line."""
    return [
        f"{device.device:>5}  {safe_text(device.name or '-'):<24} "
        f"{'phone' if device.is_primary else 'companion'}{', this one' if device.is_this else ''}"
        for device in devices
    ]


async def link_in_chat(phone: Phone, invitation: str, notice: Callable[[str], None]) -> None:
    """Take in the device that shows this text or code; what comes of it is said as a notice."""
    if not invitation:
        notice("/link needs the code, or the text, that roost link shows on the other device")
        return
    notice("linking ...")
    try:
        with trio.move_on_after(WAIT_SECONDS):
            await phone.wait_online()  # a chat may have begun a moment ago
        device = await phone.link_device(invitation, system_entropy)
    except ClientError as error:
        notice(f"not linked: {error}")
        return
    notice(f"linked: device {device.device}, {safe_text(device.name or 'without a name')}")
