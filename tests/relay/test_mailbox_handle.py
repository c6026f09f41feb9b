"""The handle of a mailbox: tells are dropped when it is dead, asks say so."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from actors import ActorDeadError
from protocol import MessageNumber, Send, UploadPrekeys, UserId
from relay.mailbox_handle import name_of
from relay.mailboxes import Mailboxes
from relay.prekeys import PrekeyCount
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_what_is_told_to_a_dead_mailbox_is_dropped(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        handle = await Mailboxes(stage.running.worker).get(stage.ben.address.user)
        handle.ref.kill()
        await handle.ref.wait_stopped()
        await stage.anna.connect()
        source = stage.outgoing_of(stage.anna)
        waiting = handle.submit(
            stage.anna.address, source, [Send(stage.ben.address.user, MessageNumber(1), b"c")]
        )
        assert waiting is None
        with pytest.raises(ActorDeadError):
            await handle.take_bundles()


async def test_an_upload_of_a_device_that_is_gone_is_not_stored(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        new = await stage.register_anew(stage.ben)
        handle = await Mailboxes(stage.running.worker).get(stage.ben.address.user)
        count = await handle.store_prekeys(stage.ben.address.device, UploadPrekeys(1, None, ()))
        assert count == PrekeyCount(0, 0)
        devices = await handle.take_bundles()
        assert [bundle.device for bundle in devices.bundles] == [new.device]


def test_each_user_has_a_name_of_its_own() -> None:
    assert name_of(UserId(1)) != name_of(UserId(2))
