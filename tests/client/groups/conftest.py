from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from client.groups.records import WishState
from client.groups.wishes import Wish, WishAdd, WishOutcome
from client.phone import Phone
from client.records import EntryKind, MessageState
from client.store import Store
from protocol.e2e.group_info import GroupInfo
from protocol.ids import GroupId, UserId
from protocol.membership import Settings
from tests.client.conftest import ANN, BEN, Town, _open_town
from tests.helpers.group_desk import DeskGroup
from tests.helpers.scripted_relay import until

CLEO = "+4915112345680"
DAN = "+4915112345681"

NOTHING = Settings(0)


@dataclass
class Club:
    """Four phones at a relay; Ann, Ben and Cleo are in a group that Ann has made, Dan is not."""

    town: Town
    ann: Phone
    ben: Phone
    cleo: Phone
    dan: Phone
    group: GroupId

    @property
    def desk(self) -> DeskGroup:
        """The group as the relay has it."""
        return self.town.relay.groups.groups[self.group]

    async def make(self, name: str, *others: Phone, settings: Settings = NOTHING) -> GroupId:
        users = [other.account.user for other in others]
        for other in others:
            await self.ann.find(other.account.phone)
        group, row = store(self.ann).groups.create(users, GroupInfo(name), settings)
        assert (await outcome(self.ann, row)).state is WishState.DONE
        return group

    async def want(self, phone: Phone, wish: Wish) -> WishOutcome:
        return await outcome(phone, phone.groups.want(self.group, wish))

    async def add(self, *users: Phone) -> None:
        for user in users:
            await self.ann.find(user.account.phone)
        await self.want(self.ann, WishAdd(tuple(user.account.user for user in users)))

    async def say(self, phone: Phone, text: str, state: MessageState = MessageState.ACCEPTED) -> str:
        message_id = phone.send_text(UserId(self.group), text)
        entry = await phone.wait_for(message_id, state)
        assert entry.state is not MessageState.FAILED, entry.error_name
        return message_id

    async def hears(self, phone: Phone, text: str) -> None:
        await until(lambda: text in texts(phone, self.group))

    async def knows(self, phone: Phone, next_index: int) -> None:
        """Wait until a phone has so many entries of the log."""
        await until(lambda: store(phone).groups.logs.next_index(self.group) >= next_index)


def store(phone: Phone) -> Store:
    return phone._store


async def outcome(phone: Phone, row: int) -> WishOutcome:
    wishes = store(phone).groups.wishes
    await until(lambda: wishes.outcome(row).state is not WishState.DUE)
    return wishes.outcome(row)


def texts(phone: Phone, group: GroupId) -> list[str | None]:
    return [entry.text for entry in phone.history(UserId(group)) if entry.kind is not EntryKind.GROUP]


def steps(phone: Phone, group: GroupId) -> Sequence[str]:
    """What the lines about the group say, in a word each."""
    return [e.change.step.name.lower() for e in phone.history(UserId(group)) if e.change is not None]


@pytest.fixture
async def club(tmp_path: Path) -> AsyncIterator[Club]:
    """The club, with everybody online. A test names autojump_clock itself: it must, to have it."""
    async with _open_town(tmp_path) as town, AsyncExitStack() as stack:
        for phone in (ANN, BEN, CLEO, DAN):
            await town.register(phone)
        ann, ben, cleo, dan = [
            await stack.enter_async_context(town.open(phone)) for phone in (ANN, BEN, CLEO, DAN)
        ]
        club = Club(town, ann, ben, cleo, dan, GroupId(0))
        club.group = await club.make("Friends", ben, cleo)
        for other in (ben, cleo):
            await club.knows(other, 1)
            await until(lambda other=other: bool(store(other).groups.all()[0].name))  # type: ignore[misc] # mypy cannot type a default in a lambda
        yield club
