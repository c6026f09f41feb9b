"""D10: a message that leaves out a device of the recipient, or names one that is gone, is refused."""

from pathlib import Path

import pytest

from protocol import Accepted, DeviceId, ErrorCode, MessageNumber, Part, Refused, Send
from tests.helpers.stage import open_stage


@pytest.mark.parametrize("devices", [(2,), (1, 2), ()])
async def test_parts_for_other_devices_are_refused_with_the_present_list(
    tmp_path: Path, devices: tuple[int, ...]
) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        parts = tuple(Part(DeviceId(device), b"c") for device in devices)
        anna.say(Send(stage.ben.address.user, MessageNumber(1), parts))
        refused = await anna.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.STALE_DEVICES, (1,))


async def test_a_refused_number_is_free_for_the_mended_message(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.say(Send(stage.ben.address.user, MessageNumber(1), (Part(DeviceId(9), b"c"),)))
        await anna.expect(Refused)
        anna.say(Send(stage.ben.address.user, MessageNumber(1), (Part(DeviceId(1), b"c"),)))
        assert (await anna.expect(Accepted)).number == 1


async def test_after_the_recipient_registered_anew_the_old_list_is_stale(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.say(Send(stage.ben.address.user, MessageNumber(1), (Part(DeviceId(1), b"c"),)))
        await anna.expect_accepted(1)
        await stage.register_anew(stage.ben)
        anna.say(Send(stage.ben.address.user, MessageNumber(2), (Part(DeviceId(1), b"c"),)))
        refused = await anna.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.STALE_DEVICES, (2,))
