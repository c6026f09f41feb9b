"""A node with four people, for the tests of groups: several workers in one process, on a simulated network.

Anna and Ben belong to worker 0, Carla and Dora to the last one, where the group lives as well.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.ports import Clock, system_clock
from protocol import (
    Deliver,
)
from protocol.slots import first_user_of, slots_of
from relay.config import Config
from relay.group.groups import Groups
from relay.group.handle import GroupHandle
from relay.journal import RelayJournal
from relay.mailbox_handle import MailboxHandle, name_of
from storage import Environment
from tests.helpers.club import Club
from tests.helpers.device import Device
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.several_workers import Resident, SeveralWorkers, commit_at_once, open_workers
from tests.helpers.sim_network import SimNetwork

with_any_workers = pytest.mark.parametrize("workers", [1, 2])


@dataclass
class Village:
    """A node, four people, and a group of them that exists once `found` was called."""

    node: SeveralWorkers
    club: Club
    anna: Resident
    ben: Resident
    carla: Resident
    dora: Resident

    @property
    def home(self) -> int:
        """The worker at which the group lives."""
        return len(self.node.stores) - 1

    def group(self) -> GroupHandle:
        """The group's actor, which is in memory."""
        handle = Groups(self.node.worker(self.home)).running(self.club.group)
        assert handle is not None
        return handle

    def mailbox_of(self, who: Resident) -> MailboxHandle:
        """Somebody's mailbox, which is in memory."""
        ref = self.node.worker(who.owner).system.whereis(name_of(who.address.user))
        assert ref is not None
        return MailboxHandle(ref)

    async def found(self, *members: Resident) -> list[Device]:
        """Anna begins the group; the members, all connected, have acknowledged that."""
        devices = [await member.connect() for member in members]
        await self.club.append(
            devices[0], self.club.create(members[0].address, [each.address.user for each in members])
        )
        for device in devices:
            device.ack((await device.expect(Deliver)).seq)
        await self.settled()
        return devices

    async def settled(self) -> None:
        """Wait until nothing is on its way any more; ticks wait a moment for others."""
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.1)
        await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def open_village(
    data: Path,
    sim: SimNetwork,
    workers: int,
    *,
    config: Config = TEST_CONFIG,
    clock: Clock = system_clock,
    make_journal: Callable[[Environment], RelayJournal] = commit_at_once,
) -> AsyncIterator[Village]:
    async with open_workers(
        data, sim, workers, config=config, clock=clock, make_journal=make_journal
    ) as node:
        last = workers - 1
        club = Club(first_user_of(slots_of(last, workers)[0]) + 77)
        people = [
            node.add_user(owner, f"+49171392000{place}") for place, owner in enumerate((0, 0, last, last))
        ]
        yield Village(node, club, *people)
