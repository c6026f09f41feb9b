"""Several devices of one person, whole phones at a real node: D2 to D5 and D8, for each of the devices."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client import MessageState, Phone
from client.records import EntryKind
from relay.mailbox_handle import MailboxHandle, name_of
from tests.helpers.companions import link
from tests.helpers.village import PATIENCE_SECONDS, Village, comes_to, open_village

ANN, BEN = "+491713920001", "+491713920002"


@pytest.fixture
async def village(autojump_clock: MockClock, tmp_path: Path) -> AsyncIterator[Village]:
    """Ann has a phone, Ben has a phone and a pad."""
    async with open_village(tmp_path) as village:
        await village.register("ann", ANN)
        await village.register("ben", BEN)
        await link(village, "pad", "ben")
        yield village


def lines(phone: Phone) -> list[tuple[str | None, bool]]:
    """What stands in a history: each text, and whether it is ours."""
    return [(entry.text, entry.outgoing) for entry in phone.history() if entry.kind is EntryKind.TEXT]


async def until(phone: Phone, holds: Callable[[], bool]) -> None:
    """Wait until something holds, which can only come true with news on this phone."""
    with phone.events.subscribe() as events, trio.move_on_after(PATIENCE_SECONDS):
        while not holds():
            await events.next()


async def shows(phone: Phone, expected: list[tuple[str | None, bool]]) -> None:
    """Wait until a phone's history is this."""
    await until(phone, lambda: lines(phone) == expected)
    assert lines(phone) == expected


async def shows_each_once(phone: Phone, count: int) -> list[str | None]:
    """Wait until a phone's history is so long, and see that nothing is in it twice."""
    await until(phone, lambda: len(lines(phone)) >= count)
    shown = [text for text, _ in lines(phone)]
    assert len(shown) == len(dict.fromkeys(shown)) == count
    return shown


async def says(phone: Phone, to: str, text: str) -> None:
    await comes_to(phone, phone.send_text(to, text), MessageState.DELIVERED)


async def test_both_devices_get_and_show_the_same_conversation(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben, village.open("pad") as pad:
        await says(ann, BEN, "hello")
        # The first copies wait until the two have each other's keys; an answer could be there before.
        await says(ben, ANN, "from the phone")
        await shows(pad, [("hello", False), ("from the phone", True)])
        await says(pad, ANN, "from the pad")
        await until(ben, lambda: len(lines(ben)) == 3)
        await says(ann, BEN, "to both")
        await shows(
            ann, [("hello", True), ("from the phone", False), ("from the pad", False), ("to both", True)]
        )
        for device in (ben, pad):
            await shows(
                device,
                [("hello", False), ("from the phone", True), ("from the pad", True), ("to both", False)],
            )
        kinds = [entry.kind for entry in ann.history()]
        assert EntryKind.SECURITY_CODE_CHANGED not in kinds


@pytest.mark.slow
async def test_many_messages_both_ways_come_in_order_and_once(
    autojump_clock: MockClock, village: Village
) -> None:
    count = 40
    async with village.open("ann") as ann, village.open("ben") as ben, village.open("pad") as pad:
        await says(ann, BEN, "hello")
        sent = [
            phone.send_text(to, f"{name} {number}")
            for number in range(count)
            for name, phone, to in (("ann", ann, BEN), ("ben", ben, ANN), ("pad", pad, ANN))
        ]
        for place, message_id in enumerate(sent):
            await comes_to((ann, ben, pad)[place % 3], message_id, MessageState.DELIVERED)
        for phone in (ann, ben, pad):
            shown = await shows_each_once(phone, 3 * count + 1)
            for name in ("ann", "ben", "pad"):
                own = [text for text in shown if text is not None and text.startswith(f"{name} ")]
                assert own == [f"{name} {number}" for number in range(count)]


async def test_a_device_that_was_off_finds_all_of_it_in_order_and_what_was_seen(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben:
        for number in range(30):
            await says(ann, BEN, f"question {number}")
            await says(ben, ANN, f"answer {number}")
        ben.mark_seen()
        await ben.flush(5)
    await trio.sleep(3_600)
    async with village.open("ann") as ann, village.open("ben") as ben:
        await says(ann, BEN, "and now?")
    async with village.open("pad") as pad:
        expected: list[tuple[str | None, bool]] = [
            line
            for number in range(30)
            for line in ((f"question {number}", False), (f"answer {number}", True))
        ]
        await shows(pad, [*expected, ("and now?", False)])
        assert [entry.text for entry in pad.unread()] == ["and now?"]


async def test_seen_on_one_is_seen_on_the_other_and_told_once(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben, village.open("pad") as pad:
        message = ann.send_text(BEN, "hello")
        await shows(pad, [("hello", False)])
        pad.mark_seen()
        await comes_to(ann, message, MessageState.READ)
        await until(ben, lambda: not ben.unread())
        assert not ben.unread()


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_when_mailboxes_die_in_between(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben, village.open("pad") as pad:
        await says(ann, BEN, "hello")
        await says(pad, ANN, "hello from the pad")
        for number in range(10):
            sent = [(ann, ann.send_text(BEN, f"a{number}")), (ben, ben.send_text(ANN, f"b{number}"))]
            sent.append((pad, pad.send_text(ANN, f"p{number}")))
            for phone in (ann, ben):
                ref = village.running.worker.system.whereis(name_of(phone.account.user))
                if ref is not None:
                    MailboxHandle(ref).crash()
            for phone, message_id in sent:
                await comes_to(phone, message_id, MessageState.DELIVERED)
        for phone in (ann, ben, pad):
            await shows_each_once(phone, 32)


@pytest.mark.slow
async def test_the_history_goes_to_a_new_device_and_goes_on_after_interruptions(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben:
        for number in range(20):
            await says(ann, BEN, f"{number} {'x' * 8_000}")
            await says(ben, ANN, f"answer {number}")
    await link(village, "new", "ben")
    async with village.open("ben") as ben, village.open("new") as new:
        with trio.move_on_after(0.3):
            await shows(new, lines(ben))
        unfinished = lines(ben)
    async with village.open("ben"):
        await trio.sleep(5)
    async with village.open("ben") as ben, village.open("new") as new:
        await shows(new, unfinished)
        new.send_text(ANN, "from the new one")
        await shows(ben, [*unfinished, ("from the new one", True)])


async def test_a_device_that_is_added_later_is_found_and_written_to(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ann") as ann, village.open("ben") as ben:
        await says(ann, BEN, "before")
        await link(village, "new", "ben")
        async with village.open("new") as new:
            await says(ann, BEN, "after")
            await shows(new, [("before", False), ("after", False)])
            await says(ben, ANN, "to her, and my other devices")
            to_her = ("to her, and my other devices", True)
            await shows(new, [("before", False), ("after", False), to_her])
