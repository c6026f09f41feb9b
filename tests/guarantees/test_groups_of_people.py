"""Four people and a group at a real node: what the phones promise each other, whatever the relay says."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client import MessageState, Phone
from client.errors import GroupError
from client.groups.records import Standing, WishState
from client.groups.wishes import (
    Wish,
    WishAdd,
    WishInvite,
    WishJoin,
    WishLeave,
    WishRemove,
    WishSettings,
)
from client.records import HistoryEntry, IncomingDelivery
from client.store import Store
from protocol import Deliver, DeviceAddress, GroupId, MemberAddress, UserId
from protocol.e2e.group_info import GroupInfo
from protocol.ids import Seq
from protocol.membership import Settings
from tests.helpers.lying_relay import Liar, liar_at_the_relay
from tests.helpers.village import PATIENCE_SECONDS, Village, comes_to, open_village

pytestmark = pytest.mark.slow

PEOPLE = {"ann": "+4915112345601", "ben": "+4915112345602", "cleo": "+4915112345603", "dan": "+4915112345604"}


@dataclass
class Club:
    """Ann, Ben and Cleo in a group that Ann has made; Dan beside it."""

    village: Village
    liar: Liar
    phones: dict[str, Phone]
    group: GroupId

    def store(self, name: str) -> Store:
        return self.phones[name]._store

    def user(self, name: str) -> UserId:
        return self.phones[name].account.user

    async def outcome(self, name: str, row: int) -> WishState:
        wishes = self.store(name).groups.wishes
        await until(lambda: wishes.outcome(row).state is not WishState.DUE)
        return wishes.outcome(row).state

    async def want(self, name: str, wish: Wish) -> WishState:
        return await self.outcome(name, self.phones[name].groups.want(self.group, wish))

    async def say(self, name: str, text: str, state: MessageState = MessageState.ACCEPTED) -> str:
        message_id = self.phones[name].send_text(UserId(self.group), text)
        await comes_to(self.phones[name], message_id, state)
        return message_id

    def lines(self, name: str) -> list[HistoryEntry]:
        return self.phones[name].history(UserId(self.group))

    def texts(self, name: str) -> list[str | None]:
        return [line.text for line in self.lines(name) if line.change is None]

    async def hears(self, name: str, text: str) -> None:
        await until(lambda: text in self.texts(name))


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for is data, and has no event
            await trio.sleep(0.05)


@pytest.fixture
async def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Club]:
    """The club, with everybody online. A test names autojump_clock itself: it must, to have it."""
    with liar_at_the_relay(monkeypatch) as liar:
        async with open_village(tmp_path) as village, AsyncExitStack() as stack:
            for name, number in PEOPLE.items():
                await village.register(name, number)
            phones = {name: await stack.enter_async_context(village.open(name)) for name in PEOPLE}
            club = Club(village, liar, phones, GroupId(1))
            for phone in phones.values():
                await phone.wait_online()
            others = [await phones["ann"].find(PEOPLE[name]) for name in ("ben", "cleo")]
            club.group, row = club.store("ann").groups.create(
                [user for user in others if user is not None], GroupInfo("Friends")
            )
            assert await club.outcome("ann", row) is WishState.DONE
            yield club


async def test_d3_and_d5_everybody_hears_the_same_in_the_same_order_and_ticks_wait_for_all(
    club: Club, autojump_clock: MockClock
) -> None:
    for turn in range(3):
        for name in ("ann", "ben", "cleo"):
            last = await club.say(name, f"{name} {turn}")
    await club.hears("ann", "cleo 2")
    await club.hears("ben", "cleo 2")
    assert [t for t in club.texts("ann") if t and "ann" not in t] == [
        f"{name} {turn}" for turn in range(3) for name in ("ben", "cleo")
    ]
    await comes_to(club.phones["cleo"], last, MessageState.DELIVERED)
    club.phones["ann"].mark_seen()
    await club.phones["ann"].flush()
    entry = club.phones["cleo"].entry(last)
    assert entry is not None
    assert entry.state is MessageState.DELIVERED
    club.phones["ben"].mark_seen()
    await comes_to(club.phones["cleo"], last, MessageState.READ)
    ticks = await club.phones["cleo"].groups.ticks(last)
    assert {tick.person.user: tick.has_read for tick in ticks} == {
        club.user("ann"): True,
        club.user("ben"): True,
    }


async def test_who_was_removed_cannot_open_what_is_sent_later_even_if_the_relay_hands_it_over(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say("ann", "with all of you", MessageState.DELIVERED)
    assert await club.want("ann", WishRemove((club.user("cleo"),))) is WishState.DONE
    await until(lambda: club.store("cleo").groups.logs.standing(club.group) is Standing.REMOVED)
    for name in ("ann", "ben"):
        await club.say(name, f"{name} without Cleo", MessageState.DELIVERED)
    sent = [
        each
        for each in club.liar.deliveries_to(club.village.keys["ben"])
        + club.liar.deliveries_to(club.village.keys["ann"])
        if isinstance(each.chat, MemberAddress) and not each.is_entry
    ]
    given = [_as_if_delivered(each, club.store("cleo"), at) for at, each in enumerate(sent, start=1)]
    club.store("cleo").receive_all(given)
    assert "with all of you" in club.texts("cleo")
    assert not [text for text in club.texts("cleo") if text and "without Cleo" in text]


def _as_if_delivered(deliver: Deliver, store: Store, at: int) -> IncomingDelivery:
    assert isinstance(deliver.chat, MemberAddress)
    return IncomingDelivery(
        seq=Seq(store.cursor() + at),
        sender=DeviceAddress(deliver.chat.user, deliver.chat.device),
        number=deliver.number,
        ciphertext=deliver.ciphertext,
        group=deliver.chat.group,
        gseq=deliver.gseq,
    )


async def test_joining_by_link_and_with_an_admins_yes(club: Club, autojump_clock: MockClock) -> None:
    assert await club.want("ann", WishInvite(b"i" * 32)) is WishState.DONE
    link = club.store("ann").groups.link(club.group)
    assert link is not None
    wish = WishJoin(link.invite.seed, link.info_key)
    assert await club.want("dan", wish) is WishState.DONE
    await club.say("dan", "here I am")
    await club.hears("ben", "here I am")
    assert await club.want("dan", WishLeave()) is WishState.DONE
    assert await club.want("ann", WishSettings(Settings.ADMINS_APPROVE, Settings(0))) is WishState.DONE
    assert await club.want("dan", wish) is WishState.ASKED
    (asking,) = await club.phones["ann"].groups.asking(club.group)
    assert (asking.person.user, asking.has_link) == (club.user("dan"), True)
    await club.phones["ann"].find(PEOPLE["dan"])
    assert await club.want("ann", WishAdd((club.user("dan"),))) is WishState.DONE
    await until(lambda: club.store("dan").groups.logs.standing(club.group) is Standing.MEMBER)


async def test_only_admins_send_and_who_has_left_hears_no_more(club: Club, autojump_clock: MockClock) -> None:
    assert await club.want("ann", WishSettings(Settings.ADMINS_SEND, Settings(0))) is WishState.DONE
    await until(lambda: club.store("ben").groups.logs.next_index(club.group) >= 2)
    with pytest.raises(GroupError) as caught:
        club.phones["ben"].send_text(UserId(club.group), "may I?")
    assert caught.value.name == "not-allowed"
    assert await club.want("cleo", WishLeave()) is WishState.DONE
    await club.say("ann", "only us", MessageState.DELIVERED)
    await club.hears("ben", "only us")
    assert "only us" not in club.texts("cleo")


async def test_a_newcomer_reads_what_follows_in_order(club: Club, autojump_clock: MockClock) -> None:
    await club.phones["ann"].find(PEOPLE["dan"])
    assert await club.want("ann", WishAdd((club.user("dan"),))) is WishState.DONE
    for number in range(5):
        await club.say("ben", f"message {number}")
    await club.hears("dan", "message 4")
    assert club.texts("dan") == [f"message {number}" for number in range(5)]
