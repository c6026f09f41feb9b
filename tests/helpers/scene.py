"""Three people with open phones, at a real relay whose words pass a liar (lying_relay.py)."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio

from client import Account, MessageState, Phone
from client.encapsulation import system_encapsulate
from client.groups.records import Group, GroupStep, WishState
from client.groups.wishes import Wish
from client.linking import Invitation, open_newcomer
from client.records import EntryKind
from client.relay_url import parse_relay_url
from client.store import Store
from client.wire_keys import bundle_from_wire, signed_prekey_to_wire
from protocol import (
    Accepted,
    Bundles,
    Deliver,
    DeviceAddress,
    DeviceBundle,
    DeviceId,
    ErrorCode,
    GroupId,
    KeyPair,
    Refused,
    SignedDeviceList,
    Stanza,
    UserId,
)
from protocol.device_list import DeviceList, ListedDevice, decode_device_list
from protocol.e2e import IdentityKeyPair, SessionRecord, Text, sign_device_list
from protocol.e2e import Prekey as PrekeyPair
from protocol.e2e.content import CONTENT_ID_BYTES, encode, sent_at_from_unix
from protocol.e2e.group_info import GroupInfo
from tests.helpers.lying_relay import Liar, Lie, liar_at_the_relay
from tests.helpers.village import PATIENCE_SECONDS, Village, comes_to, open_village

ANN, BEN, CLEO = "+491713920001", "+491713920002", "+491713920003"
NUMBERS = {"ann": ANN, "ben": BEN, "cleo": CLEO}

DAY_SECONDS = 86_400
LOOK_SECONDS = 0.5  # of virtual time

RELAYS_IDENTITY = IdentityKeyPair.from_seed(b"i" * 32)
"""A key that whoever runs the relay has made for the purpose."""


@dataclass(slots=True)
class Scene:
    """Three people with open phones, and the one who lies to them."""

    village: Village
    liar: Liar
    accounts: dict[str, Account]
    phones: dict[str, Phone]

    def lie_to(self, name: str, lie: Lie) -> None:
        """From now on this device hears what `lie` makes of each stanza."""
        self.liar.lie_to(self.village.keys[name], lie)

    def instead_of_the_next_delivery(self, name: str, make: Callable[[Deliver], Deliver]) -> None:
        """Give a device something else, once, under the seq of what it should have got."""
        self.lie_to(name, about_the_first(Deliver, lambda stanza: [make(_delivery(stanza))]))

    def address(self, name: str) -> DeviceAddress:
        """Of somebody's phone."""
        return self.accounts[name].address

    def store(self, name: str) -> Store:
        """A look into somebody's home."""
        return Store.open(self.village.home(name), self.village.entropy, self.village.clock)

    def code_of(self, name: str, other: str) -> str | None:
        """The security code that one has with another."""
        with self.store(name) as store:
            return store.safety_number(self.accounts[other].user)

    async def says(self, name: str, to: str | GroupId, text: str) -> str:
        """Have somebody write, and wait until it is delivered; returns the message's id."""
        message = self.queue(name, to, text)
        await comes_to(self.phones[name], message, MessageState.DELIVERED)
        return message

    def queue(self, name: str, to: str | GroupId, text: str) -> str:
        """Have somebody write; returns the message's id."""
        return self.phones[name].send_text(to if isinstance(to, str) else _chat(to), text)

    @asynccontextmanager
    async def companion(self, name: str, of: str) -> AsyncIterator[Phone]:
        """Somebody links another device, which is open for the length of the block."""
        village, account = self.village, self.accounts[of]
        async with open_newcomer(
            village.home(name),
            parse_relay_url(account.relay_url),
            name,
            network=village.network,
            entropy=village.entropy,
            clock=village.clock,
        ) as newcomer:
            invitations, shown = trio.open_memory_channel[Invitation](4)

            async def wait() -> None:
                self.accounts[name] = await newcomer.link(invitations.send_nowait, pytest.fail)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                invitation = await shown.receive()
                await self.phones[of].link_device(invitation.text, village.entropy)
        village.keys[name] = KeyPair.from_private_bytes(self.accounts[name].noise_private).public
        async with self.village.open(name) as phone:
            self.phones[name] = phone
            yield phone

    def device_list(self, name: str) -> DeviceList:
        """What somebody's primary has signed last."""
        with self.store(name) as store:
            signed = store.devices.signed_list()
        assert signed is not None
        return decode_device_list(signed.encoded)

    async def forged(self, to: str, author: DeviceAddress, text: str) -> bytes:
        """A first message that the relay has made up for somebody, with the keys that it hands out for them.

        The keys are those for which Cleo asks, who gets none.
        """
        taken: list[Bundles] = []

        def take(stanza: Stanza) -> list[Stanza]:
            if not isinstance(stanza, Bundles):
                return [stanza]
            taken.append(stanza)
            return []

        self.lie_to("cleo", take)
        self.queue("cleo", self.accounts[to].phone, "never sent")
        await until(lambda: bool(taken))
        address = self.address(to)
        (keys,) = [each for each in taken[0].devices if each.device == address.device]
        record = SessionRecord(author, address, self.village.entropy)
        record.initiate(RELAYS_IDENTITY, bundle_from_wire(keys), system_encapsulate)
        content_id = self.village.entropy(CONTENT_ID_BYTES)
        return record.encrypt(encode(Text(content_id, sent_at_from_unix(self.village.clock.now()), text)))

    # ---- groups ----

    async def found(self, name: str, *others: str) -> GroupId:
        """Somebody makes a group of these, and all of them have it."""
        phone = self.phones[name]
        users = [self.accounts[other].user for other in others]
        group, row = phone._store.groups.create(users, GroupInfo("Friends", "", None))
        phone.groups._sync.look()
        await self._settled(phone, row)
        for each in (name, *others):
            await until(lambda each=each: self.is_in(each, group))  # type: ignore[misc] # mypy cannot type a default in a lambda
        return group

    async def want(self, name: str, group: GroupId, wish: Wish) -> None:
        """Somebody changes a group, and the relay has heard it."""
        phone = self.phones[name]
        await self._settled(phone, phone.groups.want(group, wish))

    async def _settled(self, phone: Phone, row: int) -> None:
        wishes = phone._store.groups.wishes
        await until(lambda: wishes.outcome(row).state is not WishState.DUE)
        assert wishes.outcome(row).state is WishState.DONE, wishes.outcome(row).error_name

    def group(self, name: str, group: GroupId) -> Group:
        """A group as somebody's phone has it."""
        found = self.phones[name]._store.groups.group(group)
        assert found is not None
        return found

    def is_in(self, name: str, group: GroupId) -> bool:
        """Whether somebody's phone believes to be in the group."""
        return self.phones[name]._store.groups.is_member(group)

    def members(self, name: str, group: GroupId) -> list[str]:
        """The members, as somebody's phone has them."""
        users = [member.person.user for member in self.group(name, group).members]
        return [each for each, account in self.accounts.items() if account.user in users]

    def steps(self, name: str, group: GroupId) -> list[GroupStep]:
        """What the history of a group says of its changes."""
        entries = self.phones[name].history(_chat(group))
        return [entry.change.step for entry in entries if entry.change is not None]

    def said(self, name: str, group: GroupId) -> list[str | None]:
        """What others have said in a group, as somebody's phone shows it."""
        entries = self.phones[name].history(_chat(group))
        return [entry.text for entry in entries if not entry.outgoing and entry.kind is EntryKind.TEXT]


def _chat(group: GroupId) -> UserId:
    return UserId(group)


def _delivery(stanza: Stanza) -> Deliver:
    assert isinstance(stanza, Deliver)
    return stanza


@asynccontextmanager
async def open_scene(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Register three people, and switch their phones on."""
    with liar_at_the_relay(monkeypatch) as liar:
        async with open_village(folder) as village:
            accounts = {name: await village.register(name, number) for name, number in NUMBERS.items()}
            async with village.open("ann") as ann, village.open("ben") as ben, village.open("cleo") as cleo:
                yield Scene(village, liar, accounts, {"ann": ann, "ben": ben, "cleo": cleo})


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    with trio.fail_after(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - of several phones, and of their stores: there is no one event
            await trio.sleep(LOOK_SECONDS)


# ---- lies ----


def about_the_first(kind: type[Stanza], lie: Lie) -> Lie:
    """Lie about the first stanza of a kind only."""
    pending = [lie]

    def tell(stanza: Stanza) -> Sequence[Stanza]:
        return pending.pop()(stanza) if pending and isinstance(stanza, kind) else [stanza]

    return tell


def about_bundles(change: Callable[[Bundles], Bundles]) -> Lie:
    """Lie about keys and devices whenever they are asked for."""
    return lambda stanza: [change(stanza) if isinstance(stanza, Bundles) else stanza]


def stale_devices_and_then(change: Callable[[Bundles], Bundles]) -> Lie:
    """Say that somebody's devices are others now, which makes a phone ask for them, and lie about them."""
    has_said: list[Stanza] = []

    def tell(stanza: Stanza) -> Sequence[Stanza]:
        if isinstance(stanza, Accepted) and not has_said:
            has_said.append(stanza)
            return [Refused(stanza.chat, stanza.number, ErrorCode.STALE_DEVICES, (1,))]
        return about_bundles(change)(stanza)

    return tell


def nothing_of(*kinds: type[Stanza]) -> Lie:
    """Drop stanzas of these kinds."""
    return lambda stanza: [] if isinstance(stanza, kinds) else [stanza]


def keys_of_the_relay(device: DeviceId) -> DeviceBundle:
    """A device that the relay has made up; well signed, by itself."""
    signed = signed_prekey_to_wire(PrekeyPair.from_private(1, b"i" * 32).signed_by(RELAYS_IDENTITY))
    return DeviceBundle(device, RELAYS_IDENTITY.public, *signed, None)


def impostors(bundles: Bundles) -> Bundles:
    """The answer with keys of whoever runs the relay in the place of the devices' own, and no list."""
    devices = tuple(keys_of_the_relay(each.device) for each in bundles.devices)
    return replace(bundles, devices=devices, device_list=None)


def another_identity(bundles: Bundles) -> Bundles:
    """The answer as if the number had been registered anew, by whoever runs the relay."""
    newest = max([each.device for each in bundles.devices] + list(bundles.present or ()), default=1)
    device = DeviceId(newest + 1)
    return replace(bundles, devices=(keys_of_the_relay(device),), device_list=None, present=(device,))


def signed_by_the_relay(device_list: DeviceList) -> SignedDeviceList:
    """A list with a signature of the only key that the relay has."""
    own = DeviceList(device_list.user, 1, 0, (ListedDevice(DeviceId(1), RELAYS_IDENTITY.public),))
    return SignedDeviceList(device_list.encode(), sign_device_list(RELAYS_IDENTITY, own).signature)
