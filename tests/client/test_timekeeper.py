import trio
from trio.testing import MockClock

from client.events import MessagesGone
from client.records import EntryKind, HistoryEntry, MessageState
from client.timekeeper import BEAT_SECONDS
from tests.client.conftest import ANN, BEN, Town


def spoken(entries: list[HistoryEntry]) -> list[str | None]:
    return [entry.text for entry in entries if entry.kind is not EntryKind.RULE]


async def test_an_open_phone_has_messages_disappear_in_time_and_says_so(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        first = ann.send_text(BEN, "hello")
        await ann.wait_for(first, MessageState.DELIVERED)
        user = ann.user_of(BEN)
        assert user is not None
        rule = ann.set_timer(user, 60)
        assert rule is not None
        await ann.wait_for(rule, MessageState.DELIVERED)
        with ben.events.subscribe() as events:
            answer = ben.send_text(ANN, "soon gone")
            await ben.wait_for(answer, MessageState.DELIVERED)
            await trio.sleep(60 - BEAT_SECONDS)
            assert spoken(ann.history()) == spoken(ben.history()) == ["hello", "soon gone"]
            await trio.sleep(2 * BEAT_SECONDS)
            assert spoken(ann.history()) == spoken(ben.history()) == ["hello"]
            while not isinstance(event := await events.next(), MessagesGone):
                pass
            assert event.message_ids == (answer,)


async def test_what_was_due_while_the_phone_was_closed_is_gone_when_it_opens(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "hello"), MessageState.ACCEPTED)
        user = ann.user_of(BEN)
        assert user is not None
        ann.set_timer(user, 60)
        await ann.wait_for(ann.send_text(BEN, "soon gone"), MessageState.ACCEPTED)
    await trio.sleep(61)
    async with town.open(ANN) as ann:
        assert spoken(ann.history()) == ["hello"]
