"""What a relay achieves by lying about groups: who is in them, what was said there and in which order.

docs/security.md, "What a hostile relay can do", has a line for each of these tests; those whose names say
`achieves` are the lies that nobody finds, with what they come to.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from client import MessageState
from client.groups.records import GroupStep
from client.groups.wishes import WishPromote, WishRemove
from client.records import HistoryEntry
from protocol import (
    Accepted,
    Deliver,
    Delivered,
    DeviceAddress,
    GroupId,
    Log,
    MemberAddress,
    MessageNumber,
    Seq,
    SignedDeviceList,
    Stanza,
    UserId,
)
from protocol.e2e import IdentityKeyPair
from protocol.e2e.membership import Author, draft, sign_entry
from protocol.membership import Action, Add, Demote, NewMember, Promote, Remove
from tests.helpers.scene import (
    CLEO,
    RELAYS_IDENTITY,
    Scene,
    about_the_first,
    nothing_of,
    until,
)
from tests.helpers.village import comes_to

pytestmark = pytest.mark.slow  # whole phones, and time that passes

INTRUDER = UserId(0x1257)


def entry_by(
    scene: Scene,
    group: GroupId,
    author: DeviceAddress,
    identity: IdentityKeyPair,
    action: Action,
    device_list: SignedDeviceList | None = None,
) -> bytes:
    """The next entry of a group's log, as the relay would have one appended that is its own."""
    with scene.store("ann") as store:
        state = store.groups.logs.state(group)
    assert state is not None
    signer = Author(author, identity, device_list)
    return sign_entry(signer, draft(state, group, signer, int(scene.village.clock.now()), action))


def forged_entry(scene: Scene, group: GroupId, action: Action) -> bytes:
    """One in Ann's name, who is the admin, with the only key that the relay has."""
    return entry_by(scene, group, scene.address("ann"), RELAYS_IDENTITY, action)


def tell_entry(scene: Scene, group: GroupId, signed: bytes, index: int, to: Sequence[str]) -> None:
    """Tell some members of an entry, instead of the next message that they are sent."""

    def as_entry(told: Deliver) -> Deliver:
        assert told.gseq is not None
        author = MemberAddress(group, *scene.address("ann"))
        return replace(
            told, chat=author, number=MessageNumber(index + 1), ciphertext=signed, is_entry=1, gseq=told.gseq
        )

    for name in to:
        instead_of_the_next_message(scene, name, as_entry)


def instead_of_the_next_message(scene: Scene, name: str, make: Callable[[Deliver], Deliver]) -> None:
    """Give a member something else, once, in the place of a message to the group."""
    pending = [make]

    def tell(stanza: Stanza) -> list[Stanza]:
        if pending and isinstance(stanza, Deliver) and stanza.gseq is not None:
            return [pending.pop()(stanza)]
        return [stanza]

    scene.lie_to(name, tell)


def next_index(scene: Scene, group: GroupId) -> int:
    return scene.group("ann", group).next_index


async def forge(scene: Scene, action: Action) -> GroupId:
    """A group of three, of which Ben is told a forged entry."""
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "hello")
    signed = forged_entry(scene, group, action)
    tell_entry(scene, group, signed, next_index(scene, group), ["ben"])
    scene.queue("cleo", group, "taken away")
    await until(lambda: GroupStep.FORGED in scene.steps("ben", group))
    return group


# --- Who is in it ---


async def test_a_member_whom_nobody_has_added_is_shown_as_an_intruder_and_given_no_key(
    autojump_clock: MockClock, scene: Scene
) -> None:
    added = Add((NewMember(INTRUDER, RELAYS_IDENTITY.public),))
    group = await forge(scene, added)
    assert scene.steps("ben", group)[-2:] == [GroupStep.FORGED, GroupStep.INTRUDER]
    assert scene.members("ben", group) == ["ann", "ben", "cleo"]
    assert INTRUDER not in [member.person.user for member in scene.group("ben", group).members]
    await scene.says("ben", group, "who is that?")
    with scene.store("ben") as store:  # nobody has even been asked for the intruder's devices
        assert store._peers.active_devices(INTRUDER) == []


async def test_a_member_added_by_somebody_who_is_no_admin_is_shown_as_an_intruder(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    with scene.store("cleo") as store:
        cleo = store._keys.identity()
    added = Add((NewMember(INTRUDER, RELAYS_IDENTITY.public),))
    signed = entry_by(scene, group, scene.address("cleo"), cleo, added)
    tell_entry(scene, group, signed, next_index(scene, group), ["ben"])
    await anything_is_said(scene, group)
    await until(lambda: GroupStep.INTRUDER in scene.steps("ben", group))
    assert scene.members("ben", group) == ["ann", "ben", "cleo"]


async def anything_is_said(scene: Scene, group: GroupId) -> None:
    """Something is said to the group, which the relay may tell as something else."""
    message = scene.queue("ann", group, "taken away")
    await comes_to(scene.phones["ann"], message, MessageState.ACCEPTED)


async def test_an_entry_of_a_removed_companion_achieves_that_it_counts_while_the_log_knows_no_newer_list(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    async with scene.companion("pad", of="ann") as pad:
        device = pad.account.address
    with scene.store("pad") as store:
        identity, old = store._keys.identity(), store.devices.signed_list()
    await scene.phones["ann"].remove_device(device.device)
    removal = Remove((scene.accounts["cleo"].user,))
    signed = entry_by(scene, group, device, identity, removal, old)
    tell_entry(scene, group, signed, next_index(scene, group), ["ben"])
    await anything_is_said(scene, group)
    await until(lambda: scene.members("ben", group) == ["ann", "ben", "pad"])


@pytest.mark.parametrize("lie", ["removal", "promotion", "demotion"])
async def test_a_change_that_nobody_has_signed_is_shown_as_forged_and_changes_nothing(
    autojump_clock: MockClock, scene: Scene, lie: str
) -> None:
    ann, cleo = scene.accounts["ann"].user, scene.accounts["cleo"].user
    actions: dict[str, Action] = {
        "removal": Remove((cleo,)),
        "promotion": Promote((cleo,)),
        "demotion": Demote((ann,)),
    }
    group = await forge(scene, actions[lie])
    assert scene.members("ben", group) == ["ann", "ben", "cleo"]
    admins = [member.person.user for member in scene.group("ben", group).members if member.is_admin]
    assert admins == [ann]


async def test_a_message_of_somebody_who_is_no_member_is_shown_as_an_intruders(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben")
    await scene.says("ann", group, "hello")
    stranger = MemberAddress(group, *scene.address("cleo"))
    instead_of_the_next_message(scene, "ben", lambda told: replace(told, chat=stranger))
    await anything_is_said(scene, group)
    await until(lambda: GroupStep.INTRUDER in scene.steps("ben", group))
    assert scene.said("ben", group) == ["hello"]


async def test_what_is_said_after_a_removal_does_not_open_for_who_was_removed(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "all three")
    await scene.want("ann", group, WishRemove((scene.accounts["cleo"].user,)))
    await until(lambda: not scene.is_in("cleo", group))
    await scene.says("ann", group, "without Cleo")
    sealed = scene.liar.deliveries_to(scene.village.keys["ben"])[-1]
    scene.instead_of_the_next_delivery("cleo", lambda told: replace(sealed, seq=told.seq))
    await scene.says("ben", CLEO, "the relay tells her something else")
    await trio.sleep(60)
    assert scene.said("cleo", group) == ["all three"]


# --- Histories ---


async def test_hiding_a_removal_from_one_member_achieves_that_he_does_not_know_of_it(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "all three")

    def hide(stanza: Stanza) -> list[Stanza]:
        """Entries, and that there are any."""
        if isinstance(stanza, Deliver) and stanza.is_entry:
            return []
        return [replace(stanza, entries=(), next=1) if isinstance(stanza, Log) else stanza]

    scene.lie_to("ben", hide)
    await scene.want("ann", group, WishRemove((scene.accounts["cleo"].user,)))
    scene.queue("ann", group, "without Cleo")
    # It is sealed behind an entry that Ben is not shown, does not open, and is sent again to him alone.
    await until(lambda: scene.said("ben", group) == ["all three", "without Cleo"])
    assert scene.members("ann", group) == ["ann", "ben"]
    assert scene.members("ben", group) == ["ann", "ben", "cleo"]


def history(scene: Scene, name: str, group: GroupId) -> list[HistoryEntry]:
    return scene.phones[name].history(UserId(group))


async def test_another_entry_in_the_place_of_one_is_two_histories_and_nothing_is_sent_any_more(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "hello")
    other = forged_entry(scene, group, Remove((scene.accounts["cleo"].user,)))
    await scene.want("ann", group, WishPromote((scene.accounts["ben"].user,)))
    await until(lambda: next_index(scene, group) == scene.group("ben", group).next_index)
    tell_entry(scene, group, other, next_index(scene, group) - 1, ["ben"])
    await anything_is_said(scene, group)
    await until(lambda: scene.group("ben", group).problem is not None)
    assert scene.group("ben", group).problem == "two-histories"


async def test_an_entry_that_is_told_again_changes_nothing(autojump_clock: MockClock, scene: Scene) -> None:
    group = await scene.found("ann", "ben", "cleo")
    told: list[Deliver] = []

    def twice(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Deliver) or not stanza.is_entry:
            return [stanza]
        told.append(stanza)
        return [stanza, replace(stanza, seq=Seq(stanza.seq + 1))]

    scene.lie_to("ben", twice)
    await scene.want("ann", group, WishPromote((scene.accounts["cleo"].user,)))
    await until(lambda: scene.group("ben", group).next_index == next_index(scene, group))
    await trio.sleep(60)
    assert told
    assert scene.steps("ben", group).count(GroupStep.PROMOTED) == 1
    assert scene.group("ben", group).problem is None


# --- Messages ---


async def test_a_group_message_that_is_told_twice_is_shown_once(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "hello")

    def repeat(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [stanza, replace(stanza, seq=Seq(stanza.seq + 1))]

    scene.lie_to("ben", about_the_first(Deliver, repeat))
    await scene.says("ann", group, "once")
    await trio.sleep(60)
    assert scene.said("ben", group) == ["hello", "once"]


async def test_a_group_message_is_never_taken_for_another_members(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    for name in ("ann", "cleo"):
        await scene.says(name, group, f"I am {name}")
    cleo = MemberAddress(group, *scene.address("cleo"))
    instead_of_the_next_message(scene, "ben", lambda told: replace(told, chat=cleo))
    scene.queue("ann", group, "I hate you")
    await trio.sleep(60)
    by_cleo = [entry for entry in history(scene, "ben", group) if entry.author == scene.accounts["cleo"].user]
    assert "I hate you" not in [entry.text for entry in by_cleo]


async def test_a_relay_that_holds_a_group_message_back_achieves_another_order(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "before")
    held: list[Deliver] = []

    def swap(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Deliver):
            return [stanza]
        if not held:
            held.append(stanza)
            return []
        first = held.pop()
        scene.liar.be_honest()
        return [replace(stanza, seq=first.seq), replace(first, seq=stanza.seq)]

    scene.lie_to("ben", swap)
    for text in ("one", "two"):
        scene.queue("ann", group, text)
    await until(lambda: len(scene.said("ben", group)) == 3)
    assert scene.said("ben", group) == ["before", "two", "one"]


async def test_false_ticks_of_a_group_achieve_that_a_sender_believes_them(
    autojump_clock: MockClock, scene: Scene
) -> None:
    group = await scene.found("ann", "ben", "cleo")
    await scene.says("ann", group, "hello")

    def invent(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Accepted)
        return [stanza, Delivered(stanza.chat, stanza.number)]

    scene.lie_to("ben", nothing_of(Deliver))
    scene.lie_to("ann", about_the_first(Accepted, invent))
    await scene.says("ann", group, "never arrives")
    assert scene.said("ben", group) == ["hello"]
