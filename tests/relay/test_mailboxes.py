"""The directory: one mailbox a user, started when somebody asks for it."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import ErrorCode, UserId
from relay.errors import RefusalError
from relay.mailbox_handle import MailboxHandle
from relay.mailboxes import Mailboxes
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_many_who_ask_at_once_get_the_same_mailbox(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Mailboxes(stage.running.worker)
        found: list[MailboxHandle] = []

        async def ask() -> None:
            found.append(await directory.get(stage.ben.address.user))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
        assert len(found) == 20
        assert all(handle.ref is found[0].ref for handle in found)


async def test_two_directories_do_not_start_two_mailboxes(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        first, second = Mailboxes(stage.running.worker), Mailboxes(stage.running.worker)
        found: list[MailboxHandle] = []

        async def ask(directory: Mailboxes) -> None:
            found.append(await directory.get(stage.ben.address.user))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, first)
            nursery.start_soon(ask, second)
        assert found[0].ref is found[1].ref


async def test_nobody_has_no_mailbox(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Mailboxes(stage.running.worker)
        with pytest.raises(RefusalError) as refusal:
            await directory.get(UserId(4711))
        assert refusal.value.code is ErrorCode.UNKNOWN_USER


async def test_looking_does_not_start_anything(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Mailboxes(stage.running.worker)
        assert directory.running(stage.ben.address.user) is None
        handle = await directory.get(stage.ben.address.user)
        running = directory.running(stage.ben.address.user)
        assert running is not None
        assert running.ref is handle.ref


async def test_a_mailbox_that_crashed_is_found_again(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Mailboxes(stage.running.worker)
        handle = await directory.get(stage.ben.address.user)
        handle.crash()
        await handle.ref.wait_stopped()
        again = await directory.get(stage.ben.address.user)
        assert again.ref is not handle.ref
        assert again.ref.is_alive
