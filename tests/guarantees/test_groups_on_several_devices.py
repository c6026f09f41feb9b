"""Groups of people with companions, whole phones at a real node: every device of a member is in the group."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client import MessageState, Phone
from client.groups.records import Group, GroupStep, WishState
from client.groups.wishes import Wish, WishInvite, WishJoin, WishRemove
from client.records import EntryKind
from protocol import GroupId, UserId
from protocol.e2e.group_info import GroupInfo
from tests.helpers.companions import link
from tests.helpers.village import PATIENCE_SECONDS, Village, comes_to, open_village

pytestmark = pytest.mark.slow

PEOPLE = {"ann": "+4915112345601", "ben": "+4915112345602", "cleo": "+4915112345603"}


@dataclass
class Club:
    """Ann, Ben and Cleo, and whichever devices of theirs are switched on."""

    village: Village
    stack: AsyncExitStack
    phones: dict[str, Phone]
    group: GroupId

    async def switch_on(self, name: str) -> Phone:
        phone = await self.stack.enter_async_context(self.village.open(name))
        self.phones[name] = phone
        await phone.wait_online()
        return phone

    async def link(self, name: str, primary: str) -> Phone:
        """Add a device of somebody, and switch it on."""
        await link(self.village, name, primary)
        return await self.switch_on(name)

    async def create(self, name: str, *others: str) -> None:
        phone = self.phones[name]
        users = [await phone.find(PEOPLE[other]) for other in others]
        found = [user for user in users if user is not None]
        self.group, row = phone._store.groups.create(found, GroupInfo("Friends"))
        assert await self.outcome(name, row) is WishState.DONE

    async def want(self, name: str, wish: Wish) -> WishState:
        return await self.outcome(name, self.phones[name].groups.want(self.group, wish))

    async def outcome(self, name: str, row: int) -> WishState:
        wishes = self.phones[name]._store.groups.wishes
        await until(lambda: wishes.outcome(row).state is not WishState.DUE)
        return wishes.outcome(row).state

    async def say(self, name: str, text: str) -> str:
        message_id = self.phones[name].send_text(UserId(self.group), text)
        await comes_to(self.phones[name], message_id, MessageState.ACCEPTED)
        return message_id

    def known(self, name: str) -> Group | None:
        return self.phones[name]._store.groups.group(self.group)

    async def is_in(self, name: str) -> None:
        """Wait until a device knows the group, by its name, and whom it consists of."""

        def holds() -> bool:
            group = self.known(name)
            return group is not None and group.is_member and group.name == "Friends"

        await until(holds)

    def lines(self, name: str) -> list[tuple[str | None, bool]]:
        """What was said: each text, and whether it is ours."""
        entries = self.phones[name].history(UserId(self.group))
        kinds = (EntryKind.TEXT, EntryKind.UNDECRYPTABLE)
        return [(entry.text, entry.outgoing) for entry in entries if entry.kind in kinds]

    async def shows(self, name: str, expected: Sequence[tuple[str | None, bool]]) -> None:
        with trio.move_on_after(PATIENCE_SECONDS):
            while self.lines(name) != list(expected):  # noqa: ASYNC110 - as in `until`
                await trio.sleep(0.05)
        assert self.lines(name) == list(expected)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for is data, and has no event
            await trio.sleep(0.05)


@asynccontextmanager
async def open_club(folder: Path) -> AsyncIterator[Club]:
    """Everybody with one phone, and online."""
    async with open_village(folder) as village, AsyncExitStack() as stack:
        club = Club(village, stack, {}, GroupId(1))
        for name, number in PEOPLE.items():
            await village.register(name, number)
            await club.switch_on(name)
        yield club


async def test_a_device_that_is_linked_later_is_in_the_groups_and_has_their_history(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_club(tmp_path) as club:
        await club.create("ann", "ben", "cleo")
        await club.is_in("ben")
        await club.say("ann", "before")
        await club.shows("ben", [("before", False)])
        await club.say("ben", "mine")
        await club.shows("ann", [("before", True), ("mine", False)])
        await trio.sleep(5)
        await club.link("pad", "ben")
        await club.is_in("pad")
        group, primarys = club.known("pad"), club.known("ben")
        assert group is not None
        assert primarys is not None
        assert [(each.person.user, each.is_admin) for each in group.members] == [
            (each.person.user, each.is_admin) for each in primarys.members
        ]
        await club.shows("pad", [("before", False), ("mine", True)])
        assert [e for e in club.phones["pad"].history() if e.kind is EntryKind.GROUP] == []
        await club.say("ann", "to both devices")
        expected = [("before", False), ("mine", True), ("to both devices", False)]
        await club.shows("ben", expected)
        await club.shows("pad", expected)
        await club.say("ben", "from the phone")
        await club.say("pad", "from the pad")
        expected += [("from the phone", True), ("from the pad", True)]
        await club.shows("ben", expected)
        await club.shows("pad", expected)
        await club.shows("cleo", [(text, False) for text, _ in expected])
        for other in ("ann", "cleo"):
            kinds = [entry.kind for entry in club.phones[other].history()]
            assert EntryKind.SECURITY_CODE_CHANGED not in kinds


async def test_a_group_that_one_device_makes_is_on_the_others_and_either_may_change_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_club(tmp_path) as club:
        await club.link("pad", "ben")
        await club.create("pad", "ann", "cleo")
        for name in ("pad", "ben", "ann", "cleo"):
            await club.is_in(name)
        await club.say("ben", "from the phone")
        await club.shows("pad", [("from the phone", True)])
        await club.say("pad", "from the pad")
        for own in ("ben", "pad"):
            await club.shows(own, [("from the phone", True), ("from the pad", True)])
        for other in ("ann", "cleo"):
            await club.shows(other, [("from the phone", False), ("from the pad", False)])
        cleo = club.phones["cleo"].account.user
        assert await club.want("pad", WishRemove((cleo,))) is WishState.DONE
        await until(lambda: len(getattr(club.known("ben"), "members", ())) == 2)
        await until(lambda: not getattr(club.known("cleo"), "is_member", True))

        def steps() -> list[GroupStep]:
            entries = club.phones["ann"].history(UserId(club.group))
            return [entry.change.step for entry in entries if entry.change is not None]

        await until(lambda: GroupStep.REMOVED in steps())
        assert steps() == [GroupStep.CREATED, GroupStep.REMOVED]


async def test_joining_by_link_on_one_device_joins_with_all(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_club(tmp_path) as club:
        await club.create("ann", "cleo")
        await club.link("pad", "ben")
        assert await club.want("ann", WishInvite(b"i" * 32)) is WishState.DONE
        invitation = club.phones["ann"]._store.groups.link(club.group)
        assert invitation is not None
        wish = WishJoin(invitation.invite.seed, invitation.info_key)
        assert await club.want("pad", wish) is WishState.DONE
        await club.is_in("ben")
        await club.say("ann", "welcome, both of you")
        for own in ("ben", "pad"):
            await club.shows(own, [("welcome, both of you", False)])


async def test_two_companions_hear_each_other_though_one_has_come_later(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_club(tmp_path) as club:
        await club.create("ann", "ben")
        await club.link("pad", "ben")
        await club.is_in("pad")
        await club.say("pad", "one")
        await club.link("watch", "ben")
        await club.is_in("watch")
        await club.say("pad", "two")
        await club.say("watch", "three")
        await until(lambda: len(club.lines("watch")) == 3 and (None, False) not in club.lines("watch"))
        assert sorted(club.lines("watch"), key=str) == [("one", True), ("three", True), ("two", True)]
        await club.shows("ann", [("one", False), ("two", False), ("three", False)])
        await club.shows("pad", [("one", True), ("two", True), ("three", True)])


async def test_a_removed_companion_is_given_no_keys_any_more(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_club(tmp_path) as club:
        await club.create("ann", "ben", "cleo")
        pad = await club.link("pad", "ben")
        await club.is_in("pad")
        for name in ("ann", "pad", "ben"):
            await club.say(name, f"{name} to all")
        await until(lambda: len(club.lines("pad")) == 3 and (None, False) not in club.lines("pad"))
        before = {name: own_key(club.phones[name], club.group) for name in ("ann", "ben")}
        await club.phones["ben"].remove_device(pad.account.device)
        # Ann hears of it as she writes to Ben: the relay shows her the new list.
        await comes_to(
            club.phones["ann"],
            club.phones["ann"].send_text(PEOPLE["ben"], "just you"),
            MessageState.DELIVERED,
        )
        for name in ("ann", "ben"):
            await club.say(name, f"{name} without the pad")
            assert own_key(club.phones[name], club.group) != before[name]
        await until(lambda: ("ben without the pad", False) in club.lines("cleo"))
        assert [text for text, _ in club.lines("pad") if text and "without" in text] == []


def own_key(phone: Phone, group: GroupId) -> int:
    key: int = phone._store._database.value("SELECT key_id FROM group_own_keys WHERE group_id = ?", group)
    return key
