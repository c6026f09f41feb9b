"""What a relay achieves by lying about messages: what was said, by whom, when, and who has it.

docs/security.md, "What a hostile relay can do", has a line for each of these tests; those whose names say
`achieves` are the lies that nobody finds, with what they come to.
"""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from client import MessageState
from client.errors import CodeChangedError
from client.records import EntryKind
from protocol import Accepted, Deliver, Delivered, MessageNumber, Seq, Stanza
from tests.helpers.scene import ANN, BEN, CLEO, Scene, about_the_first, nothing_of, until
from tests.helpers.village import comes_to, texts

pytestmark = pytest.mark.slow  # whole phones, and time that passes

LIFE_SECONDS = 60


async def test_a_message_that_was_changed_is_not_shown_and_is_asked_for_again(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")

    def change(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [replace(stanza, ciphertext=stanza.ciphertext[:-1] + bytes([stanza.ciphertext[-1] ^ 1]))]

    scene.lie_to("ben", about_the_first(Deliver, change))
    ben = scene.phones["ben"]
    await scene.says("ann", BEN, "transfer 10")
    assert [entry.kind for entry in ben.history()] == [EntryKind.TEXT, EntryKind.UNDECRYPTABLE]
    await trio.sleep(60)
    assert texts(ben) == ["before", "transfer 10"]


async def test_a_message_that_is_told_twice_is_shown_once(autojump_clock: MockClock, scene: Scene) -> None:
    def repeat(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [stanza, replace(stanza, seq=Seq(stanza.seq + 1), number=MessageNumber(stanza.number + 1))]

    scene.lie_to("ben", about_the_first(Deliver, repeat))
    await scene.says("ann", BEN, "once")
    await trio.sleep(60)
    assert texts(scene.phones["ben"]) == ["once"]


async def test_a_message_is_never_taken_for_somebody_elses(autojump_clock: MockClock, scene: Scene) -> None:
    for writer in ("ann", "cleo"):
        await scene.says(writer, BEN, f"I am {writer}")

    def attribute_to_cleo(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [replace(stanza, chat=scene.address("cleo"))]

    scene.lie_to("ben", about_the_first(Deliver, attribute_to_cleo))
    scene.phones["ann"].send_text(BEN, "I hate you")
    await trio.sleep(60)
    from_cleo = [entry for entry in scene.phones["ben"].history(CLEO) if not entry.outgoing]
    assert [entry.text for entry in from_cleo if entry.kind is EntryKind.TEXT] == ["I am cleo"]


async def test_a_relay_that_holds_a_message_back_achieves_another_order(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    held: list[Deliver] = []

    def swap(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Deliver):
            return [stanza]
        if not held:
            held.append(stanza)
            return []
        first = held.pop()
        scene.liar.be_honest()
        return [
            replace(stanza, seq=first.seq, number=first.number),
            replace(first, seq=stanza.seq, number=stanza.number),
        ]

    scene.lie_to("ben", swap)
    for text in ("one", "two"):
        scene.phones["ann"].send_text(BEN, text)
    await trio.sleep(60)
    assert texts(scene.phones["ben"]) == ["before", "two", "one"]


async def test_false_ticks_achieve_that_a_sender_believes_them(
    autojump_clock: MockClock, scene: Scene
) -> None:
    ann = scene.phones["ann"]

    def invent(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Accepted)
        return [stanza, Delivered(stanza.chat, stanza.number)]

    scene.lie_to("ben", lambda stanza: [] if isinstance(stanza, Deliver) else [stanza])
    scene.lie_to("ann", about_the_first(Accepted, invent))
    message = ann.send_text(BEN, "never arrives")
    await comes_to(ann, message, MessageState.DELIVERED)
    assert texts(scene.phones["ben"]) == []


async def test_a_message_of_long_ago_is_not_shown_again(autojump_clock: MockClock, scene: Scene) -> None:
    await scene.says("ann", BEN, "yes, do it")
    (first,) = scene.liar.deliveries_to(scene.village.keys["ben"])
    for number in range(5):  # the chains of both have moved on
        await scene.says("ben", ANN, f"shall I? {number}")
        await scene.says("ann", BEN, f"no, {number}")
    scene.instead_of_the_next_delivery("ben", lambda told: replace(first, seq=told.seq, number=told.number))
    scene.queue("ann", BEN, "and that was that")
    await trio.sleep(60)
    # What it was given instead of has not come, and is asked for.
    assert texts(scene.phones["ben"])[-2:] == ["no, 4", "and that was that"]
    assert texts(scene.phones["ben"]).count("yes, do it") == 1


async def test_dropping_a_message_achieves_that_it_has_one_tick_for_ever(
    autojump_clock: MockClock, scene: Scene
) -> None:
    scene.lie_to("ben", nothing_of(Deliver))
    message = scene.queue("ann", BEN, "never arrives")
    await trio.sleep(300)
    entry = scene.phones["ann"].entry(message)
    assert entry is not None
    assert entry.state is MessageState.ACCEPTED
    assert texts(scene.phones["ben"]) == []


async def test_a_disappearing_message_that_is_told_too_late_is_not_shown(
    autojump_clock: MockClock, scene: Scene
) -> None:
    held = await held_for_longer_than_it_lives(scene)
    accepted_at = int(scene.village.clock.now()) - 2 * LIFE_SECONDS
    told = replace(held, accepted_at=accepted_at)
    scene.instead_of_the_next_delivery("ben", lambda other: replace(told, seq=other.seq))
    await scene.says("cleo", BEN, "taken away")
    await trio.sleep(60)
    assert "secret" not in texts(scene.phones["ben"])


async def test_a_disappearing_message_told_late_as_if_it_were_new_achieves_one_more_life_from_then_on(
    autojump_clock: MockClock, scene: Scene
) -> None:
    held = await held_for_longer_than_it_lives(scene)
    scene.instead_of_the_next_delivery("ben", lambda other: replace(held, seq=other.seq))
    await scene.says("cleo", BEN, "taken away")
    await until(lambda: "secret" in texts(scene.phones["ben"]))
    await trio.sleep(LIFE_SECONDS + 2)
    assert "secret" not in texts(scene.phones["ben"])
    assert "secret" not in [entry.text for entry in scene.phones["ann"].history()]


async def held_for_longer_than_it_lives(scene: Scene) -> Deliver:
    """Of a chat in which messages live for a minute; what the relay has kept back of it."""
    ann, user = scene.phones["ann"], scene.accounts["ben"].user
    await scene.says("ann", BEN, "hello")
    ann.set_timer(user, LIFE_SECONDS)
    await trio.sleep(10)
    held: list[Deliver] = []

    def hold(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        held.append(stanza)
        return []

    scene.lie_to("ben", about_the_first(Deliver, hold))
    scene.queue("ann", BEN, "secret")
    await trio.sleep(2 * LIFE_SECONDS)
    (message,) = held
    return message


# --- Whose words they are ---


async def test_a_false_number_achieves_that_somebody_is_shown_under_it_until_codes_are_compared(
    autojump_clock: MockClock, scene: Scene
) -> None:
    scene.liar.numbers[scene.village.keys["ben"]] = lambda _: CLEO
    await scene.says("ann", BEN, "this is Cleo")
    (entry,) = scene.phones["ben"].history()
    assert entry.phone == CLEO
    with scene.store("cleo") as cleo, scene.store("ben") as ben:
        assert cleo.account() is not None
        assert ben.safety_number(scene.accounts["cleo"].user) is None
    assert scene.code_of("ben", "ann") == scene.code_of("ann", "ben")


async def test_a_known_number_that_is_said_to_be_somebody_elses_shows_as_a_changed_security_code(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("cleo", BEN, "I am Cleo")
    scene.liar.numbers[scene.village.keys["ben"]] = lambda _: CLEO
    await scene.says("ann", BEN, "I am Cleo, too")
    kinds = [entry.kind for entry in scene.phones["ben"].history(CLEO)]
    assert EntryKind.SECURITY_CODE_CHANGED in kinds


async def test_a_number_whose_code_was_compared_and_that_is_said_to_be_somebody_elses_is_sent_nothing(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("cleo", BEN, "I am Cleo")
    await scene.says("ben", CLEO, "I know")
    with scene.store("ben") as store:
        store.verifications.confirm(scene.accounts["cleo"].user)
    scene.liar.numbers[scene.village.keys["ben"]] = lambda _: CLEO
    await scene.says("ann", BEN, "I am Cleo, too")
    with pytest.raises(CodeChangedError):
        scene.queue("ben", CLEO, "to whom?")
