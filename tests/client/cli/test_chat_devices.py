"""``/devices`` and ``/link`` in a chat."""

from trio.testing import MockClock

from client.cli.chat_devices import device_lines, link_in_chat
from client.devices import OwnDevice
from protocol.ids import DeviceId
from tests.client.conftest import ANN, Town

PHONE = OwnDevice(DeviceId(1), None, is_primary=True, is_this=True, linked_at=None)
KITCHEN = OwnDevice(DeviceId(12), "Kit\x1bchen", is_primary=False, is_this=False, linked_at=5.0)


def test_each_device_has_a_line_and_commands_no_terminal() -> None:
    phone, kitchen = device_lines((PHONE, KITCHEN))
    assert phone.split() == ["1", "-", "phone,", "this", "one"]
    assert kitchen.startswith("   12")
    assert kitchen.endswith("companion")
    assert "\x1b" not in kitchen


async def test_a_link_without_a_code_is_told_what_is_missing(autojump_clock: MockClock, town: Town) -> None:
    said: list[str] = []
    async with town.open(ANN) as ann:
        await link_in_chat(ann, "", said.append)
    assert said == ["/link needs the code, or the text, that roost link shows on the other device"]


async def test_a_link_that_fails_says_why_and_the_chat_goes_on(autojump_clock: MockClock, town: Town) -> None:
    said: list[str] = []
    async with town.open(ANN) as ann:
        await link_in_chat(ann, "hello", said.append)
    assert said[0] == "linking ..."
    assert said[1].startswith("not linked: this is no link code")
